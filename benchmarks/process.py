"""What the kernel says about a process and the machine."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
_SCHEDULED = 2
"""Of the clocks of a process, that of time on a processor: clock_getcpuclockid(3)."""


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process, ended ones too, in seconds.

    From the clock that the kernel keeps for it, which counts nanoseconds and not ticks.
    """
    return time.clock_gettime(~pid << 3 | _SCHEDULED)


def tree(pid: int) -> list[int]:
    """A process and all that it started and that still run, itself first."""
    found = [pid]
    for one in found:
        for task in PROC.glob(f"{one}/task/*/children"):
            try:
                found += map(int, task.read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def tree_cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children, of ended ones as far as waited for."""
    total = 0.0
    for one in tree(pid):
        try:
            # The program's name, field 2, may hold spaces; it ends at the last parenthesis.
            fields = (PROC / str(one) / "stat").read_text().rpartition(")")[2].split()
            total += cpu_seconds(one) + (int(fields[13]) + int(fields[14])) / TICKS
        except (FileNotFoundError, ProcessLookupError, OSError):
            continue
    return total


def tree_memory(pid: int) -> Memory:
    """Resident memory of a process and its children."""
    resident = anonymous = 0
    for one in tree(pid):
        try:
            found = memory(one)
        except (FileNotFoundError, ProcessLookupError):
            continue
        resident, anonymous = resident + found.resident, anonymous + found.anonymous
    return Memory(resident, anonymous)


def machine_busy_seconds() -> float:
    """Processor time that all programs on the machine have used since it started."""
    name, *fields = (PROC / "stat").read_text().partition("\n")[0].split()
    if name != "cpu":
        message = f"/proc/stat begins with {name}, not cpu"
        raise RuntimeError(message)
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(field) for field in fields[:8])
    return (user + nice + system + irq + softirq + steal) / TICKS


def kernel_thread_seconds() -> float:
    """Processor time of the kernel's own threads since they started.

    Among them: what writes back dirty pages, and what commits the file system's journal.
    """
    total = 0.0
    for path in PROC.glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
            if fields[1] == "2":  # their parent is kthreadd
                total += cpu_seconds(int(path.parent.name))
        except OSError:  # it has ended
            continue
    return total


def written_bytes(path: Path) -> int:
    """What reached the device below ``path`` since the machine started, from all programs."""
    device = path.stat().st_dev
    for line in (PROC / "diskstats").read_text().splitlines():
        fields = line.split()
        if (int(fields[0]), int(fields[1])) == (os.major(device), os.minor(device)):
            return int(fields[9]) * 512  # sectors, whatever the device's own size is
    return 0


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of a process, in bytes."""

    resident: int
    anonymous: int

    @property
    def mapped(self) -> int:
        """Pages of files and shared memory; the kernel can drop or write them back."""
        return self.resident - self.anonymous


def memory(pid: int) -> Memory:
    """From ``smaps_rollup``: huge pages and pages in flight are counted exactly."""
    sizes = {}
    for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines()[1:]:
        name, _, rest = line.partition(":")
        sizes[name] = int(rest.split()[0]) * 1024
    return Memory(resident=sizes["Rss"], anonymous=sizes["Anonymous"])


def disk_bytes(directory: Path) -> int:
    """What the files below a directory occupy; a file that vanishes meanwhile counts nothing."""
    total = 0
    for path in directory.rglob("*"):
        try:
            total += path.lstat().st_blocks * 512
        except FileNotFoundError:
            continue
    return total


def machine() -> str:
    """Processor, cores, kernel and memory, in one line."""
    models = {
        line.partition(":")[2].strip()
        for line in (PROC / "cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    }
    gigabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    cores = len(os.sched_getaffinity(0))
    model = ", ".join(sorted(models)) or platform.machine()
    return f"{model}, {cores} cores, {gigabytes:.0f} GB, Linux {platform.release()}"
