"""Written by ``tailsampler.control.generate``; do not edit."""
