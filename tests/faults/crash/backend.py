"""The backend of a crash run: it enters what comes in the books, on good days and on bad ones."""

from __future__ import annotations

import random
import threading
import time
from concurrent import futures
from types import TracebackType
from typing import Protocol, Self

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"
LIFE = "x-life"  # the header that says which life of the gateway sends
SLOW, BUSY = 0.08, 0.04  # shares of requests
LONGEST_S = 0.3
TROUBLE_S = 1.0  # how long a slow one takes over an answer


class Arrivals(Protocol):
    """Where arrivals are entered."""

    def arrived(self, message: ExportTraceServiceRequest, life: int, *, told: bool = True) -> None:
        """A message that was taken."""


class Backend:
    """Takes everything; with a seed some answers are late, and some say that it is busy."""

    def __init__(self, books: Arrivals, seed: int | None = None) -> None:
        self._books = books
        self._dice = None if seed is None else random.Random(seed)
        self._lock = threading.Lock()
        self._trouble = ("", 0.0)
        self._server = grpc.server(
            futures.ThreadPoolExecutor(max_workers=16, thread_name_prefix="backend"),
            options=[
                ("grpc.max_receive_message_length", 64 * 1024 * 1024),
                ("grpc.so_reuseport", 0),
            ],
        )
        handler: grpc.RpcMethodHandler[bytes, ExportTraceServiceResponse]
        handler = grpc.unary_unary_rpc_method_handler(
            self._export, response_serializer=ExportTraceServiceResponse.SerializeToString
        )
        self._server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(SERVICE, {"Export": handler})]
        )
        self.endpoint = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop(grace=None).wait()

    def trouble(self, kind: str, seconds: float) -> None:
        """Be ``away`` (take nothing) or ``slow`` for so long."""
        with self._lock:
            self._trouble = (kind, time.monotonic() + seconds)

    def _weather(self) -> tuple[bool, float]:
        """Whether it is busy, and how long it takes over the answer."""
        with self._lock:
            kind, until_s = self._trouble
        if time.monotonic() < until_s:
            return kind == "away", TROUBLE_S
        if self._dice is None:
            return False, 0.0
        with self._lock:
            luck, pause_s = self._dice.random(), self._dice.uniform(0.02, LONGEST_S)
        return luck < BUSY, pause_s if BUSY <= luck < BUSY + SLOW else 0.0

    def _export(
        self, payload: bytes, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse | None:
        busy, pause_s = self._weather()
        if busy:
            context.set_code(grpc.StatusCode.UNAVAILABLE)
            context.set_details("busy")
            return None
        life = int(dict(context.invocation_metadata()).get(LIFE, "0"))
        message = ExportTraceServiceRequest.FromString(payload)
        time.sleep(pause_s)  # taken, and not said so yet: here a death makes a duplicate
        self._books.arrived(message, life, told=context.is_active())
        return ExportTraceServiceResponse()
