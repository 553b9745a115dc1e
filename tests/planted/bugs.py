"""The bugs that the simulation has to find, and a copy of the source to plant them in."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORE = Path("crates/core/src")

# What cargo needs to build the simulation.
SOURCE = ("Cargo.toml", "Cargo.lock", "crates", "benchmarks/load")


@dataclass(frozen=True)
class Bug:
    """One bug: `old` stands exactly once in `file`, and `new` in its place is wrong."""

    name: str
    file: str
    old: str
    new: str

    def planted(self, source: str) -> str:
        """`source` with the bug in it; `ValueError` if there is not one place for it."""
        if (found := source.count(self.old)) != 1:
            message = f"{self.name}: its place stands {found} times in {self.file}, not once"
            raise ValueError(message)
        return source.replace(self.old, self.new)


def bugs() -> list[Bug]:
    """All of them."""
    text = (Path(__file__).parent / "bugs.toml").read_text(encoding="utf-8")
    return [Bug(**bug) for bug in tomllib.loads(text)["bug"]]


def copy_source(to: Path) -> None:
    """Copy what the simulation is built from."""
    for name in SOURCE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name)
        else:
            shutil.copy2(source, to / name)


class Planted:
    """A copy of the source that has a bug as long as the context lasts."""

    def __init__(self, copy: Path, bug: Bug) -> None:
        self._file = copy / CORE / bug.file
        self._bug = bug
        self._healthy = ""

    def __enter__(self) -> None:
        self._healthy = self._file.read_text(encoding="utf-8")
        self._file.write_text(self._bug.planted(self._healthy), encoding="utf-8")

    def __exit__(self, *_: object) -> None:
        self._file.write_text(self._healthy, encoding="utf-8")
