"""More than can be held, for a while: traces in two parts, some of which turn out to be errors."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.faults.senders import GrpcSender, Refused
from tests.model.build import SECOND, request, span

HALF: Final = 2
"""Spans of a trace that come at once, and so many again after ``LATER_S``."""
LATER_S: Final = 3.0
"""Of a wait of five seconds: whoever judges early misses what the second part says."""
DECISION_WAIT_S: Final = 5.0
NOTE: Final = "x" * 900
ERRORS: Final = 0.1
"""Of all traces, those of which the last span is an error."""
POLICIES: Final[list[dict[str, Any]]] = [
    {"name": "errors", "error_status_codes": [500], "sample_rate": 1.0},
    {"name": "default", "sample_rate": 0.05},
]
DEFAULT_T: Final = int((1 - 0.05) * (1 << 56))
TRACES_A_REQUEST: Final = 25
BASE_NS: Final = 1_700_000_000 * SECOND


@dataclass(slots=True)
class Trace:
    """What was offered of one trace, and what was acknowledged."""

    trace_id: bytes
    error: bool
    offered: int = 0
    taken: list[bytes] = field(default_factory=list)
    """Span ids."""

    @property
    def chosen(self) -> bool:
        """Whether the policies keep it, if all of it comes."""
        return self.error or int.from_bytes(self.trace_id[-7:], "big") >= DEFAULT_T


class Load:
    """A thread that sends at ``rate(seconds)`` traces a second, and never sends anything twice."""

    def __init__(self, address: str, rate: Callable[[float], float], seed: int) -> None:
        self.traces: list[Trace] = []
        self.refused_requests = 0
        self._address = address
        self._rate = rate
        self._dice = random.Random(seed)
        self._number = 0
        self._later: deque[tuple[float, list[Trace]]] = deque()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load")

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no more traces; return when those under way are sent."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        began_s = last_s = time.monotonic()
        due = 0.0
        with GrpcSender(self._address) as sender:
            while self._later or not self._stop.is_set():
                time.sleep(0.02)
                now_s = time.monotonic()
                if not self._stop.is_set():
                    due += (now_s - last_s) * self._rate(now_s - began_s)
                last_s = now_s
                while due >= TRACES_A_REQUEST:
                    due -= TRACES_A_REQUEST
                    self._begin(sender, now_s)
                while self._later and self._later[0][0] <= now_s:
                    self._send(sender, self._later.popleft()[1], last=True)

    def _begin(self, sender: GrpcSender, now_s: float) -> None:
        traces = [
            Trace(self._dice.randbytes(16), self._dice.random() < ERRORS)
            for _ in range(TRACES_A_REQUEST)
        ]
        self.traces += traces
        self._later.append((now_s + LATER_S, traces))
        self._send(sender, traces, last=False)

    def _send(self, sender: GrpcSender, traces: list[Trace], *, last: bool) -> None:
        spans = [
            self._span(trace, last and at == HALF - 1) for trace in traces for at in range(HALF)
        ]
        if isinstance(sender.call(request(spans).SerializeToString()), Refused):
            self.refused_requests += 1
            return
        for at, trace in enumerate(traces):
            mine = spans[at * HALF : (at + 1) * HALF]
            trace.taken += [one.span_id for one in mine]

    def _span(self, trace: Trace, is_last: bool) -> Span:
        self._number += 1
        trace.offered += 1
        return span(
            trace.trace_id,
            self._number,
            start=BASE_NS,
            end=BASE_NS + 1_000_000,
            error=is_last and trace.error,
            values={"note": NOTE},
        )
