"""How an exporter is doing, in words and numbers, for ``/metrics`` and the admin pages."""

from dataclasses import dataclass, field
from typing import Final

from tailsampler.export.circuit import Circuit

OUTCOMES: Final = ("accepted", "retried", "refused", "too_large")
"""What became of a request: the closed set behind ``tailsampler_exporter_requests_total``."""


@dataclass(slots=True)
class ExporterState:
    """Written by one exporter, on the event loop; read by anybody there."""

    in_flight: int = 0
    """Batches taken and not yet settled."""
    requests: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    last_answer_s: float = float("-inf")
    """When the backend last dealt with a request, on the monotonic clock."""
    paused_until_s: float = float("-inf")
    """No new batch is begun before this moment."""
    last_error: str = ""
    """The newest failure in words; empty while all is well."""
    batches: int = 0
    """Batches settled."""
    circuit: Circuit = field(default_factory=Circuit)
    """Whether batches go out at all."""

    def answered(self, outcome: str, now_s: float) -> None:
        """Note that the backend works, whatever it thought of the request."""
        self.requests[outcome] += 1
        self.last_answer_s = now_s
        self.paused_until_s = float("-inf")
        self.last_error = ""

    def failed(self, error: str, *, sent_s: float, now_s: float, delay_s: float) -> None:
        """Note an attempt that must be repeated, sent at ``sent_s``.

        New batches pause only if nothing else was answered meanwhile: a single batch that the
        backend chokes on must not hold up the rest.
        """
        self.requests["retried"] += 1
        self.last_error = error
        if self.last_answer_s < sent_s:
            self.paused_until_s = max(self.paused_until_s, now_s + delay_s)

    def pause_s(self, now_s: float) -> float:
        """Seconds until the next batch may begin; 0 if now."""
        return max(0.0, self.paused_until_s - now_s)

    @property
    def healthy(self) -> bool:
        """Whether the newest answer was one."""
        return not self.last_error

    def describe(self, now_s: float) -> dict[str, object]:
        """As JSON-ready values."""
        return {
            "healthy": self.healthy,
            "in_flight": self.in_flight,
            "batches": self.batches,
            "circuit": self.circuit.state.value,
            "requests": dict(self.requests),
            "backing_off_seconds": round(self.pause_s(now_s), 3),
            "last_error": self.last_error or None,
        }
