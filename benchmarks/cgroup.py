"""A control group with a memory limit, as a container has one, where the kernel lets us make it."""

import contextlib
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One of either version; the page cache of its processes counts, as it does in a pod."""

    path: Path
    limit: str
    peak: str
    events: str

    @property
    def processes(self) -> Path:
        """A process whose id is written there is in it from then on."""
        return self.path / "cgroup.procs"

    def peak_bytes(self) -> int:
        """What it had at its highest, page cache included."""
        return int((self.path / self.peak).read_text())

    def kills(self) -> int:
        """How often the kernel killed a process of it for want of memory."""
        for line in (self.path / self.events).read_text().splitlines():
            name, _, number = line.partition(" ")
            if name == "oom_kill":
                return int(number)
        return 0


@contextlib.contextmanager
def limited(max_bytes: int) -> Iterator[Cgroup | None]:
    """A group of its own while the ``with`` block runs; None where none can be had."""
    name = f"tailsampler-bench-{os.getpid()}-{next(_numbers)}"
    if (ROOT / "cgroup.controllers").exists():
        group = Cgroup(ROOT / name, "memory.max", "memory.peak", "memory.events")
    else:
        path = ROOT / "memory" / name
        group = Cgroup(
            path, "memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control"
        )
    try:
        group.path.mkdir()
    except OSError:
        yield None
        return
    try:
        try:
            (group.path / group.limit).write_text(str(max_bytes))
        except OSError:
            yield None
        else:
            yield group
    finally:
        with contextlib.suppress(OSError):  # a process that is about to end may still be in it
            group.path.rmdir()
