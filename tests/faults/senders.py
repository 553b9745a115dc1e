"""Senders that keep their own books: what was acknowledged, span by span."""

from __future__ import annotations

import http.client
import itertools
import random
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Self, TypeAlias, cast

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.model.build import request, span

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
MAX_BYTES = 256 * 1024 * 1024
Method: TypeAlias = "grpc.UnaryUnaryMultiCallable[bytes, ExportTraceServiceResponse]"
PROTOBUF = "application/x-protobuf"


class Answer(NamedTuple):
    """What the gateway said over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Refused(NamedTuple):
    """What the gateway said over gRPC instead of OK."""

    code: grpc.StatusCode
    words: str


class GrpcSender:
    """Raw bytes to the gRPC door."""

    def __init__(self, address: str, compression: grpc.Compression | None = None) -> None:
        limits = [("grpc.max_send_message_length", MAX_BYTES)]
        self._channel = grpc.insecure_channel(address, options=limits, compression=compression)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def call(
        self, payload: bytes, method: str = EXPORT, timeout_s: float = 60.0
    ) -> ExportTraceServiceResponse | Refused:
        """One request; the answer, whatever it is."""
        export: Method = self._channel.unary_unary(
            method, response_deserializer=ExportTraceServiceResponse.FromString
        )
        try:
            response: ExportTraceServiceResponse = export(
                payload, timeout=timeout_s, wait_for_ready=True
            )
        except grpc.RpcError as error:
            call = cast("grpc.Call", error)  # it is one, which its type does not say
            return Refused(call.code(), call.details() or "")
        return response

    def send(self, message: ExportTraceServiceRequest, timeout_s: float = 60.0) -> None:
        """One request that must be accepted, all of it."""
        answer = self.call(message.SerializeToString(), timeout_s=timeout_s)
        assert answer == ExportTraceServiceResponse()


def post(
    address: str,
    body: bytes | Iterable[bytes],
    *,
    path: str = "/v1/traces",
    method: str = "POST",
    **headers: str,
) -> Answer:
    """One request to the HTTP door; ``content_type="..."`` becomes ``content-type``."""
    connection = http.client.HTTPConnection(address, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, body, {"content-type": PROTOBUF, **named})
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        connection.close()


class Ids:
    """Fresh random trace ids and span ids; the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._spans = itertools.count((seed << 32) + 1)

    def trace(self) -> bytes:
        """A random trace id."""
        return self._dice.randbytes(16)

    def span(self) -> int:
        """A span id that no other span has."""
        return next(self._spans)


def small_traces(ids: Ids, traces: int) -> list[Span]:
    """Traces of two spans; every fifth has an error."""
    spans = []
    for number in range(traces):
        trace, root = ids.trace(), ids.span()
        spans.append(span(trace, root, error=number % 5 == 0))
        spans.append(span(trace, ids.span(), parent=root.to_bytes(8, "big")))
    return spans


def chunks(spans: list[Span], size: int) -> Iterator[ExportTraceServiceRequest]:
    """Spans in requests of this many."""
    for first in range(0, len(spans), size):
        yield request(spans[first : first + size])
