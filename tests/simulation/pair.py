"""The model and the core side by side: the same events into both, and every answer compared."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tailsampler._core import Simulation
from tests.model.chain import Chain, Verdict
from tests.model.gateway import MS, ModelGateway, received_in
from tests.model.output import Outcome, observed, possible
from tests.model.plans import Json, plan

FOREVER_NS = 60_000 * MS  # past every wait that the strategies know


def options(first: Json, *, annotate: bool = True) -> str:
    """What a simulation needs to start."""
    return json.dumps(
        {
            "data_directory": "unused",
            "buffer": {
                "max_bytes": 1 << 30,
                "segment_bytes": 1 << 20,
                "fsync": {"mode": "never", "interval_ms": 1000},
            },
            "late": {"max_traces": 100_000, "max_age_ms": 3_600_000},
            "decisions": {"max_bytes": 1 << 24},
            "outbox": {"max_bytes": 1 << 30},
            "exporters": ["backend"],
            "annotate": annotate,
            "plan": first,
        }
    )


def verdict_in(decision: str) -> tuple[bytes, Verdict]:
    """A decision as the core words it, as the model's verdict."""
    said = json.loads(decision)
    assert said["state"] == "judged"
    return bytes.fromhex(said["trace_id"]), Verdict(
        kept=said["kept"],
        policy=said["policy"] or None,
        reason=said["reason"],
        threshold=said["threshold"],
        randomness=int(said["randomness"], 16),
    )


class Pair:
    """Drives both; every difference is an assertion that names what differs."""

    def __init__(self, chain: Chain, start_ns: int, first: Json | None = None) -> None:
        self.now = start_ns
        self.model = ModelGateway(chain)
        self.core = Simulation(options(plan(chain) if first is None else first))
        self.pending: list[set[Outcome]] = []
        self.taken = 0
        self.seen: set[Outcome] = set()
        self.restarts = 0
        self.again = 0

    def move(self, gap_ms: int) -> None:
        """Let time pass, to a moment when both must have judged the same traces."""
        self.now = self.model.clear_after(self.now + gap_ms * MS)
        wanted = self.model.advance(self.now)
        judged = dict(map(verdict_in, self.core.advance(self.now)))
        assert judged == wanted
        for trace_id in wanted:
            self.check_decision(trace_id)
        self.check_books()

    def ingest(self, request: ExportTraceServiceRequest) -> None:
        """One request into both, now."""
        accepted, rejected = self.model.ingest(request, self.now)
        answer = json.loads(self.core.ingest(request.SerializeToString(), self.now))
        assert answer == {"spans": accepted, "rejected": rejected}
        self.check_balance()

    def install(self, chain: Chain, text: str) -> None:
        """Traces from now on are judged by another chain."""
        if self.model.may_install():
            self.model.install(chain)
            self.core.install_plan(text)

    def restart(self, text: str) -> None:
        """``kill -9``, and back at once."""
        self.restarts += 1
        self.model.restart(self.now)
        self.core.restart(text)
        assert self.core.advance(self.now) == []
        self.check_books()

    def take(self) -> None:
        """Everything that came out of the core must be what the model expects, and all of it."""
        for exported in self.model.exported[self.taken :]:
            self.pending.append(possible(exported))
        self.taken = len(self.model.exported)
        for outcome in self._out():
            right = next((one for one in self.pending if outcome in one), None)
            if right is None and self.restarts and outcome in self.seen:
                self.again += 1  # it may be sent again if it was under way when the process died
                continue
            assert right is not None, f"came out, but not expected: {outcome}"
            self.pending.remove(right)
            self.seen.add(outcome)
        assert not self.pending, "kept, but did not come out"
        self.check_books()

    def finish(self) -> None:
        """Wait until every trace is judged, and compare all that is left."""
        self.move(FOREVER_NS // MS)
        assert not self.model.open
        self.take()
        for trace_id in self.model.verdicts:
            self.check_decision(trace_id)

    def check_decision(self, trace_id: bytes) -> None:
        """What the core says of a trace afterwards is what it said when it judged."""
        said = self.core.decision(trace_id)
        assert said is not None
        assert verdict_in(said) == (trace_id, self.model.verdicts[trace_id])

    def check_balance(self) -> Json:
        """``received = exported + dropped + held``, and it says so itself."""
        books: dict[str, Any] = json.loads(self.core.ledger())
        for unit in ("spans", "bytes"):
            column = books[unit]
            accounted = column["exported"] + total(column["dropped"]) + total(column["held"])
            assert column["received"] == accounted, books
        assert books["balanced"] is True
        assert books["spans"]["received"] == self.model.spans["received"]
        rejected = total(books["spans"]["rejected"])
        # A request without a single good span leaves no record, so a death may lose its count.
        assert rejected <= self.model.spans["rejected"]
        assert self.restarts or rejected == self.model.spans["rejected"]
        assert books["bytes"]["received"] == self.model.bytes["received"]
        return books

    def check_books(self) -> None:
        """Every column is what the model counted; call it clear of due times only."""
        books = self.check_balance()
        for unit, counted in (("spans", self.model.spans), ("bytes", self.model.bytes)):
            column = books[unit]
            assert total(column["dropped"]) == column["dropped"].get("policy", 0)
            assert column["dropped"].get("policy", 0) == counted["policy"]
            assert column["exported"] + column["held"]["outbox"] == counted["exported"]
        assert books["spans"]["held"]["buffer"] == self.model.held()
        kept = sum(verdict.kept for verdict in self.model.verdicts.values())
        judged = len(self.model.verdicts)
        assert books["traces"] == {
            "judged": judged,
            "kept": kept,
            "dropped": judged - kept,
            "open": len(self.model.open),
        }

    def _out(self) -> Iterable[Outcome]:
        for payload in self.core.take():
            request = ExportTraceServiceRequest.FromString(payload)
            trace_ids = {received.span.trace_id for received in received_in(request)}
            assert len(trace_ids) == 1
            yield from map(observed, received_in(request))


def total(columns: dict[str, int]) -> int:
    """The sum over the reasons or places of one column of the ledger."""
    return sum(columns.values())
