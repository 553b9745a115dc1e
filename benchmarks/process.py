"""What the kernel says about a process and the machine."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process, in seconds, to a hundredth."""
    # The program's name, field 2, may hold spaces; it ends at the last parenthesis.
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


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
    ticks = 0
    for path in PROC.glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[1] == "2":  # their parent is kthreadd
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


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
