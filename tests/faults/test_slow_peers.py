"""A client that stalls and a backend that is silent harm nobody else, and lose nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack

import grpc
import pytest

from tailsampler.testing.backend import Answer, CapturingBackend, Request
from tests.end_to_end.process import GatewayProcess, Json
from tests.faults.bombs import MIB
from tests.faults.senders import PROTOBUF, GrpcSender, Ids, post, small_traces
from tests.model.build import request

Make = Callable[[CapturingBackend, Json], GatewayProcess]
STALLED = 50
MOST_MEMORY = 512 * MIB
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))


def stalled(address: str, beginning: bytes) -> socket.socket:
    """A client that begins and says no more."""
    host, _, port = address.rpartition(":")
    connection = socket.create_connection((host, int(port)), timeout=30)
    connection.sendall(beginning)
    return connection


def test_stalled_clients_hold_up_nobody(gateway: GatewayProcess) -> None:
    """With many requests begun and not ended, others are served at both doors."""
    head = f"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\n"
    begun = f"{head}content-length: 1000\r\n\r\n".encode() + b"\x0a"
    before = gateway.ledger()["spans"]["received"]
    with ExitStack() as stack:
        for _ in range(STALLED):
            stack.enter_context(stalled(gateway.addresses["otlp_http"], begun))
            stack.enter_context(stalled(gateway.addresses["otlp_http"], b"POST /v1/tr"))
            stack.enter_context(stalled(gateway.addresses["otlp_grpc"], PREFACE))
        spans = request(small_traces(Ids(40), 5))
        with GrpcSender(gateway.addresses["otlp_grpc"]) as sender:
            sender.send(spans)
        assert post(gateway.addresses["otlp_http"], spans.SerializeToString()).status == 200
    assert gateway.ledger()["spans"]["received"] == before + 20


@pytest.mark.timeout(120)
def test_stalled_clients_do_not_stop_a_stop(make_gateway: Make, backend: CapturingBackend) -> None:
    """SIGTERM ends the program within its bounds, whatever clients do."""
    gateway = make_gateway(backend, {"shutdown": {"doors_within": "1s", "export_within": "1s"}})
    gateway.start()
    with (
        stalled(gateway.addresses["otlp_http"], b"POST /v1/traces HTTP/1.1\r\n"),
        stalled(gateway.addresses["otlp_grpc"], PREFACE),
    ):
        assert gateway.terminate() == 0


@pytest.mark.timeout(120)
def test_a_backend_that_never_answers(make_gateway: Make) -> None:
    """What is kept waits on disk, in the books and not in memory, and arrives in the end."""
    answers = threading.Event()
    wanted: set[bytes] = set()
    with CapturingBackend(lambda _: Answer(after=answers)) as silent:
        gateway = make_gateway(silent, {})
        gateway.start()
        ids = Ids(41)
        with GrpcSender(gateway.addresses["otlp_grpc"]) as sender:
            for _ in range(40):
                spans = small_traces(ids, 500)
                wanted |= {span.span_id for span in spans}
                sender.send(request(spans))
        silent.wait_for_requests(1)
        gateway.until(lambda: gateway.ledger()["spans"]["held"]["buffer"] == 0, "judged")
        books = gateway.ledger()["spans"]
        assert books["held"]["outbox"] == books["received"] == len(wanted) == 40_000
        assert gateway.resident_bytes() < MOST_MEMORY
        answers.set()
        gateway.until(gateway.settled, "settled")
        assert silent.span_ids() == wanted
        assert gateway.ledger()["spans"]["exported"] == len(wanted)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED])
def test_a_backend_that_is_busy_gets_it_later(make_gateway: Make, code: grpc.StatusCode) -> None:
    """What it asks to be sent again is sent again, and nothing is dropped."""
    spans = small_traces(Ids(42), 100)
    busy = Answer(code, "come back", retry_after_s=0.1)
    with CapturingBackend([busy] * 5) as backend:
        gateway = make_gateway(backend, {})
        gateway.start()
        with GrpcSender(gateway.addresses["otlp_grpc"]) as sender:
            sender.send(request(spans))
        gateway.until(gateway.settled, "settled")
        assert backend.span_ids() == {span.span_id for span in spans}
        assert len(backend.spans) == len(spans)


@pytest.mark.timeout(120)
def test_one_bad_span_costs_itself_alone(make_gateway: Make) -> None:
    """A backend that refuses every request with a certain span in it gets all the others."""
    spans = small_traces(Ids(43), 50)
    bad = spans[41].span_id

    def answer(asked: Request) -> Answer | None:
        ids = {captured.span.span_id for captured in asked.spans}
        return Answer(grpc.StatusCode.INVALID_ARGUMENT, "no") if bad in ids else None

    with CapturingBackend(answer) as backend:
        gateway = make_gateway(backend, {})
        gateway.start()
        with GrpcSender(gateway.addresses["otlp_grpc"]) as sender:
            sender.send(request(spans))
        gateway.until(gateway.settled, "settled")
        assert backend.span_ids() == {span.span_id for span in spans} - {bad}
        books = gateway.ledger()["spans"]
        assert books["exported"] == 99
        assert sum(books["dropped"].values()) == 1
        assert books["dropped"].get("policy", 0) == 0
