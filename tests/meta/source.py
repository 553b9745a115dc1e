"""The files that a rule about the source applies to."""

import subprocess
from functools import cache
from pathlib import Path

from tests.needs import ROOT, need

GENERATED = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi")


@cache
def tracked() -> tuple[Path, ...]:
    """Every file of the project, also those not yet added, in order."""
    need("git")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = sorted(set(filter(None, listed.split("\0"))))
    return tuple(ROOT / name for name in names if (ROOT / name).is_file())


def written_by_hand(*suffixes: str) -> list[Path]:
    """Source files with these suffixes that no generator wrote."""
    return [
        path for path in tracked() if path.suffix in suffixes and not path.name.endswith(GENERATED)
    ]


def name(path: Path) -> str:
    """A path as a reader of the repository knows it."""
    return str(path.relative_to(ROOT))
