"""Traces whose spans come over three seconds, the last of which may be an error."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from tests.faults.membership.ring import Balancer, Sent
from tests.model.build import SECOND, span

SPANS: Final = 4
"""Of a trace, a second apart."""
STEP_S: Final = 1.0
DECISION_WAIT_S: Final = 6.0
ERRORS: Final = 0.3
RATE: Final = 0.2
"""What the default policy keeps."""
DEFAULT_T: Final = int((1 - RATE) * (1 << 56))
POLICIES: Final[list[dict[str, Any]]] = [
    {"name": "errors", "error_status_codes": [500], "sample_rate": 1.0},
    {"name": "default", "sample_rate": RATE},
]
EVERY_S: Final = 0.1
BASE_NS: Final = 1_700_000_000 * SECOND


@dataclass(slots=True)
class Trace:
    """What was offered of one trace."""

    trace_id: bytes
    error: bool
    began_s: float
    spans: list[Sent] = field(default_factory=list)

    @property
    def chosen_by_r(self) -> bool:
        """Whether R alone keeps it."""
        return int.from_bytes(self.trace_id[-7:], "big") >= DEFAULT_T

    @property
    def owners(self) -> frozenset[str]:
        """The gateways that acknowledged spans of it."""
        return frozenset(owner for one in self.spans for owner in one.owners)


class Load:
    """A thread that begins ``rate`` traces a second, until it is stopped."""

    def __init__(self, balancer: Balancer, rate: float, seed: int) -> None:
        self.traces: list[Trace] = []
        self._balancer = balancer
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
        """Begin no more traces; return when the last span of those under way is offered."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        due = 0.0
        while self._later or not self._stop.is_set():
            time.sleep(EVERY_S)
            now_s = time.monotonic()
            if not self._stop.is_set():
                due += self._rate * EVERY_S
                begun, due = int(due), due % 1
                self._go_on([self._trace(now_s) for _ in range(begun)], now_s)
            while self._later and self._later[0][0] <= now_s:
                self._go_on(self._later.popleft()[1], now_s)

    def _trace(self, now_s: float) -> Trace:
        error = self._dice.random() < ERRORS
        trace = Trace(self._dice.randbytes(16), error, now_s)
        self.traces.append(trace)
        return trace

    def _go_on(self, traces: list[Trace], now_s: float) -> None:
        """The next span of each."""
        if not traces:
            return
        for trace in traces:
            self._number += 1
            last = len(trace.spans) == SPANS - 1
            error = last and trace.error
            sent = Sent(span(trace.trace_id, self._number, start=BASE_NS, error=error))
            trace.spans.append(sent)
        self._balancer.offer([trace.spans[-1] for trace in traces])
        if len(traces[0].spans) < SPANS:
            self._later.append((now_s + STEP_S, traces))
