"""``kill -9`` under load: every acknowledged span is exported, dropped by policy, or held."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tailsampler.testing.backend import CapturingBackend
from tests.end_to_end.process import GatewayProcess, exports_to
from tests.faults.senders import GrpcSender, Ids, small_traces
from tests.model.build import received, request
from tests.model.chain import Chain, Policy, Verdict, judge

SENDERS = 3
TRACES_A_REQUEST = 10
LOAD_S = 4.0
EXPLAINED = 200  # decisions asked for one by one
CHAIN = Chain((Policy("errors", 1.0, (500,)), Policy("half", 0.5)), wait_ms=1000)
SAMPLING = {
    "decision_wait": "1s",
    "policies": [
        {"name": "errors", "error_status_codes": [500], "sample_rate": 1.0},
        {"name": "half", "sample_rate": 0.5},
    ],
}


class Sent:
    """A sender's own record; a trace always stands whole in one request."""

    def __init__(self) -> None:
        self.acknowledged: dict[bytes, tuple[bytes, Verdict]] = {}
        self.unknown: dict[bytes, tuple[bytes, Verdict]] = {}

    def run(self, address: str, seed: int, stop: threading.Event) -> None:
        """Send until told to stop, or until the gateway is gone."""
        ids = Ids(seed)
        with GrpcSender(address) as sender:
            while not stop.is_set():
                spans = small_traces(ids, TRACES_A_REQUEST)
                answer = sender.call(request(spans).SerializeToString(), timeout_s=2.0)
                acknowledged = isinstance(answer, ExportTraceServiceResponse)
                book = self.acknowledged if acknowledged else self.unknown
                for root, child in zip(spans[::2], spans[1::2], strict=True):
                    verdict = judge(CHAIN, received(root, child))
                    for one in (root, child):
                        book[one.span_id] = (one.trace_id, verdict)
                if not acknowledged:
                    return


def check_delivery(sent: list[Sent], delivered: set[bytes]) -> None:
    """By span id: what was acknowledged and kept is there, and nothing that was dropped."""
    for record in sent:
        kept = {span_id for span_id, (_, verdict) in record.acknowledged.items() if verdict.kept}
        dropped = record.acknowledged.keys() - kept
        assert not kept - delivered
        assert not dropped & delivered
        for span_id in record.unknown.keys() & delivered:
            assert record.unknown[span_id][1].kept


def check_explained(gateway: GatewayProcess, sent: list[Sent]) -> None:
    """The gateway can say of each trace what became of it, also from before its death."""
    traces = {
        trace_id: verdict
        for record in sent
        for trace_id, verdict in list(record.acknowledged.values())[:: len(sent) * 7]
    }
    for trace_id, verdict in list(traces.items())[:EXPLAINED]:
        decision = gateway.get(f"/api/v1/decisions/{trace_id.hex()}")
        assert decision is not None
        assert (decision["kept"], decision["policy"]) == (verdict.kept, verdict.policy)


@pytest.mark.timeout(180)
def test_no_acknowledged_span_is_lost(
    tmp_path_factory: pytest.TempPathFactory, backend: CapturingBackend
) -> None:
    """The sender's record of acknowledged ids, against what the backend has, after the restart."""
    config = {"sampling": SAMPLING, "export": exports_to(backend)}
    gateway = GatewayProcess(tmp_path_factory.mktemp("gateway"), config)
    try:
        gateway.start()
        stop, sent = threading.Event(), [Sent() for _ in range(SENDERS)]
        with ThreadPoolExecutor(SENDERS) as pool:
            address = gateway.addresses["otlp_grpc"]
            running = [
                pool.submit(record.run, address, seed, stop) for seed, record in enumerate(sent, 1)
            ]
            time.sleep(LOAD_S)
            gateway.kill()
            stop.set()
            for sender in running:
                sender.result()
        gateway.start()
        gateway.until(gateway.settled, "settled after the restart")
        acknowledged = sum(len(record.acknowledged) for record in sent)
        unknown = sum(len(record.unknown) for record in sent)
        assert acknowledged > SENDERS * TRACES_A_REQUEST
        books = gateway.ledger()["spans"]
        assert acknowledged <= books["received"] <= acknowledged + unknown
        check_delivery(sent, backend.span_ids())
        check_explained(gateway, sent)
    finally:
        gateway.clean_up()
