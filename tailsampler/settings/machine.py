"""What the machine, or the container, has for us: memory and disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_UNLIMITED: Final = 1 << 60
"""Control groups of version 1 say a number about this where there is no limit."""


@dataclass(frozen=True, slots=True)
class Machine:
    """In bytes; None where it could not be found out."""

    memory_bytes: int | None = None
    """The smallest limit of the control groups that we are in, or all there is."""
    disk_bytes: int | None = None
    """The size of the file system that the data directory stands on."""


def look(data_directory: Path, root: Path = Path("/")) -> Machine:
    """Ask the kernel. ``root`` is where ``proc`` and ``sys`` are, for tests."""
    return Machine(memory_bytes=_memory(root), disk_bytes=_disk(data_directory))


def _memory(root: Path) -> int | None:
    limits = [limit for limit in _limits(root) if limit < _UNLIMITED]
    return min(limits, default=None)


def _limits(root: Path) -> list[int]:
    found = []
    groups = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        below = path.strip("/")
        if controllers == "":
            # A limit further up holds as well.
            for parent in (groups / below, *(groups / below).parents):
                found.append(_number(parent / "memory.max"))
                if parent == groups:
                    break
        elif "memory" in controllers.split(","):
            found += [
                _number(groups / "memory" / place / "memory.limit_in_bytes")
                for place in (below, "")
            ]
    for line in _read(root / "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        if name == "MemTotal":
            found.append(int(rest.split()[0]) << 10)
    return [limit for limit in found if limit is not None]


def _number(path: Path) -> int | None:
    text = _read(path).strip()
    return int(text) if text.isdigit() else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""  # not a kernel that has it


def _disk(directory: Path) -> int | None:
    for place in (directory, *directory.absolute().parents):
        try:
            size = os.statvfs(place)
        except FileNotFoundError:
            continue
        except OSError:
            return None
        return size.f_blocks * size.f_frsize
    return None
