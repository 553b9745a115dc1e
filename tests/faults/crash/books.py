"""The books that an acknowledgement is entered in, and the judgement over a gateway."""

from __future__ import annotations

import enum
import threading
from collections import Counter
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.faults.crash.prints import Print, prints
from tests.faults.crash.workload import Part, Trace

EXAMPLES = 5  # of each kind of fault that are named


class Answer(enum.Enum):
    """What a sender knows of its request."""

    ACKNOWLEDGED = enum.auto()
    UNKNOWN = enum.auto()  # under way when the gateway died
    REFUSED = enum.auto()


class Sent(NamedTuple):
    """A span as it was sent."""

    print: Print
    trace: Trace


@dataclass(slots=True, eq=False)
class Request:
    """One request, and what became of it."""

    spans: list[Sent]
    answer: Answer = Answer.UNKNOWN
    at_s: float = 0.0
    """When it was acknowledged, by the monotonic clock."""


@dataclass(slots=True)
class Seen:
    """A span as the backend has it: how often, in which lives of the gateway, and how it looks."""

    first: Print
    lives: list[int]
    differs: bool = False


@dataclass
class Finding:
    """What was found wrong, by kind, with some examples."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, example: str, count: int = 1) -> None:
        """One more of a kind."""
        self.counts[kind] += count
        named = self.examples.setdefault(kind, [])
        if len(named) < EXAMPLES:
            named.append(example)


class Books:
    """Who sent what, what was acknowledged, what arrived. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._seen: dict[bytes, Seen] = {}
        self._retired: set[int] = set()  # epochs that were judged
        self._took: set[int] = set()  # lives in which the backend took spans and could not say so
        self.life = 0
        """Which life of the gateway this is; the one who kills it counts."""
        self.totals: Counter[str] = Counter()
        self.finding = Finding()

    def send(self, part: Part) -> Request:
        """Enter a request before it is sent: from here on it may be in."""
        spans = [
            Sent(one, trace) for one, trace in zip(prints(part.message), part.traces, strict=True)
        ]
        entered = Request(spans)
        with self._lock:
            self._requests.append(entered)
        return entered

    def answered(self, request: Request, answer: Answer) -> None:
        """What the gateway said to it; an acknowledgement is an obligation from now on."""
        with self._lock:
            request.answer, request.at_s = answer, monotonic()

    def arrived(self, message: ExportTraceServiceRequest, life: int, *, told: bool = True) -> None:
        """Enter what the backend took in a life; ``told``: and the gateway heard that it did."""
        found = list(prints(message))
        with self._lock:
            if not told:
                self._took.add(life)
            for one in found:
                seen = self._seen.get(one.span_id)
                if seen is None:
                    self._seen[one.span_id] = Seen(one, [life])
                else:
                    seen.lives.append(life)
                    seen.differs |= one != seen.first

    def counts(self) -> dict[str, int]:
        """Spans so far by answer, those that were judged included."""
        with self._lock:
            now = Counter(self.totals)
            for request in self._requests:
                now[request.answer.name.lower()] += len(request.spans)
            return dict(now)

    def sample(self, most: int) -> list[dict[str, Any]]:
        """Some acknowledged traces and what a gateway must say of them when asked."""
        with self._lock:
            traces = {
                sent.trace.id: sent.trace
                for request in self._requests
                if request.answer is Answer.ACKNOWLEDGED
                for sent in request.spans
                if sent.trace.verdict.kept is not None
            }
            chosen = list(traces.values())[:: max(1, len(traces) // most)][:most]
            return [
                {"id": each.id.hex(), "kept": each.verdict.kept, "policy": each.verdict.policy}
                for each in chosen
            ]

    def judge(self) -> dict[str, Any]:
        """Judge all that was sent since the last time, and forget it; all must be settled.

        Returns what the ledger must say by now: spans, bytes and traces since the beginning.
        """
        with self._lock:
            taken, left_out = self._sort()
            self._judge_spans(taken)
            for request in left_out:
                for sent in request.spans:
                    if self._seen.pop(sent.print.span_id, None) is not None:
                        self.finding.add("invented", f"{sent.print.span_id.hex()}: was refused")
            for span_id, seen in self._seen.items():
                again = int.from_bytes(span_id, "big") >> 40 in self._retired
                kind = "again_after_settled" if again else "invented"
                self.finding.add(kind, f"{span_id.hex()} in lives {seen.lives}")
            for request in self._requests:
                self.totals[request.answer.name.lower()] += len(request.spans)
                self._retired |= {
                    int.from_bytes(sent.print.span_id, "big") >> 40 for sent in request.spans[:1]
                }
            self._requests.clear()
            self._seen.clear()
            return {key: self.totals[key] for key in sorted(self.totals)}

    def _sort(self) -> tuple[list[Request], list[Request]]:
        """Which requests are in. One without an answer is, if its first trace (kept) is there."""
        taken: list[Request] = []
        left_out: list[Request] = []
        for request in self._requests:
            if request.answer is Answer.UNKNOWN:
                marker = request.spans[0].trace
                there = any(
                    sent.print.span_id in self._seen
                    for sent in request.spans
                    if sent.trace is marker
                )
                (taken if there else left_out).append(request)
                self.totals["unknown_taken"] += len(request.spans) if there else 0
            else:
                acknowledged = request.answer is Answer.ACKNOWLEDGED
                (taken if acknowledged else left_out).append(request)
        return taken, left_out

    def _judge_spans(self, taken: list[Request]) -> None:
        traces: dict[int, Trace] = {}
        kept: dict[int, bool] = {}
        for request in taken:
            for sent in request.spans:
                traces[id(sent.trace)] = sent.trace
                there = sent.print.span_id in self._seen
                kept[id(sent.trace)] = kept.get(id(sent.trace), False) or there
        for key, trace in traces.items():
            if trace.verdict.kept is not None:
                kept[key] = trace.verdict.kept
            self.totals["traces"] += 1
            self.totals["traces_kept"] += kept[key]
        for request in taken:
            for sent in request.spans:
                self._judge_span(sent, request, kept=kept[id(sent.trace)])

    def _judge_span(self, sent: Sent, request: Request, *, kept: bool) -> None:
        one, trace = sent.print, sent.trace
        name = f"span {one.span_id.hex()} of {trace.id.hex()}, {trace.kind.name}"
        seen = self._seen.pop(one.span_id, None)
        self.totals["in"] += 1
        self.totals["in_bytes"] += one.size
        self.totals["kept" if kept else "dropped"] += 1
        self.totals["kept_bytes" if kept else "dropped_bytes"] += one.size
        if seen is None:
            if kept:
                self.finding.add("missing", f"{name}, {request.answer.name}")
            return
        if not kept:
            self.finding.add("wrong_verdict", f"{name}: was exported")
        self.totals["delivered"] += 1
        self._judge_looks(sent, seen, name)
        if len(seen.lives) > 1:
            self.totals["duplicates"] += len(seen.lives) - 1
            self.totals["twice"] += 1
            twice = {life for life in seen.lives if seen.lives.count(life) > 1}
            if twice - self._took:
                self.finding.add("twice_in_one_life", f"{name} in lives {seen.lives}")

    def _judge_looks(self, sent: Sent, seen: Seen, name: str) -> None:
        got, verdict = seen.first, sent.trace.verdict
        if (got.digest, got.trace_id) != (sent.print.digest, sent.print.trace_id) or seen.differs:
            self.finding.add("altered", name)
        if got.threshold != verdict.threshold:
            self.finding.add("wrong_threshold", f"{name}: {got.threshold}")
        root = verdict.policy if sent.print.span_id == sent.trace.root else None
        # The one that arrives late says which policy kept it, as do those before it.
        if got.policy != root:
            self.finding.add("wrong_policy", f"{name}: {got.policy}, not {root}")
