"""Where the gateway is in its life, and what the listeners beside it may look at."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tailsampler.clock import Clock
from tailsampler.export.state import ExporterState


class Core(Protocol):
    """The part of ``_core.Gateway`` that tells what is known. Every call may take a while."""

    def ledger(self) -> str:
        """The books, as JSON."""

    def stats(self) -> str:
        """Gauges and counters beside the books, as JSON."""

    def decision(self, trace_id: bytes, /) -> str | None:
        """What is known of a trace, as JSON; may search the verdict log."""

    def recent(self, limit: int, /) -> str:
        """The newest verdicts, newest first, as a JSON array; ``limit`` of each kind."""

    def judge_all(self) -> int:
        """Judge every held trace now; returns how many."""


class Phase(enum.Enum):
    """Alive and ready are two things: a gateway that is closing is alive."""

    STARTING = "starting"
    """Replaying, connecting; the doors are closed."""
    READY = "ready"
    """The doors are open."""
    CLOSING = "closing"
    """A signal came; the doors are closed and what is kept is being sent."""


@dataclass(slots=True)
class Status:
    """Written by ``app``, read by the health, admin and control listeners."""

    clock: Clock
    exporters: Mapping[str, ExporterState] = field(default_factory=dict)
    """By name, the primary first."""
    version: str = "unknown"
    """Of the program."""
    phase: Phase = Phase.STARTING
    started_ns: int = 0
    """Wall clock."""
    started_s: float = 0.0
    """Monotonic clock."""

    def __post_init__(self) -> None:
        self.started_ns = self.clock.wall_ns()
        self.started_s = self.clock.monotonic_s()

    @property
    def ready(self) -> bool:
        """Whether requests are taken."""
        return self.phase is Phase.READY

    @property
    def uptime_s(self) -> float:
        """Seconds since the start."""
        return self.clock.monotonic_s() - self.started_s
