"""The sidecar's round trip as processes: through a stand-in for the Collector, and back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from benchmarks.collector import CollectorProcess, Ports
from benchmarks.gateway import free_ports
from tailsampler.testing.backend import CapturingBackend
from tests.end_to_end.process import GatewayProcess, total
from tests.faults.senders import GrpcSender, Refused
from tests.model.build import SECOND, request, span
from tests.needs import ROOT

SHAPE = ROOT / "deploy" / "kubernetes" / "sidecar" / "gateway.yaml"
BASE_NS = 1_700_000_000 * SECOND
TRACES = 60


class Pod:
    """Gateway, Collector and backend, as the shape connects them."""

    def __init__(self, directory: Path) -> None:
        self.backend = CapturingBackend()
        self.backend.start()
        senders, kept, door = free_ports(3)
        shape: dict[str, Any] = YAML(typ="safe").load(SHAPE)
        [exporter] = shape["export"]
        self.gateway = GatewayProcess(
            directory,
            {
                "sampling": {**shape["sampling"], "decision_wait": "30s"},
                "export": [{**exporter, "endpoint": f"127.0.0.1:{kept}"}],
                "shutdown": shape["shutdown"],
            },
            receive={"otlp_grpc": {"endpoint": f"127.0.0.1:{door}"}},
        )
        backend_port = int(self.backend.endpoint.rpartition(":")[2])
        self.ports = Ports(senders, door, kept, backend_port)
        self.collector = CollectorProcess(None, directory, self.ports)
        self.sender = GrpcSender(f"127.0.0.1:{senders}")

    def send(self, first: int) -> set[bytes]:
        """So many traces of one span, every second an error; returns the ids of those spans."""
        spans = [
            span(
                number.to_bytes(2, "big").rjust(16, b"\1"),
                number,
                start=BASE_NS,
                error=number % 2 == 0,
            )
            for number in range(first, first + TRACES)
        ]
        answer = self.sender.call(request(spans).SerializeToString(), timeout_s=20)
        assert not isinstance(answer, Refused), answer
        return {one.span_id for one in spans if one.status.code}

    def arrived(self) -> Counter[bytes]:
        """Span ids at the backend."""
        return Counter(one.span.span_id for one in self.backend.spans)


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    """One of them, whose gateway is not started yet."""
    pod = Pod(tmp_path)
    try:
        with pod.collector:
            yield pod
    finally:
        pod.sender.close()
        pod.gateway.clean_up()
        pod.backend.stop()


def test_what_is_held_at_sigterm_goes_back_through_the_collector(pod: Pod) -> None:
    """Judged before the process ends; what came back is not sent to the gateway again."""
    pod.gateway.start()
    errors = pod.send(1)
    assert total(pod.gateway.ledger()["spans"]["held"]) == TRACES
    assert pod.gateway.terminate() == 0
    assert {one: count for one, count in pod.arrived().items() if one in errors} == dict.fromkeys(
        errors, 1
    )
    pod.gateway.start()
    # The gateway's door is open again, and nobody had anything to send.
    assert pod.gateway.ledger()["spans"]["received"] == TRACES


def test_the_container_is_killed_and_comes_back(pod: Pod) -> None:
    """On the pod's volume: what the sender was told is accepted is there, and the rest waits."""
    pod.gateway.start()
    before = pod.send(1)
    pod.gateway.kill()
    meanwhile: set[bytes] = set()
    sending = threading.Thread(target=lambda: meanwhile.update(pod.send(1_001)))
    sending.start()
    pod.gateway.start()
    sending.join()
    assert pod.gateway.terminate() == 0
    assert len(before | meanwhile) == TRACES
    arrived = pod.arrived()
    assert {one: arrived[one] for one in before | meanwhile} == dict.fromkeys(before | meanwhile, 1)
