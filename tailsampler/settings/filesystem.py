"""On what kind of file system a directory stands, as Linux tells it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_MOUNTS: Final = Path("/proc/self/mountinfo")
_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


def lives_in_memory(directory: Path, mounts: Path = _MOUNTS) -> bool:
    """Whether what is written there is gone with the machine, or with its pod.

    A directory that is not there yet stands where its nearest parent does. False where that
    cannot be found out.
    """
    return filesystem_of(directory, mounts) in _IN_MEMORY


def filesystem_of(directory: Path, mounts: Path = _MOUNTS) -> str | None:
    """``ext4``, ``tmpfs``, ...; None if it cannot be found out."""
    try:
        path = directory.resolve()
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, RuntimeError):  # no /proc, or a loop of links
        return None
    found, longest = None, -1
    for line in lines:
        # 36 35 98:0 /root /mount/point options... - type source options
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = Path(_ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), fields[4]))
        # Of two mounts in one place the later one is seen.
        if path.is_relative_to(point) and len(point.parts) >= longest:
            found, longest = after.split(" ")[0], len(point.parts)
    return found
