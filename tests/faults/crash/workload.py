"""Traces whose right verdict is known before they are sent, cut into requests.

What decides over a trace stands in its first part, so that it does not matter when the others
arrive; the one exception is ``EITHER``, whose error comes in its second part, before or after
the verdict. For that one only the agreement of its spans is known.
"""

from __future__ import annotations

import enum
import random
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.model.build import SECOND, request, span

SMALLEST, LARGEST = 8, 512  # spans a request
OPEN = 400  # traces that may still get spans
SLOW_T, DEFAULT_T = 1 << 55, 3 << 54  # of the rates 0.5 and 0.25
BASE_NS = 1_700_000_000 * SECOND

POLICIES: list[dict[str, Any]] = [
    {"name": "errors", "error_status_codes": [500], "sample_rate": 1.0},
    {"name": "slow", "duration_threshold_ms": 1000, "sample_rate": 0.5},
    {"name": "default", "sample_rate": 0.25},
]
KEEP_ALL: list[dict[str, Any]] = [{"name": "everything", "sample_rate": 1.0}]


class Kind(enum.Enum):
    """What a trace has in it."""

    ERROR = enum.auto()  # span status ERROR
    HTTP = enum.auto()  # an HTTP status of 500
    SLOW = enum.auto()  # a root of over a second
    PLAIN = enum.auto()  # nothing
    EITHER = enum.auto()  # nothing, and an error in the second part


class Verdict(NamedTuple):
    """What must become of a trace; ``kept`` is None where both are right."""

    kept: bool | None
    policy: str
    threshold: str


@dataclass(slots=True, eq=False)
class Trace:
    """A trace of the workload, and how far it has been sent."""

    id: bytes
    kind: Kind
    verdict: Verdict
    root: bytes = b""
    parts: int = 0
    left: int = 0
    """Parts that are still to come."""


class Part(NamedTuple):
    """A request, whose spans are in it, and the trace by which one sees that it was taken."""

    message: ExportTraceServiceRequest
    traces: list[Trace]
    """The trace of each span, in the order of the spans."""
    began: list[Trace]
    """Those that begin with this request; they may go on once it is acknowledged."""


def verdict_of(kind: Kind, trace_id: bytes) -> Verdict:
    """By the chain ``POLICIES``: R is the low 56 bits of the trace id."""
    randomness = int.from_bytes(trace_id[-7:], "big")
    match kind:
        case Kind.ERROR | Kind.HTTP:
            return Verdict(kept=True, policy="errors", threshold="0")
        case Kind.SLOW:
            return Verdict(kept=randomness >= SLOW_T, policy="slow", threshold="8")
        case Kind.PLAIN:
            return Verdict(kept=randomness >= DEFAULT_T, policy="default", threshold="c")
        case Kind.EITHER:  # the default drops it: see Workload._new
            return Verdict(kept=None, policy="errors", threshold="0")


EVERYTHING = Verdict(kept=True, policy="everything", threshold="0")


@dataclass
class Workload:
    """Requests without end, for any number of threads; the same ones for one thread and seed."""

    seed: int
    keep_all: bool = False
    """Judged by ``KEEP_ALL``, so that a backend can say of each span whether it is there."""
    epoch: int = 1
    """Stands in each span id, so that spans of an earlier one are known when they come again."""
    _dice: random.Random = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: deque[Trace] = field(default_factory=lambda: deque(maxlen=OPEN))
    _spans: int = 0

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    def next_epoch(self) -> None:
        """Traces of before get no more spans."""
        with self._lock:
            self._open.clear()
            self.epoch, self._spans = self.epoch + 1, 0

    def request(self) -> Part:
        """The next request: a new trace that is kept, new ones, and more of open ones."""
        with self._lock:
            size = round(SMALLEST * (LARGEST / SMALLEST) ** self._dice.random())
            spans: list[Span] = []
            traces: list[Trace] = []
            began = [self._begin(Kind.ERROR, spans, traces)]
            while len(spans) < size:
                if self._open and self._dice.random() < 0.5:
                    self._go_on(self._open.popleft(), spans, traces)
                else:
                    began.append(self._begin(self._kind(), spans, traces))
            service = self._dice.choice(["shop", "cart", "mail"])
            return Part(request(spans, service), traces, began)

    def acknowledged(self, part: Part) -> None:
        """The traces that began in it may go on."""
        with self._lock:
            self._open.extend(trace for trace in part.began if trace.left)

    def _kind(self) -> Kind:
        weights = {Kind.ERROR: 5, Kind.HTTP: 5, Kind.SLOW: 15, Kind.PLAIN: 60, Kind.EITHER: 15}
        return self._dice.choices(list(weights), list(weights.values()))[0]

    def _begin(self, kind: Kind, spans: list[Span], traces: list[Trace]) -> Trace:
        trace_id = self._dice.randbytes(16)
        if kind is Kind.EITHER:
            trace_id = trace_id[:-7] + b"\x00" + trace_id[-6:]  # R below every threshold
        verdict = EVERYTHING if self.keep_all else verdict_of(kind, trace_id)
        left = 1 if kind is Kind.EITHER else self._dice.choice([0, 0, 1, 2, 4])
        trace = Trace(trace_id, kind, verdict, left=left)
        root = self._span(trace, slow=kind is Kind.SLOW)
        trace.root = root.span_id
        first = [root] + [self._span(trace) for _ in range(self._dice.choice([0, 1, 3, 9]))]
        if kind is Kind.ERROR:
            self._dice.choice(first).status.code = Status.STATUS_CODE_ERROR
        elif kind is Kind.HTTP:
            chosen = self._dice.choice(first).attributes.add(key="http.response.status_code")
            chosen.value.int_value = 500
        self._dice.shuffle(first)
        spans += first
        traces += [trace] * len(first)
        trace.parts = 1
        return trace

    def _go_on(self, trace: Trace, spans: list[Span], traces: list[Trace]) -> None:
        more = [self._span(trace) for _ in range(self._dice.choice([1, 1, 2, 5]))]
        if trace.kind is Kind.EITHER and trace.parts == 1:
            more[-1].status.code = Status.STATUS_CODE_ERROR
        spans += more
        traces += [trace] * len(more)
        trace.parts += 1
        trace.left -= 1
        if trace.left:
            self._open.append(trace)

    def _span(self, trace: Trace, *, slow: bool = False) -> Span:
        self._spans += 1
        start = BASE_NS + self._dice.randrange(100) * 1_000_000
        built = span(
            trace.id,
            (self.epoch << 40) + self._spans,
            parent=trace.root,
            start=BASE_NS if slow else start,
            end=BASE_NS + 1_500_000_000 if slow else start + self._dice.randrange(100_000_000),
            state=self._dice.choice(["", "", "", "vendor=1,other=x"]),
            values={"note": "x" * self._dice.randrange(200), "number": self._spans},
        )
        if self._dice.random() < 0.02:  # not the sender's to write: a gateway cuts it
            built.attributes.add(key="tailsampler.policy").value.string_value = "forged"
        return built
