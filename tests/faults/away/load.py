"""Traces whose right verdict and rule are known before they are sent, at an even rate."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final

from tests.faults.senders import GrpcSender, Refused
from tests.model.build import SECOND, request, span

SPANS: Final = 4
"""Spans a trace."""
NOTE: Final = "x" * 900
"""Makes a span a kilobyte, so that an outbox fills within seconds."""
SPAN_BYTES: Final = 1_200
"""Of the outbox, about and at most."""
DEFAULT_T: Final = 1 << 55
"""Of the rate 0.5."""
BASE_NS: Final = 1_700_000_000 * SECOND
POLICIES: Final[list[dict[str, Any]]] = [
    {"name": "errors", "error_status_codes": [500], "sample_rate": 1.0},
    {"name": "slow", "duration_threshold_ms": 1000, "sample_rate": 1.0},
    {"name": "default", "sample_rate": 0.5},
]
KINDS: Final = ("errors", "slow", "default")
WEIGHTS: Final = (5, 5, 90)


@dataclass
class Sent:
    """What was acknowledged, by span id."""

    policy: dict[bytes, str] = field(default_factory=dict)
    """The rule that keeps it; ``dropped`` if the default rule does not."""
    at_s: dict[bytes, float] = field(default_factory=dict)
    refused: int = 0


class Load:
    """A thread that sends so many traces a second until it is told to stop."""

    def __init__(self, address: str, traces_per_s: float, seed: int) -> None:
        self.sent = Sent()
        self._address = address
        self._rate = traces_per_s
        self._dice = random.Random(seed)
        self._number = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load")

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more; return when the last answer is there."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        began, traces = time.monotonic(), 0
        with GrpcSender(self._address) as sender:
            while not self._stop.wait(0.1):
                due = int((time.monotonic() - began) * self._rate) - traces
                for _ in range(0, due, 10):
                    self._send(sender, 10)
                    traces += 10

    def _send(self, sender: GrpcSender, traces: int) -> None:
        spans, policies = [], {}
        for _ in range(traces):
            kind = self._dice.choices(KINDS, WEIGHTS)[0]
            trace_id = self._dice.randbytes(16)
            randomness = int.from_bytes(trace_id[-7:], "big")
            kept = kind != "default" or randomness >= DEFAULT_T
            took = 1_500_000_000 if kind == "slow" else 1_000_000
            for _ in range(SPANS):
                self._number += 1
                built = span(
                    trace_id,
                    self._number,
                    start=BASE_NS,
                    end=BASE_NS + took,
                    error=kind == "errors",
                    values={"note": NOTE},
                )
                spans.append(built)
                policies[built.span_id] = kind if kept else "dropped"
        payload = request(spans).SerializeToString()
        while isinstance(sender.call(payload), Refused):
            self.sent.refused += 1
            time.sleep(0.05)
        now_s = time.monotonic()
        self.sent.policy.update(policies)
        self.sent.at_s.update(dict.fromkeys(policies, now_s))
