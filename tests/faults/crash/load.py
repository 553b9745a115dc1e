"""Senders that enter in the books what they send, and what they are told."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import cast

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.faults.crash.books import Answer, Books
from tests.faults.crash.workload import Workload
from tests.faults.senders import EXPORT, PROTOBUF, Method

TIMEOUT_S = 20.0
REFUSED_PAUSE_S = 0.05
DETAILS = "grpc-status-details-bin"  # only a gateway in words sends it, a dead one does not
Send = Callable[[bytes], tuple[Answer, str]]


def over_grpc(channel: grpc.Channel) -> Send:
    """Raw bytes to the gRPC door."""
    export: Method = channel.unary_unary(
        EXPORT, response_deserializer=ExportTraceServiceResponse.FromString
    )

    def send(payload: bytes) -> tuple[Answer, str]:
        try:
            response = export(payload, timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            call = cast("grpc.Call", error)  # it is one, which its type does not say
            said = dict(call.trailing_metadata() or ())
            answer = Answer.REFUSED if DETAILS in said else Answer.UNKNOWN
            return answer, f"{call.code().name}: {call.details()}"
        assert response == ExportTraceServiceResponse(), response
        return Answer.ACKNOWLEDGED, ""

    return send


def over_http(connection: http.client.HTTPConnection) -> Send:
    """Protobuf to the HTTP door, on one connection."""

    def send(payload: bytes) -> tuple[Answer, str]:
        try:
            connection.request("POST", "/v1/traces", payload, {"content-type": PROTOBUF})
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            return Answer.UNKNOWN, repr(error)
        if answer.status == http.client.OK:
            assert ExportTraceServiceResponse.FromString(body) == ExportTraceServiceResponse()
            return Answer.ACKNOWLEDGED, ""
        return Answer.REFUSED, f"{answer.status}: {body!r}"

    return send


@dataclass
class Load:
    """Senders in threads, each with one request under way, until stopped or left alone."""

    books: Books
    workload: Workload
    spans_a_second: float | None = None
    """All senders together; None: as fast as they can."""
    words: set[str] = field(default_factory=set)
    """What the gateway said where it refused."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _pool: ThreadPoolExecutor | None = None
    _running: list[Future[None]] = field(default_factory=list)

    def start(self, otlp_grpc: str, otlp_http: str, senders: int) -> None:
        """Send; every third sender speaks HTTP."""
        self._stop.clear()
        self._pool = ThreadPoolExecutor(senders, thread_name_prefix="sender")
        self._running = [
            self._pool.submit(self._http, otlp_http, senders)
            if number % 3 == 2
            else self._pool.submit(self._grpc, otlp_grpc, senders)
            for number in range(senders)
        ]

    def stop(self) -> None:
        """Send no more; return when every answer is there, or will never come."""
        self._stop.set()
        for sender in self._running:
            sender.result()
        if self._pool is not None:
            self._pool.shutdown()
        self._running, self._pool = [], None

    def _grpc(self, address: str, senders: int) -> None:
        # Senders would share a connection if their options were the same.
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(address, options=options) as channel:
            self._run(over_grpc(channel), senders)

    def _http(self, address: str, senders: int) -> None:
        connection = http.client.HTTPConnection(address, timeout=TIMEOUT_S)
        try:
            self._run(over_http(connection), senders)
        finally:
            connection.close()

    def _run(self, send: Send, senders: int) -> None:
        while not self._stop.is_set():
            part = self.workload.request()
            payload = part.message.SerializeToString()
            request = self.books.send(part)  # takes the message apart
            answer, words = send(payload)
            while answer is Answer.REFUSED:
                # As a sender does: the same request, until it is taken or the sender ends.
                self.words.add(words)
                self.books.answered(request, answer)
                if self._stop.wait(REFUSED_PAUSE_S):
                    return
                self.books.answered(request, Answer.UNKNOWN)
                answer, words = send(payload)
            self.books.answered(request, answer)
            if answer is Answer.UNKNOWN:
                return
            self.workload.acknowledged(part)
            if self.spans_a_second is not None:
                self._stop.wait(len(request.spans) * senders / self.spans_a_second)
