"""The life of every trace: opened, held, judged when due, followed by late spans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.model.chain import (
    Chain,
    Received,
    Verdict,
    is_root,
    is_valid,
    judge,
    randomness_of,
    wait_ms,
)

MS = 1_000_000
TICK_NS = 20 * MS  # twice the coarsest tick: nearer to a due time than this, nobody is right
READY_WAIT_MS = 5_000  # after a restart nothing is judged sooner than this, or its own wait


class Exported(NamedTuple):
    """A span that must come out, and everything its tracestate is made from."""

    received: Received
    verdict: Verdict
    randomness: tuple[int, ...]  # R; for a late span also the R that it carries itself
    chain: Chain


@dataclass
class OpenTrace:
    """A trace that waits; times in nanoseconds."""

    chain: Chain
    opened: int
    spans: list[Received] = field(default_factory=list)
    root_seen: int | None = None
    changed: int = 0
    ready: int | None = None

    def due(self) -> tuple[int, int]:
        """The span of time in which the trace may be judged; it is a point but for restarts."""
        wait = wait_ms(self.chain, self.spans)
        due = self.opened + wait * MS
        if self.root_seen is not None and self.chain.wait_after_root_ms is not None:
            due = min(due, self.root_seen + self.chain.wait_after_root_ms * MS)
        due = max(due, self.changed)  # a span can make a wait shorter than the time already held
        if self.ready is None:
            return due, due
        waits = [wait, self.chain.wait_ms, self.chain.wait_after_root_ms or wait]
        least, most = min(*waits, READY_WAIT_MS), min(max(waits), READY_WAIT_MS)
        return max(due, self.ready + least * MS), max(due, self.ready + most * MS)


def received_in(request: ExportTraceServiceRequest) -> Iterator[Received]:
    """Every span of a request, with its resource and scope."""
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Received(
                    span, resource.resource, resource.schema_url, scope.scope, scope.schema_url
                )


class ModelGateway:
    """Requests and times in; verdicts, exported spans and the books out."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.open: dict[bytes, OpenTrace] = {}
        self.verdicts: dict[bytes, Verdict] = {}
        self.chains: dict[bytes, Chain] = {}
        self.exported: list[Exported] = []
        self.spans: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()

    def ingest(self, request: ExportTraceServiceRequest, now: int) -> tuple[int, int]:
        """File the spans of a request; returns accepted and rejected."""
        accepted, rejected = [], 0
        for received in received_in(request):
            if is_valid(received.span):
                accepted.append(received)
            else:
                rejected += 1
        late: dict[bytes, list[Received]] = {}
        for received in accepted:
            self._count("received", received)
            trace_id = received.span.trace_id
            if trace_id in self.verdicts:
                late.setdefault(trace_id, []).append(received)
            else:
                self._hold(received, now)
        for trace_id, spans in late.items():
            self._settle(trace_id, spans)
        self.spans["rejected"] += rejected
        return len(accepted), rejected

    def advance(self, now: int) -> dict[bytes, Verdict]:
        """Judge what is due; ``now`` must be clear of every due time."""
        assert self.clear_after(now) == now
        judged = {}
        for trace_id, trace in list(self.open.items()):
            if trace.due()[1] <= now:
                judged[trace_id] = self.verdicts[trace_id] = judge(trace.chain, trace.spans)
                self.chains[trace_id] = trace.chain
                del self.open[trace_id]
                self._settle(trace_id, trace.spans)
        return judged

    def clear_after(self, now: int) -> int:
        """The first moment from ``now`` on that is no nearer to a due time than a tick."""
        windows = sorted((low - TICK_NS, high + TICK_NS) for low, high in self._dues())
        for begin, end in windows:
            if begin < now < end:
                now = end
        return now

    def install(self, chain: Chain) -> None:
        """Traces that begin from now on are judged by this chain."""
        assert self.may_install()
        self.chain = chain

    def may_install(self) -> bool:
        """Two plans may be alive: the current one, and one with traces still open."""
        return all(trace.chain is self.chain for trace in self.open.values())

    def restart(self, now: int) -> None:
        """The process dies and starts again; only waits that are over are stretched."""
        for trace in self.open.values():
            trace.ready = now

    def held(self) -> int:
        """Spans that wait for a verdict."""
        return sum(len(trace.spans) for trace in self.open.values())

    def _dues(self) -> Iterator[tuple[int, int]]:
        return (trace.due() for trace in self.open.values())

    def _hold(self, received: Received, now: int) -> None:
        trace = self.open.setdefault(received.span.trace_id, OpenTrace(self.chain, now))
        trace.spans.append(received)
        trace.changed = now
        if is_root(received.span) and trace.root_seen is None:
            trace.root_seen = now

    def _settle(self, trace_id: bytes, spans: Sequence[Received]) -> None:
        verdict, chain = self.verdicts[trace_id], self.chains[trace_id]
        # A verdict is remembered without its R, so a late span brings its own.
        randomness = (verdict.randomness, randomness_of(chain, spans))
        for received in spans:
            self._count("exported" if verdict.kept else "policy", received)
            if verdict.kept:
                self.exported.append(Exported(received, verdict, randomness, chain))

    def _count(self, column: str, received: Received) -> None:
        self.spans[column] += 1
        self.bytes[column] += received.span.ByteSize()
