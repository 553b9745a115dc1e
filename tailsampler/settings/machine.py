"""What the machine, or the container, has for us: memory and disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tailsampler.settings.filesystem import lives_in_memory

_CGROUPS: Final = Path("/sys/fs/cgroup")
_OWN_CGROUP: Final = Path("/proc/self/cgroup")
# Version 1 spells "no limit" as a number near 2^63.
_NO_LIMIT: Final = 1 << 60


@dataclass(frozen=True, slots=True)
class Machine:
    """In bytes; None where it could not be found out."""

    memory_bytes: int | None = None
    """The smallest limit of the control groups that we are in, or all there is."""
    disk_bytes: int | None = None
    """The size of the file system that the data directory stands on."""
    disk_in_memory: bool = False
    """What is written there counts as memory of ours."""


def look(data_directory: Path) -> Machine:
    """Ask the kernel."""
    all_of_it = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        memory_bytes=min(memory_limit() or all_of_it, all_of_it),
        disk_bytes=_disk(data_directory),
        disk_in_memory=lives_in_memory(data_directory),
    )


def memory_limit(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUP) -> int | None:
    """The tightest of the limits that hold for this process, in bytes; None: there is none."""
    found = []
    for line in _text(own).splitlines():
        # 0::/path in version 2, 5:memory:/path in version 1; in a container the path may be that
        # of the host, so the top is looked at, too.
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            top, name = cgroups, "memory.max"
        elif "memory" in controllers.split(","):
            top, name = cgroups / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = top / path.lstrip("/")
        found += [_number(place / name) for place in (group, *group.parents)]
        found.append(_number(top / name))
    limits = [limit for limit in found if limit is not None and limit < _NO_LIMIT]
    return min(limits, default=None)


def _disk(directory: Path) -> int | None:
    for place in (directory, *directory.absolute().parents):
        try:
            size = os.statvfs(place)
        except OSError:
            continue  # not made yet: it will stand where its parent does
        return size.f_blocks * size.f_frsize
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None  # "max" is no limit
