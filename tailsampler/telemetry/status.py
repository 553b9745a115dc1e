"""Where the gateway is in its life, and what the listeners beside it may look at."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from tailsampler.access.certificates import CertificateState
from tailsampler.clock import Clock
from tailsampler.export.state import ExporterState
from tailsampler.telemetry.contained import Contained, Trouble
from tailsampler.telemetry.contrib import Replaced
from tailsampler.telemetry.found import Found
from tailsampler.telemetry.peers import PeerState

SILENT_S: Final = 30.0
"""A data plane that answers nothing for so long is in trouble."""

_THREADS: Final = {
    "writer": "Requests are refused, and their senders keep the spans; nothing that was accepted "
    "is lost. Restart the process: it brings everything back from its logs.",
    "packer": "Kept traces do not reach the outbox and wait in the buffer log. Restart the "
    "process: it brings everything back from its logs.",
    "keeper": "Logs are neither forced to the disk nor freed. Restart the process.",
}
"""What follows where a thread of the data plane has ended."""


_REFUSING: Final = (
    "Many requests are refused, and senders keep their spans; others should go to another gateway "
    "if there is one. tailsampler_requests_refused_total says why."
)


def shed_sentence(level: int) -> str:
    """What a level of overload means."""
    return (
        f"More comes in than can be held: one of {1 << level} traces is taken, the others are "
        "counted as dropped for overload. Add a gateway, memory or disk, or shorten decision_wait."
    )


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

    def hear(self, verdicts: bytes, /) -> None:
        """Take what another gateway tells: 24 bytes a trace, its id and T, big endian."""


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
    contained: Contained
    """Failures of our own."""
    exporters: Mapping[str, ExporterState] = field(default_factory=dict)
    """By name, the primary first."""
    tenants: tuple[str, ...] = ("default",)
    """Names, by their numbers in the core."""
    certificates: Mapping[str, CertificateState] = field(default_factory=dict)
    """By listener or exporter."""
    peers: Mapping[str, PeerState] = field(default_factory=dict)
    """The other gateways of the tier, by ``host:port``; they come and go."""
    replaced: Replaced | None = None
    """The processor of a Collector whose metrics are offered beside ours."""
    version: str = "unknown"
    """Of the program."""
    phase: Phase = Phase.STARTING
    started_ns: int = 0
    """Wall clock."""
    started_s: float = 0.0
    """Monotonic clock."""
    found: Found | None = None
    """What the start found in the data directory."""
    failed_threads: tuple[str, ...] = ()
    """Of the data plane: those that ended though nobody asked them to."""
    refusing: bool = False
    """Many requests have been refused for seconds (``refusing.py``)."""
    overload_level: int = 0
    """How often the share of traces that is taken was halved (``refusing.py``)."""
    answered_s: float = 0.0
    """When the data plane last answered, on the monotonic clock."""

    def __post_init__(self) -> None:
        self.started_ns = self.clock.wall_ns()
        self.started_s = self.answered_s = self.clock.monotonic_s()

    @property
    def ready(self) -> bool:
        """Whether requests are taken, and nothing that they need is in trouble."""
        return self.phase is Phase.READY and not any(one.needed for one in self.troubles())

    def troubles(self) -> Sequence[Trouble]:
        """Everything that does not do its work; empty while all is well."""
        found = [
            Trouble(name, f"The {name} thread has ended. {_THREADS.get(name, '')}".strip(), True)
            for name in self.failed_threads
        ]
        silent_s = self.clock.monotonic_s() - self.answered_s
        if self.phase is Phase.READY and silent_s > SILENT_S:
            say = f"The data plane has not answered for {silent_s:.0f} s; look at the disk."
            found.append(Trouble("data_plane", say, True))
        if self.refusing:
            found.append(Trouble("doors", _REFUSING, True))
        if self.overload_level:
            found.append(Trouble("overload", shed_sentence(self.overload_level), False))
        return (*found, *self.contained.troubles())

    @property
    def uptime_s(self) -> float:
        """Seconds since the start."""
        return self.clock.monotonic_s() - self.started_s
