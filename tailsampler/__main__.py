"""``python -m tailsampler`` is ``tailsampler``."""

from tailsampler.cli import main

if __name__ == "__main__":
    main()
