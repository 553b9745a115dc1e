"""SIGTERM keeps what is held, or drains it; a second signal does not wait."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable

import pytest

from tailsampler.testing.backend import Answer, CapturingBackend
from tests.end_to_end.process import STOP_WITHIN_S, GatewayProcess, Json
from tests.faults.conftest import KEEP_ALL
from tests.faults.senders import GrpcSender, Ids, small_traces
from tests.model.build import request

Make = Callable[[CapturingBackend, Json], GatewayProcess]
LONG = {"sampling": {**KEEP_ALL, "decision_wait": "10m"}}


def is_closed(address: str) -> bool:
    """Nobody listens there any more."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.timeout(120)
def test_what_is_held_is_there_after_a_restart(make_gateway: Make) -> None:
    """SIGTERM exits 0; the spans that waited still wait when the program is back."""
    spans = small_traces(Ids(1), 50)
    with CapturingBackend() as backend:
        gateway = make_gateway(backend, LONG)
        gateway.start()
        with GrpcSender(gateway.addresses["otlp_grpc"]) as sender:
            sender.send(request(spans))
        assert gateway.ledger()["spans"]["held"]["buffer"] == 100
        assert gateway.terminate() == 0
        gateway.start()
        books = gateway.ledger()
        assert books["spans"]["held"]["buffer"] == books["spans"]["received"] == 100
        assert books["traces"]["open"] == 50
        assert not backend.spans


@pytest.mark.timeout(120)
def test_what_is_held_keeps_its_due_rules(make_gateway: Make) -> None:
    """After the restart held traces wait on, and are judged by their rules, not by the signal."""
    spans = small_traces(Ids(4), 20)
    config = {"sampling": {**KEEP_ALL, "decision_wait": "6s"}}
    with CapturingBackend() as backend:
        gateway = make_gateway(backend, config)
        gateway.start()
        with GrpcSender(gateway.addresses["otlp_grpc"]) as sender:
            sender.send(request(spans))
        assert gateway.terminate() == 0
        gateway.start()
        assert gateway.ledger()["traces"]["open"] == 20
        gateway.until(gateway.settled, "settled")
        found = gateway.get(f"/api/v1/decisions/{spans[0].trace_id.hex()}")
        assert (found["kept"], found["early"]) == (True, None)
        assert backend.span_ids() == {span.span_id for span in spans}


@pytest.mark.timeout(120)
def test_drain_leaves_nothing_behind(make_gateway: Make) -> None:
    """Everything held is judged at the signal and exported; the verdicts say why so early."""
    spans = small_traces(Ids(5), 50)
    config = {**LONG, "shutdown": {"mode": "drain", "export_within": "1m"}}
    with CapturingBackend() as backend:
        gateway = make_gateway(backend, config)
        gateway.start()
        with GrpcSender(gateway.addresses["otlp_grpc"]) as sender:
            sender.send(request(spans))
        assert gateway.ledger()["spans"]["held"]["buffer"] == 100
        assert gateway.terminate() == 0
        assert backend.span_ids() == {span.span_id for span in spans}
        assert "gateway.not_drained" not in gateway.log.read_text()
        gateway.start()
        assert gateway.settled()
        assert gateway.ledger()["spans"]["exported"] == 100
        found = gateway.get(f"/api/v1/decisions/{spans[0].trace_id.hex()}")
        assert (found["kept"], found["early"]) == (True, "early_shutdown")


@pytest.mark.timeout(120)
def test_a_drain_ends_at_its_bound(make_gateway: Make) -> None:
    """A silent backend does not keep the process; what is left is said, and stays on the disk."""
    spans = small_traces(Ids(6), 50)
    config = {**LONG, "shutdown": {"mode": "drain", "export_within": "1s"}}
    never = threading.Event()
    with CapturingBackend(lambda _: Answer(after=never)) as silent:
        gateway = make_gateway(silent, config)
        gateway.start()
        with GrpcSender(gateway.addresses["otlp_grpc"]) as sender:
            sender.send(request(spans))
        assert gateway.terminate() == 0
        [said] = [line for line in gateway.log.read_text().splitlines() if "not_drained" in line]
        assert "shutdown.export_within" in said
        never.set()
        gateway.start()
        gateway.until(gateway.settled, "settled")
        assert gateway.ledger()["spans"]["received"] == 100
        assert silent.span_ids() == {span.span_id for span in spans}


@pytest.mark.timeout(120)
def test_sigterm_hands_over_what_is_judged(make_gateway: Make) -> None:
    """What was accepted before the signal is at the backend, or is there after the next start."""
    spans = small_traces(Ids(2), 50)
    wanted = {span.span_id for span in spans}
    with CapturingBackend() as backend:
        gateway = make_gateway(backend, {})
        gateway.start()
        with GrpcSender(gateway.addresses["otlp_grpc"]) as sender:
            sender.send(request(spans))
        assert gateway.terminate() == 0
        gateway.start()
        gateway.until(gateway.settled, "settled")
        assert backend.span_ids() == wanted
        assert gateway.ledger()["spans"]["exported"] == 100


@pytest.mark.timeout(120)
def test_a_second_signal_exits_at_once(make_gateway: Make) -> None:
    """While the first waits for a backend that is silent, the second ends it, and loses nothing."""
    spans = small_traces(Ids(3), 50)
    never = threading.Event()
    patience = {"shutdown": {"export_within": "5m"}}
    with CapturingBackend(lambda _: Answer(after=never)) as silent:
        gateway = make_gateway(silent, patience)
        gateway.start()
        with GrpcSender(gateway.addresses["otlp_grpc"]) as sender:
            sender.send(request(spans))
        silent.wait_for_requests(1)
        running = gateway.running
        running.send_signal(signal.SIGTERM)
        gateway.until(lambda: is_closed(gateway.addresses["otlp_grpc"]), "closed")
        assert running.poll() is None
        running.send_signal(signal.SIGTERM)
        running.wait(STOP_WITHIN_S)
        never.set()
        gateway.start()
        gateway.until(gateway.settled, "settled")
        assert silent.span_ids() == {span.span_id for span in spans}
