"""An honest sender beside the attack: small requests at a steady pace, each one timed."""

from __future__ import annotations

import threading
import time
from typing import Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.faults.senders import GrpcSender, Ids, small_traces
from tests.model.build import request

PACE_S = 0.005


class Honest:
    """A thread that exports one small trace every five milliseconds."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._stop = threading.Event()
        self._took_s: list[float] = []
        self.failed: list[str] = []
        self.served = 0
        self._thread = threading.Thread(target=self._send, name="honest")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _send(self) -> None:
        spans = request(small_traces(Ids(90), 1)).SerializeToString()
        with GrpcSender(self._address) as sender:
            while not self._stop.wait(PACE_S):
                began = time.monotonic()
                answer = sender.call(spans, timeout_s=20)
                self._took_s.append(time.monotonic() - began)
                if answer == ExportTraceServiceResponse():
                    self.served += 1
                else:
                    self.failed.append(str(answer))

    def p99_s(self) -> float:
        """The 99th percentile since it was asked last."""
        took, self._took_s = sorted(self._took_s), []
        return took[int(len(took) * 0.99)] if took else float("nan")
