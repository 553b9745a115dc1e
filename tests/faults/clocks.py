"""The wall clock of one process, which can be another one than everybody's."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.needs import lack

_LIBRARIES: Final = ("libfaketime.so.1", "libfaketimeMT.so.1")


def clock_of(control: Path) -> dict[str, str]:
    """The environment of a process whose wall clock this file moves, see ``step_to``.

    The monotonic clock stays what it is. The calling test is skipped without libfaketime.
    """
    return {
        **_environment(),
        "FAKETIME_TIMESTAMP_FILE": str(control),
        "FAKETIME_NO_CACHE": "1",
    }


def clock_ahead(seconds: int) -> dict[str, str]:
    """The environment of a process whose wall clock is ahead for good, or behind.

    Its monotonic clock stays what it is. The calling test is skipped without libfaketime.
    """
    return {**_environment(), "FAKETIME": f"{seconds:+d}s"}


def step_to(control: Path, seconds: int) -> None:
    """Move the clock of the processes that read this file, all of a sudden."""
    beside = control.with_suffix(".new")
    beside.write_text(f"{seconds:+d}s\n")
    beside.rename(control)


def _environment() -> dict[str, str]:
    return {
        "LD_PRELOAD": _library(),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # For a C library of long ago; with a later one threads that wait sleep too long.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
    }


def _library() -> str:
    for root in (Path("/usr/lib"), Path("/usr/local/lib")):
        for name in _LIBRARIES:
            for found in sorted(root.rglob(name)):
                return str(found)
    lack("libfaketime (Debian package faketime), to move the clock of one process")
    return ""
