"""Write ``tailsampler/control/v1`` from ``proto/tailsampler/v1/control.proto``.

``python -m tailsampler.control.generate`` needs grpcio-tools and mypy-protobuf, which the
``dev`` extra holds. What it writes is committed, so that installing needs neither; a test
compares both.
"""

import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PROTO: Final = ROOT / "proto" / "tailsampler" / "v1"
GENERATED: Final = Path("tailsampler") / "control" / "v1"


def generate(root: Path) -> None:
    """Write the modules below ``root``; raises ``RuntimeError`` if protoc fails."""
    from grpc_tools import protoc  # noqa: PLC0415 - the dev extra; see above

    (root / GENERATED).mkdir(parents=True, exist_ok=True)
    # The proto file is read as if it stood where its Python modules stand, which makes the
    # imports among them absolute.
    arguments = [
        "protoc",
        f"-I{GENERATED.as_posix()}={PROTO}",
        f"-I{resources.files('grpc_tools') / '_proto'}",
        f"--python_out={root}",
        f"--grpc_python_out={root}",
        f"--mypy_out={root}",
        f"--mypy_grpc_out={root}",
        f"{GENERATED.as_posix()}/control.proto",
    ]
    if protoc.main(arguments) != 0:
        raise RuntimeError(f"protoc failed on {PROTO / 'control.proto'}; its message is above")
    (root / GENERATED / "__init__.py").write_text(
        '"""Written by ``tailsampler.control.generate``; do not edit."""\n', encoding="ascii"
    )


def main() -> None:
    """Generate aside first, so that a failure leaves what is there."""
    with tempfile.TemporaryDirectory() as aside:
        generate(Path(aside))
        shutil.copytree(Path(aside) / GENERATED, ROOT / GENERATED, dirs_exist_ok=True)
    sys.stdout.write(f"wrote {GENERATED}\n")


if __name__ == "__main__":
    main()
