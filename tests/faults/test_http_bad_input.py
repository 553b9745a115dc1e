"""Bad requests at the HTTP door: the status that OTLP asks for, in words, and no harm done."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.contract.wires import delimited
from tests.end_to_end.process import GatewayProcess
from tests.faults.bombs import MIB, cut_short, gzip_bomb, zstd_bomb
from tests.faults.senders import PROTOBUF, Answer, Ids, post, small_traces
from tests.model.build import request

JSON = "application/json"
GOOD = request(small_traces(Ids(10), 3)).SerializeToString()
MOST_MEMORY = 512 * MIB


def words(answer: Answer) -> str:
    """The message of a refusal, in the encoding that the request had."""
    kind = answer.headers.get("content-type", "")
    if kind.startswith(JSON):
        message: str = json.loads(answer.body)["message"]
        return message
    if kind.startswith(PROTOBUF):
        said: str = Status.FromString(answer.body).message
        return said
    return answer.body.decode()


def scopes_as_a_number() -> bytes:
    """JSON whose shape is wrong."""
    return b'{"resourceSpans": [{"scopeSpans": 5}]}'


BAD: dict[str, tuple[Callable[[], bytes], dict[str, str], int]] = {
    "cut short": (lambda: GOOD[:-1], {}, 400),
    "length past the end": (lambda: b"\x0a\xff", {}, 400),
    "a group": (lambda: b"\x0b\x0c", {}, 400),
    "cut inside": (lambda: delimited(1, b"\x12\x80"), {}, 400),
    "half JSON": (lambda: b"{", {"content_type": JSON}, 400),
    "wrong JSON": (scopes_as_a_number, {"content_type": JSON}, 400),
    "deep JSON": (lambda: b"[" * 100_000, {"content_type": JSON}, 400),
    "not UTF-8": (lambda: b'{"\xff": 1}', {"content_type": JSON}, 400),
    "not gzip": (lambda: GOOD, {"content_encoding": "gzip"}, 400),
    "half gzip": (lambda: cut_short(GOOD), {"content_encoding": "gzip"}, 400),
    "unknown encoding": (lambda: GOOD, {"content_encoding": "br"}, 415),
    "unknown type": (lambda: GOOD, {"content_type": "text/plain"}, 415),
    "no type": (lambda: GOOD, {"content_type": ""}, 415),
    "over the limit": (lambda: gzip_bomb(65), {"content_encoding": "gzip"}, 413),
    "a bomb": (lambda: gzip_bomb(1000), {"content_encoding": "gzip"}, 413),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_bodies(gateway: GatewayProcess, case: str) -> None:
    """Refused for good, with a sentence, and nothing enters the books."""
    body, headers, status = BAD[case]
    before = gateway.ledger()["spans"]["received"]
    answer = post(gateway.addresses["otlp_http"], body(), **headers)
    assert answer.status == status
    assert len(words(answer).split()) >= 3
    assert gateway.ledger()["spans"]["received"] == before
    assert gateway.resident_bytes() < MOST_MEMORY


def test_a_zstd_bomb(gateway: GatewayProcess) -> None:
    """Unpacked no further than the limit, or not at all."""
    answer = post(gateway.addresses["otlp_http"], zstd_bomb(1000), content_encoding="zstd")
    assert answer.status in (413, 415)
    assert len(words(answer).split()) >= 3
    assert gateway.resident_bytes() < MOST_MEMORY


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("GET", "/v1/traces", {405}),
        ("PUT", "/v1/traces", {405}),
        ("POST", "/v1/spans", {404}),
        ("POST", "/v1/logs", {404, 501}),
        ("POST", "/v1/metrics", {404, 501}),
    ],
)
def test_what_is_not_served(
    gateway: GatewayProcess, method: str, path: str, statuses: set[int]
) -> None:
    """Other paths and methods are answered in words."""
    answer = post(gateway.addresses["otlp_http"], b"", path=path, method=method)
    assert answer.status in statuses
    assert len(words(answer).split()) >= 3


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b"{}", {"content_type": JSON}),
        (b'{"resourceSpans": []}', {"content_type": "application/json; charset=utf-8"}),
        (gzip.compress(b"", mtime=0), {"content_encoding": "gzip"}),
        (delimited(99, b"from the future"), {}),
        (delimited(1, delimited(2, b"") + delimited(77, b"x")), {}),
    ],
)
def test_empty_and_unknown_is_fine(
    gateway: GatewayProcess, body: bytes, headers: dict[str, str]
) -> None:
    """An empty request and unknown fields are accepted."""
    answer = post(gateway.addresses["otlp_http"], body, **headers)
    assert answer.status == 200
    if "content_type" not in headers:
        assert ExportTraceServiceResponse.FromString(answer.body) == ExportTraceServiceResponse()
    else:
        assert json.loads(answer.body) in ({}, {"partialSuccess": {}})


def test_a_length_beyond_the_limit_is_refused(gateway: GatewayProcess) -> None:
    """A body that says it is larger than the limit is not waited for."""
    host, _, port = gateway.addresses["otlp_http"].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = f"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\n"
        connection.sendall(f"{head}content-length: {65 * MIB}\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_bodies_in_pieces_have_the_same_limit(gateway: GatewayProcess) -> None:
    """Without a length, the body is counted as it comes."""
    host, _, port = gateway.addresses["otlp_http"].rpartition(":")
    piece = f"{MIB:x}\r\n".encode() + bytes(MIB) + b"\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = f"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\n"
        connection.sendall(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
        try:
            for _ in range(70):
                connection.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it may close as soon as it has answered
        try:
            answered = connection.recv(100)
        except ConnectionResetError:
            answered = b""  # the answer was overtaken by the reset
    assert answered[:13] in (b"HTTP/1.1 413 ", b"")
    assert gateway.ledger()


def test_spans_with_bad_ids_are_rejected_the_others_accepted(gateway: GatewayProcess) -> None:
    """``partial_success`` says how many and why; it is no error."""
    spans = small_traces(Ids(11), 2)
    spans[0].trace_id, spans[1].span_id = bytes(16), b"short"
    before = gateway.ledger()["spans"]
    answer = post(gateway.addresses["otlp_http"], request(spans).SerializeToString())
    assert answer.status == 200
    partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert partial.rejected_spans == 2
    assert len(partial.error_message.split()) >= 3
    after = gateway.ledger()["spans"]
    assert after["received"] - before["received"] == 2
    assert sum(after["rejected"].values()) - sum(before["rejected"].values()) == 2
