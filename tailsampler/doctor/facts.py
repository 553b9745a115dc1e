"""Everything that checks look at, read beforehand: no check asks anybody anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self

from tailsampler.decide.chosen import wait_of
from tailsampler.settings.export import OtlpGrpcExporter
from tailsampler.settings.root import Settings
from tailsampler.settings.units import duration_text
from tailsampler.telemetry.history import Path, Window
from tailsampler.telemetry.ledger import Ledger
from tailsampler.telemetry.machine import Machine
from tailsampler.traces.model import Trace

STATUS: Final = "GET /api/v1/status"
"""Where live numbers were read, as evidence names it."""
RECENT: Final = "GET /api/v1/status?recent=128"


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What a running gateway says of itself."""

    url: str
    version: str
    ready: bool
    troubles: tuple[str, ...]
    uptime_s: float
    wall_ahead_s: float
    """How far its wall clock is ahead of ours; negative: behind."""
    wall_error_s: float
    """How wrong that may be: how long its answer took."""
    ledger: Ledger
    stats: Mapping[str, Any]
    window: Window
    """What grew in the last fifteen minutes or since it began to look."""
    exporters: Mapping[str, Mapping[str, Any]]
    contained: Mapping[str, int]
    recent: tuple[Mapping[str, Any], ...] = ()
    """The newest verdicts, kept ones and dropped ones."""

    @classmethod
    def of(cls, found: Mapping[str, Any], *, url: str, wall_ns: int, took_s: float) -> Self:
        """Read an answer; ``wall_ns`` is our clock in the middle of the ``took_s`` it took."""
        window = found["window"]
        increase: dict[Path, int] = {
            tuple(map(str, path)): int(count) for path, count in window["increase"]
        }
        return cls(
            url=url,
            version=str(found["version"]),
            ready=bool(found["ready"]),
            troubles=tuple(str(one["say"]) for one in found["troubles"]),
            uptime_s=float(found["uptime_seconds"]),
            wall_ahead_s=(int(found["wall_ns"]) - wall_ns) / 1e9,
            wall_error_s=took_s,
            ledger=Ledger.of(found["ledger"]),
            stats=found["stats"],
            window=Window(float(window["seconds"]), increase),
            exporters=found["exporters"],
            contained=found["contained"],
            recent=tuple(found.get("recent", ())),
        )

    def stat(self, *path: str) -> float:
        """A number among the stats; 0 where it is missing."""
        found: Any = self.stats
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return float(found) if isinstance(found, int | float) else 0.0

    @property
    def lately(self) -> str:
        """How long the window is, in words."""
        if not self.window.seconds:
            return "so far: it began to look just now"
        return f"in the last {duration_text(timedelta(seconds=round(self.window.seconds)))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """What an exporter's backend answered to an empty request."""

    exporter: str
    endpoint: str
    tls: bool
    code: str | None
    """The gRPC status by name; None: it was not asked."""
    words: str = ""
    """What came with it, bounded; or why it was not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """One exporter of an upstream Collector, as far as it concerns us; its defaults filled in."""

    name: str
    endpoint: str
    retries: bool
    """``retry_on_failure.enabled``."""
    gives_up_after_s: float | None
    """``retry_on_failure.max_elapsed_time``; None: never."""
    batch: int | None
    """Items that it waits for before it sends; None: it sends what comes as it comes."""
    samples_before: tuple[str, ...] = ()
    """Processors of its pipelines that sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """What a Collector's configuration says about those who send to us."""

    file: str
    senders: tuple[Sender, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """A kept trace out of the local trace store, and its verdict."""

    trace: Trace
    judged_ns: int
    """Wall clock of the gateway."""
    spans: int
    """That had come by then; what the trace has beyond it came late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """None is "not read" everywhere."""

    settings: Settings
    config_name: str
    """The file, or where else the settings are from."""
    machine: Machine
    """Of the gateway if there is a live one, else of this process."""
    live: Live | None = None
    why_not_live: str = ""
    """What stood in the way of asking a gateway."""
    running: Mapping[str, Any] | None = None
    """The effective configuration of the live gateway, where ``settings`` are from a file."""
    backends: tuple[Backend, ...] | None = None
    upstream: Upstream | None = None
    stored: tuple[Stored, ...] | None = None

    @property
    def where(self) -> str:
        """The source of evidence about the machine."""
        return "the gateway's process" if self.live else "this process"

    @property
    def waits(self) -> tuple[tuple[str, timedelta], ...]:
        """Every setting that makes a trace wait, and how long."""
        own = () if self.settings.tail_sampling else self.settings.sampling.policies
        return (
            wait_of(self.settings),
            *(
                (f"sampling.policies.{policy.name}.decision_wait", policy.decision_wait)
                for policy in own
                if policy.decision_wait is not None
            ),
        )

    @property
    def longest_wait(self) -> tuple[str, timedelta]:
        """The setting with the longest wait, and that wait."""
        return max(self.waits, key=lambda wait: wait[1])

    @property
    def remote(self) -> tuple[OtlpGrpcExporter, ...]:
        """The exporters whose backend is reached by a network."""
        return tuple(one for one in self.settings.export if isinstance(one, OtlpGrpcExporter))


def is_tempo(exporter: OtlpGrpcExporter) -> bool:
    """Whether its name or its address says so; nothing in OTLP does."""
    return "tempo" in exporter.name or "tempo" in str(exporter.endpoint).lower()
