"""Bounds that nobody has set are lowered to what the machine has; those that were set stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tailsampler.settings.base import Section
from tailsampler.settings.machine import Machine
from tailsampler.settings.root import Settings
from tailsampler.settings.units import size_text

_MIB: Final = 1 << 20
_VERDICT_BYTES: Final = 24
"""Memory of a remembered verdict."""

_OF_MEMORY: Final = (
    # section, setting, parts of a hundred, no lower than
    ("buffer", "max_index_bytes", 40, 16 * _MIB),
    ("receive", "in_flight_bytes", 12, 64 * _MIB),
)
_OF_DISK: Final = (
    ("buffer", "max_bytes", 50, 16 * _MIB),
    ("outbox", "max_bytes", 25, 16 * _MIB),
    ("decisions", "max_bytes", 5, 4 * _MIB),
)
_VERDICTS_OF_MEMORY: Final = 5
PROGRAM_BYTES: Final = 96 * _MIB
"""Before the first span, and what exporters have under way."""
_SEGMENTS: Final = 16
"""Files of a buffer that is smaller than the default; four at least are needed."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """One bound that was lowered."""

    key: str
    default: int
    value: int
    why: str
    """What it follows from, in words."""

    @property
    def say(self) -> str:
        """For people."""
        default, value = (
            (size_text(self.default), size_text(self.value))
            if self.key.endswith("_bytes")
            else (f"{self.default:,}", f"{self.value:,}")
        )
        return (
            f"{self.key} is {value} here and not {default}, for there is {self.why}; "
            "write it down to have it otherwise"
        )


def fit(settings: Settings, machine: Machine) -> tuple[Settings, tuple[Fitted, ...]]:
    """``settings`` with their unset bounds lowered to this machine, and what was lowered."""
    fitting = _Fitting(settings)
    memory, disk = machine.memory_bytes, machine.disk_bytes
    why = "" if disk is None else f"a file system of {size_text(disk)}"
    if memory is not None and machine.disk_in_memory and (disk is None or disk > memory // 2):
        disk = memory // 2
        why = f"{size_text(memory)} of memory, half of it for data_directory, which is in memory"
    if disk is not None:
        for section, name, parts, floor in _OF_DISK:
            fitting.lower(section, name, max(disk * parts // 100, floor), why)
        most = fitting.settings.buffer.max_bytes
        fitting.lower("buffer", "segment_bytes", max(most // _SEGMENTS, _MIB), why)
    if memory is not None:
        why = f"{size_text(memory)} of memory"
        if machine.disk_in_memory:
            on_disk = sum(_bound(fitting.settings, *which[:2]) for which in _OF_DISK)
            memory = max(memory - on_disk, 0)
            why += f", {size_text(on_disk)} of it for data_directory, which is in memory"
        for section, name, parts, floor in _OF_MEMORY:
            fitting.lower(section, name, max(memory * parts // 100, floor), why)
        verdicts = memory * _VERDICTS_OF_MEMORY // 100 // _VERDICT_BYTES
        fitting.lower("late", "max_traces", verdicts, why)
    return fitting.settings, tuple(fitting.done)


def too_small(settings: Settings, machine: Machine) -> str | None:
    """What to do where all bounds together are more than there is; None if they are not."""
    if machine.memory_bytes is None:
        return None
    parts = {
        f"{section}.{name}": _bound(settings, section, name) for section, name, *_ in _OF_MEMORY
    }
    parts["late.max_traces"] = settings.late.max_traces * _VERDICT_BYTES
    if settings.peers.enabled:
        parts["peers.max_traces"] = settings.peers.max_traces * _VERDICT_BYTES
    if machine.disk_in_memory:
        parts |= {
            f"{section}.{name}": _bound(settings, section, name) for section, name, *_ in _OF_DISK
        }
    needed = sum(parts.values()) + PROGRAM_BYTES
    if needed <= machine.memory_bytes:
        return None
    largest = sorted(parts, key=lambda key: -parts[key])
    told = ", ".join(f"{key} {size_text(parts[key])}" for key in largest)
    return (
        f"the bounds of memory come to {size_text(needed)} ({told}, and "
        f"{size_text(PROGRAM_BYTES)} of the program itself), and there is "
        f"{size_text(machine.memory_bytes)}: under load the kernel would end the process. "
        "Lower the first of them, or give it more memory"
    )


def _bound(settings: Settings, section: str, name: str) -> int:
    bound: int = getattr(getattr(settings, section), name)
    return bound


class _Fitting:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.done: list[Fitted] = []

    def lower(self, section: str, name: str, most: int, why: str) -> None:
        """Lower one setting to ``most``, unless somebody wrote it down or it is lower already."""
        part: Section = getattr(self.settings, section)
        now: int = getattr(part, name)
        # To whole MiB, for the eye.
        most = most // _MIB * _MIB if most > _MIB and name.endswith("_bytes") else most
        if name in part.model_fields_set or now <= most:
            return
        lowered = part.model_copy(update={name: most})
        self.settings = self.settings.model_copy(update={section: lowered})
        self.done.append(Fitted(f"{section}.{name}", now, most, why))
