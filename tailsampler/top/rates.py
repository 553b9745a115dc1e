"""From samples, which are totals, to rates and what they were a while ago."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tailsampler.control.messages import seconds
from tailsampler.control.v1 import control_pb2 as pb
from tailsampler.telemetry.reasons import is_intended

HISTORY: Final = 120
"""Samples whose rates are remembered."""

FLOWS: Final = ("received", "kept", "dropped on purpose", "lost", "exported")


def totals(ledger: pb.Ledger) -> Mapping[str, int]:
    """Spans since the data directory was made, by flow."""
    books = ledger.spans
    intended = sum(count for reason, count in books.dropped.items() if is_intended(reason))
    return {
        "received": books.received,
        # What is not in the buffer any more, and was not dropped by a verdict.
        "kept": books.received - books.held_in_buffer - books.dropped.get("policy", 0),
        "dropped on purpose": intended,
        "lost": sum(books.dropped.values()) - intended,
        "exported": books.exported,
    }


@dataclass(slots=True)
class Watched:
    """The newest sample, and rates a second since the one before."""

    sample: pb.StatsSample | None = None
    flows: dict[str, float] = field(default_factory=dict)
    """Spans a second, by flow; empty until there are two samples."""
    policies: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Traces a second that each policy kept and dropped."""
    exporters: dict[str, float] = field(default_factory=dict)
    """Spans a second."""
    history: dict[str, deque[float]] = field(
        default_factory=lambda: {flow: deque(maxlen=HISTORY) for flow in FLOWS}
    )

    def add(self, sample: pb.StatsSample) -> None:
        """Take the next sample. After a restart of the gateway rates begin anew."""
        before, self.sample = self.sample, sample
        passed_s = 0.0 if before is None else seconds(sample.uptime) - seconds(before.uptime)
        if before is None or passed_s <= 0:
            self.flows, self.policies, self.exporters = {}, {}, {}
            return

        def rate(now: int, then: int) -> float:
            return max(0, now - then) / passed_s

        old, new = totals(before.ledger), totals(sample.ledger)
        self.flows = {flow: rate(new[flow], old[flow]) for flow in FLOWS}
        for flow, value in self.flows.items():
            self.history[flow].append(value)
        past = {one.name: one for one in before.policies}
        self.policies = {
            one.name: (
                rate(one.traces_kept, past[one.name].traces_kept),
                rate(one.traces_dropped, past[one.name].traces_dropped),
            )
            for one in sample.policies
            if one.name in past
        }
        sent = {one.name: one.spans.exported for one in before.ledger.exporters}
        self.exporters = {
            one.name: rate(one.spans.exported, sent[one.name])
            for one in sample.ledger.exporters
            if one.name in sent
        }
