"""An OTLP/gRPC backend that remembers every span it took and answers as a test tells it to.

::

    with CapturingBackend([Answer(StatusCode.UNAVAILABLE, retry_after_s=1.0)]) as backend:
        ...                                    # export to backend.endpoint
        backend.wait_for_spans(3, within_s=10)
        assert backend.span_ids() == {...}
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent import futures
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedSpan:
    """A span with what it came under."""

    resource: Resource
    scope: InstrumentationScope
    span: Span


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as it came."""

    payload: bytes
    headers: Mapping[str, str | bytes]
    message: ExportTraceServiceRequest

    @property
    def spans(self) -> list[CapturedSpan]:
        """Its spans, in order."""
        return [
            CapturedSpan(resource=group.resource, scope=scope.scope, span=span)
            for group in self.message.resource_spans
            for scope in group.scope_spans
            for span in scope.spans
        ]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the backend says to one request. The default takes everything."""

    code: grpc.StatusCode = grpc.StatusCode.OK
    message: str = ""
    """Status details, or the message of ``partial_success``."""
    retry_after_s: float | None = None
    """Adds RetryInfo to a failure."""
    rejected: int = 0
    """``partial_success.rejected_spans``."""
    after: threading.Event | None = None
    """Answer only once this is set (or the backend stops, or the caller gives up)."""
    captured: bool | None = None
    """Whether the spans count as taken; None: if the status is OK."""


Script = Iterable[Answer] | Callable[[Request], Answer | None]
"""Answers in turn, or a function of the request; when it runs out (None), all is accepted."""


class CapturingBackend:
    """A backend on a loopback port of its own; safe to read from any thread while it runs."""

    def __init__(
        self,
        script: Script = (),
        *,
        address: str = "127.0.0.1:0",
        max_recv_bytes: int = 4 * 1024 * 1024,
        credentials: grpc.ServerCredentials | None = None,
    ) -> None:
        self._answers = script if callable(script) else _in_turn(script)
        self._changed = threading.Condition()
        self._requests: list[Request] = []
        self._taken: list[CapturedSpan] = []
        self._stopping = threading.Event()
        self._server = grpc.server(
            futures.ThreadPoolExecutor(max_workers=16, thread_name_prefix="backend"),
            options=[
                ("grpc.max_receive_message_length", max_recv_bytes),
                # A port that somebody else listens on is an error, not a shared burden.
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
        if credentials is None:
            self.port = self._server.add_insecure_port(address)
        else:
            self.port = self._server.add_secure_port(address, credentials)

    @property
    def endpoint(self) -> str:
        """``host:port`` to export to."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begin to serve."""
        self._server.start()

    def stop(self) -> None:
        """Cut off what is under way and close the port."""
        self._stopping.set()
        self._server.stop(grace=None).wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def requests(self) -> list[Request]:
        """Every request that came, also those that were answered with a failure."""
        with self._changed:
            return list(self._requests)

    @property
    def spans(self) -> list[CapturedSpan]:
        """Every span that was taken, in the order of arrival; twice if it was sent twice."""
        with self._changed:
            return list(self._taken)

    def span_ids(self) -> set[bytes]:
        """The ids of all spans taken."""
        return {captured.span.span_id for captured in self.spans}

    def trace_ids(self) -> set[bytes]:
        """The trace ids of all spans taken."""
        return {captured.span.trace_id for captured in self.spans}

    def wait_for_spans(self, count: int, *, within_s: float = 30.0) -> list[CapturedSpan]:
        """Return all spans once there are ``count``; raise ``TimeoutError`` at the bound."""
        return self._wait(self._taken, count, "spans", within_s)

    def wait_for_requests(self, count: int, *, within_s: float = 30.0) -> list[Request]:
        """Return all requests once there are ``count``; raise ``TimeoutError`` at the bound."""
        return self._wait(self._requests, count, "requests", within_s)

    def _wait(self, things: list[T], count: int, what: str, within_s: float) -> list[T]:
        with self._changed:
            if not self._changed.wait_for(lambda: len(things) >= count, within_s):
                raise TimeoutError(f"{len(things)} of {count} {what} came within {within_s} s")
            return list(things)

    def _export(
        self, payload: bytes, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse | None:
        headers = dict(context.invocation_metadata())
        request = Request(payload, headers, ExportTraceServiceRequest.FromString(payload))
        with self._changed:
            self._requests.append(request)
            answer = self._answers(request) or Answer()
            self._changed.notify_all()
        if answer.after is not None:
            self._hold(answer.after, context)
        taken = answer.code is grpc.StatusCode.OK if answer.captured is None else answer.captured
        if taken:
            with self._changed:
                self._taken.extend(request.spans)
                self._changed.notify_all()
        return _reply(answer, context)

    def _hold(self, until: threading.Event, context: grpc.ServicerContext) -> None:
        gave_up = threading.Event()
        if not context.add_callback(gave_up.set):
            return
        # Polling, because the standard library cannot wait for the first of several events.
        while not (gave_up.is_set() or self._stopping.is_set() or until.wait(0.01)):
            pass


def _reply(answer: Answer, context: grpc.ServicerContext) -> ExportTraceServiceResponse | None:
    if answer.code is grpc.StatusCode.OK:
        partial = None
        if answer.rejected or answer.message:
            partial = ExportTracePartialSuccess(
                rejected_spans=answer.rejected, error_message=answer.message
            )
        return ExportTraceServiceResponse(partial_success=partial)
    context.set_code(answer.code)
    context.set_details(answer.message)
    if answer.retry_after_s is not None:
        delay = Duration()
        delay.FromNanoseconds(int(answer.retry_after_s * 1e9))
        detail = AnyMessage()
        detail.Pack(RetryInfo(retry_delay=delay))
        code: int = answer.code.value[0]
        status = Status(code=code, message=answer.message, details=[detail])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    return None


def _in_turn(answers: Iterable[Answer]) -> Callable[[Request], Answer | None]:
    turn = iter(answers)
    return lambda _request: next(turn, None)
