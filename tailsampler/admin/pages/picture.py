"""What Flow shows, as values: totals since ever, and what the newest minute brought."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tailsampler.telemetry.history import Look, Window
from tailsampler.telemetry.reasons import DROP_REASONS, is_intended
from tailsampler.telemetry.status import Status

MINUTE_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLine:
    """One policy; all counts since the start of the process."""

    name: str
    conditions: Sequence[str]
    sample_rate: float
    judged: int
    kept: int
    dropped: int
    per_s: float
    """Traces judged a second, in the newest minute."""
    spans_kept: float
    """In the unit of the picture."""
    spans_dropped: float

    @property
    def share(self) -> float:
        """Of what it judged it kept."""
        return self.kept / self.judged if self.judged else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExporterLine:
    """One exporter."""

    name: str
    exported: int
    per_s: float
    """Spans a second, in the newest minute."""
    flow: float
    """Spans exported, in the unit of the picture."""
    outbox: int
    lost: int
    healthy: bool
    error: str
    pause_s: float
    """Until the next attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Spans that nobody chose to drop."""

    exporter: str
    reason: str
    spans: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The whole page."""

    look: Look
    window: Window
    by_minute: bool
    """Whether the picture shows spans a second of the newest minute, or totals."""
    policies: Sequence[PolicyLine]
    exporters: Sequence[ExporterLine]
    losses: Sequence[Loss]
    late_kept: float
    """Spans that no verdict of this process counted: late ones, and in totals those judged before
    the start. In the unit of the picture, as are the next."""
    late_dropped: float
    received: float
    kept: float
    dropped: float
    refused: float
    rejected: float

    @property
    def empty(self) -> bool:
        """Whether no span ever came."""
        ledger = self.look.ledger
        return not (ledger.primary.spans.received or ledger.refused_spans)

    @property
    def missing(self) -> int:
        """Spans that the books cannot account for, over all exporters."""
        ledger = self.look.ledger
        pairs = [ledger.primary, *ledger.exporters.values()]
        return max(abs(pair.spans.missing) for pair in pairs)

    @property
    def lost_primary(self) -> int:
        """Spans lost at the first exporter, whose books the headline follows."""
        dropped = self.look.ledger.primary.spans.dropped
        return sum(count for reason, count in dropped.items() if not is_intended(reason))

    @property
    def rejected_total(self) -> int:
        """Spans left out of accepted requests, ever."""
        return sum(self.look.ledger.rejected.values())

    @property
    def lost(self) -> int:
        """Spans lost, over all exporters."""
        return sum(loss.spans for loss in self.losses)


def picture(
    look: Look,
    window: Window,
    status: Status,
    chain: Sequence[Mapping[str, Any]],
    *,
    by_minute: bool,
) -> Picture:
    """Put it together; ``chain`` is the list of policies as ``check`` reports it."""
    reader = _Reader(look, window, by_minute=by_minute)
    policies = tuple(_policies(look, window, chain, reader))
    kept, dropped = reader("spans", "kept"), reader("spans", "dropped", "policy")
    return Picture(
        look=look,
        window=window,
        by_minute=by_minute,
        policies=policies,
        exporters=tuple(_exporters(look, window, status, reader)),
        losses=tuple(_losses(look)),
        late_kept=max(0.0, kept - sum(policy.spans_kept for policy in policies)),
        late_dropped=max(0.0, dropped - sum(policy.spans_dropped for policy in policies)),
        received=reader("spans", "received"),
        kept=kept,
        dropped=dropped,
        refused=reader("spans", "refused"),
        rejected=reader("spans", "rejected"),
    )


class _Reader:
    """Reads a counter in the unit of the picture."""

    def __init__(self, look: Look, window: Window, *, by_minute: bool) -> None:
        self._look, self._window, self._by_minute = look, window, by_minute

    def __call__(self, *path: str) -> float:
        if self._by_minute:
            return self._window.rate(*path)
        return float(self._look.counters.get(path, 0))


def _policies(
    look: Look, window: Window, chain: Sequence[Mapping[str, Any]], reader: _Reader
) -> Iterator[PolicyLine]:
    known = [str(policy["name"]) for policy in chain]
    judged = {path[1] for path in look.counters if path[0] == "policies"}
    # Of an earlier plan, whose traces were still held when this one came; and `none`.
    others = [{"name": name, "conditions": ()} for name in sorted(judged - set(known))]
    for policy in (*chain, *others):
        name = str(policy["name"])
        counters = {
            key: look.counters.get(("policies", name, key), 0)
            for key in ("judged", "kept", "dropped")
        }
        yield PolicyLine(
            name=name,
            conditions=tuple(policy.get("conditions", ())),
            sample_rate=float(policy.get("sample_rate", 0.0)),
            per_s=window.rate("policies", name, "judged"),
            spans_kept=reader("policies", name, "spans_kept"),
            spans_dropped=reader("policies", name, "spans_dropped"),
            **counters,
        )


def _exporters(
    look: Look, window: Window, status: Status, reader: _Reader
) -> Iterator[ExporterLine]:
    now_s = status.clock.monotonic_s()
    for name, pair in look.ledger.exporters.items():
        state = status.exporters.get(name)
        yield ExporterLine(
            name=name,
            exported=pair.spans.exported,
            per_s=window.rate("exporters", name, "exported"),
            flow=reader("exporters", name, "exported"),
            outbox=pair.spans.outbox,
            lost=sum(
                count for reason, count in pair.spans.dropped.items() if not is_intended(reason)
            ),
            healthy=state is None or state.healthy,
            error=state.last_error if state is not None else "",
            pause_s=state.pause_s(now_s) if state is not None else 0.0,
        )


def _losses(look: Look) -> Iterator[Loss]:
    ledger = look.ledger
    books = ledger.exporters or {"": ledger.primary}
    for name, pair in books.items():
        for reason, spans in sorted(pair.spans.dropped.items()):
            if spans and not is_intended(reason):
                known = DROP_REASONS.get(reason)
                yield Loss(
                    exporter=name,
                    reason=reason,
                    spans=spans,
                    sentence=known.sentence if known else "A reason that this page does not know.",
                )
