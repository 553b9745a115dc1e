"""Bad requests at the gRPC door: the status that OTLP asks for, in words, and no harm done."""

from __future__ import annotations

import contextlib
import socket

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.contract.wires import delimited, number
from tests.end_to_end.process import GatewayProcess
from tests.faults.bombs import MIB
from tests.faults.senders import EXPORT, GrpcSender, Ids, Refused, small_traces
from tests.model.build import request

GOOD = request(small_traces(Ids(20), 3)).SerializeToString()
MOST_MEMORY = 512 * MIB
COLLECTOR = "/opentelemetry.proto.collector"
INVALID = grpc.StatusCode.INVALID_ARGUMENT


def refusal(
    gateway: GatewayProcess,
    payload: bytes,
    method: str = EXPORT,
    compression: grpc.Compression | None = None,
) -> Refused:
    """What the gateway says to a request that it must not take."""
    before = gateway.ledger()["spans"]["received"]
    with GrpcSender(gateway.addresses["otlp_grpc"], compression) as sender:
        answer = sender.call(payload, method)
    assert isinstance(answer, Refused), answer
    assert gateway.ledger()["spans"]["received"] == before
    assert gateway.resident_bytes() < MOST_MEMORY
    return answer


MALFORMED = {
    "cut short": GOOD[:-1],
    "length past the end": b"\x0a\xff",
    "a group": b"\x0b\x0c",
    "text": b"not protobuf",
    "wrong wire type": delimited(1, delimited(2, delimited(2, number(7 << 3) + b"\x05"))),
    "half a tag": delimited(1, delimited(2, delimited(2, delimited(1, b"") + b"\x80"))),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_protobuf(gateway: GatewayProcess, case: str) -> None:
    """INVALID_ARGUMENT, which tells the sender not to try again, and where it went wrong."""
    answer = refusal(gateway, MALFORMED[case])
    assert answer.code is INVALID
    assert len(answer.words.split()) >= 3


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (f"{COLLECTOR}.logs.v1.LogsService/Export", "logs"),
        (f"{COLLECTOR}.metrics.v1.MetricsService/Export", "metrics"),
        (f"{COLLECTOR}.trace.v1.TraceService/Import", "Import"),
        ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", ""),
    ],
)
def test_what_is_not_served(gateway: GatewayProcess, method: str, said: str) -> None:
    """UNIMPLEMENTED, in words."""
    answer = refusal(gateway, b"", method)
    assert answer.code is grpc.StatusCode.UNIMPLEMENTED
    assert said.lower() in answer.words.lower()
    assert len(answer.words.split()) >= 3


@pytest.mark.timeout(120)
@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip])
def test_a_message_over_the_limit(
    gateway: GatewayProcess, compression: grpc.Compression | None
) -> None:
    """RESOURCE_EXHAUSTED without a delay, so that it is not sent again, compressed or not."""
    payload = delimited(99, bytes(65 * MIB))
    answer = refusal(gateway, payload, compression=compression)
    assert answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert len(answer.words.split()) >= 3


@pytest.mark.parametrize("payload", [b"", delimited(99, b"later"), delimited(1, b"")])
def test_empty_and_unknown_is_fine(gateway: GatewayProcess, payload: bytes) -> None:
    """An empty request and unknown fields are accepted."""
    with GrpcSender(gateway.addresses["otlp_grpc"]) as sender:
        assert sender.call(payload) == ExportTraceServiceResponse()


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_requests_are_taken(
    gateway: GatewayProcess, compression: grpc.Compression
) -> None:
    """In both ways that this client knows."""
    spans = small_traces(Ids(21), 10)
    before = gateway.ledger()["spans"]["received"]
    with GrpcSender(gateway.addresses["otlp_grpc"], compression) as sender:
        sender.send(request(spans))
    assert gateway.ledger()["spans"]["received"] == before + 20


def test_spans_with_bad_ids_are_rejected_the_others_accepted(gateway: GatewayProcess) -> None:
    """``partial_success`` says how many and why; it is no error."""
    spans = small_traces(Ids(22), 2)
    spans[0].trace_id, spans[1].span_id = b"", bytes(8)
    with GrpcSender(gateway.addresses["otlp_grpc"]) as sender:
        answer = sender.call(request(spans).SerializeToString())
    assert isinstance(answer, ExportTraceServiceResponse)
    assert answer.partial_success.rejected_spans == 2
    assert len(answer.partial_success.error_message.split()) >= 3


def test_another_protocol_at_the_door(gateway: GatewayProcess) -> None:
    """HTTP/1.1, TLS and noise are turned away, and the door stays open."""
    address = gateway.addresses["otlp_grpc"]
    host, _, port = address.rpartition(":")
    http1 = b"POST " + EXPORT.encode() + b" HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
    tls = b"\x16\x03\x01\x02\x00" + bytes(200)
    for noise in (http1, tls, bytes(1000), b"PRI * HTTP/2.0\r\n\r\n"):
        with (
            socket.create_connection((host, int(port)), timeout=30) as raw,
            contextlib.suppress(ConnectionError),  # it may close before we have said it all
        ):
            raw.sendall(noise)
    with GrpcSender(address) as sender:
        sender.send(request(small_traces(Ids(23), 1)))
