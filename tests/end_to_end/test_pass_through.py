"""Logs and metrics through a real gateway: the same bytes, the backend's answer, and no traces."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from tests.end_to_end.process import GatewayProcess, Json

LOGS = "opentelemetry.proto.collector.logs.v1.LogsService"
METRICS = "opentelemetry.proto.collector.metrics.v1.MetricsService"


class OtherBackend:
    """Takes logs and metrics as bytes, and answers what it is told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes, dict[str, Any]]] = []
        self.answer = b""
        self.refuse: tuple[grpc.StatusCode, str] | None = None
        self.held: threading.Event | None = None
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        for service in (LOGS, METRICS):
            handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
                self._taking(service)
            )
            self._server.add_generic_rpc_handlers(
                [grpc.method_handlers_generic_handler(service, {"Export": handler})]
            )
        self.endpoint = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def _taking(self, service: str) -> Any:
        def take(body: bytes, context: grpc.ServicerContext) -> bytes:
            if self.held is not None:
                self.held.wait(30)
            if self.refuse is not None:
                context.abort(*self.refuse)
            self.taken.append((service, body, dict(context.invocation_metadata())))
            return self.answer

        return take

    def stop(self) -> None:
        """Close the port."""
        self._server.stop(None).wait()


@pytest.fixture
def other() -> Iterator[OtherBackend]:
    """Running."""
    backend = OtherBackend()
    yield backend
    backend.stop()


@pytest.fixture
def gateway(tmp_path: Path, other: OtherBackend) -> Iterator[GatewayProcess]:
    """Passes both on; spans stay in the local store."""
    target: Json = {
        "name": "other",
        "signals": ["logs", "metrics"],
        "endpoint": other.endpoint,
        "tls": {"insecure": True},
        "headers": {"x-scope-orgid": "shop"},
        "timeout": "2s",
    }
    receive = {"pass_through_bytes": "1MiB"}
    process = GatewayProcess(tmp_path, {"pass_through": [target]}, receive=receive)
    process.start()
    yield process
    process.clean_up()


def export(gateway: GatewayProcess, service: str, body: bytes) -> bytes:
    """Raw bytes to the gRPC door, and the raw answer."""
    with grpc.insecure_channel(gateway.addresses["otlp_grpc"]) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{service}/Export")
        return call(body, timeout=20)


def failing(gateway: GatewayProcess, service: str, body: bytes) -> grpc.Call:
    """The same, where it must fail."""
    with pytest.raises(grpc.RpcError) as failed:
        export(gateway, service, body)
    return cast("grpc.Call", failed.value)


def a_log(text: str = "hello") -> bytes:
    """A request with an unknown field at its end, as a later version of OTLP might have."""
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.body.string_value = text
    return request.SerializeToString() + b"\xc2\x3e\x03new"


def metrics_of(gateway: GatewayProcess) -> dict[str, float]:
    """The samples of what was passed on."""
    url = f"http://{gateway.addresses['telemetry']}/metrics"
    with urllib.request.urlopen(url, timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    found = (line.rsplit(" ", 1) for line in lines if line.startswith("tailsampler_passed_"))
    return {name.removeprefix("tailsampler_passed_"): float(value) for name, value in found}


def test_bytes_are_not_touched(gateway: GatewayProcess, other: OtherBackend) -> None:
    """Unknown fields and all, by gRPC and by HTTP, with our headers; the ledger knows nothing."""
    metric = ExportMetricsServiceRequest()
    metric.resource_metrics.add().scope_metrics.add().metrics.add(name="up")
    assert export(gateway, LOGS, a_log()) == b""
    assert export(gateway, METRICS, metric.SerializeToString()) == b""
    url = f"http://{gateway.addresses['otlp_http']}/v1/logs"
    headers = {"content-type": "application/x-protobuf"}
    with urllib.request.urlopen(urllib.request.Request(url, a_log("http"), headers)) as answer:
        assert (answer.status, answer.read()) == (200, b"")
    taken = [(service, body) for service, body, _ in other.taken]
    assert taken == [
        (LOGS, a_log()),
        (METRICS, metric.SerializeToString()),
        (LOGS, a_log("http")),
    ]
    assert {one["x-scope-orgid"] for _, _, one in other.taken} == {"shop"}
    assert gateway.ledger()["spans"]["received"] == 0
    passed = metrics_of(gateway)
    assert passed['requests_total{outcome="accepted",signal="logs"}'] == 2
    assert passed['bytes_total{signal="logs"}'] == len(a_log()) + len(a_log("http"))


def test_the_backend_answers(gateway: GatewayProcess, other: OtherBackend) -> None:
    """Partial success, a refusal for good, and one that passes all reach the sender."""
    response = ExportLogsServiceResponse()
    response.partial_success.rejected_log_records = 3
    response.partial_success.error_message = "too old"
    other.answer = response.SerializeToString()
    assert ExportLogsServiceResponse.FromString(export(gateway, LOGS, a_log())) == response
    other.refuse = (grpc.StatusCode.INVALID_ARGUMENT, "no such label")
    call = failing(gateway, LOGS, a_log())
    assert call.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "no such label" in (call.details() or "")
    other.refuse = (grpc.StatusCode.UNAVAILABLE, "busy")
    call = failing(gateway, LOGS, a_log())
    assert call.code() is grpc.StatusCode.UNAVAILABLE
    assert "google.rpc.retryinfo-bin" in dict(call.trailing_metadata() or ())


def test_a_backend_that_hangs_costs_traces_nothing(
    gateway: GatewayProcess, other: OtherBackend
) -> None:
    """What waits is bounded; beyond it logs are refused at once, and the gateway stays ready."""
    other.held = threading.Event()
    half = a_log("x" * 600_000)
    with futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(failing, gateway, LOGS, half)
        name = 'waiting{signal="logs"}'
        gateway.until(lambda: metrics_of(gateway)[name] == 1, "waiting")
        assert failing(gateway, LOGS, half).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert export(gateway, "opentelemetry.proto.collector.trace.v1.TraceService", b"") == b""
        ready = f"http://{gateway.addresses['telemetry']}/readyz"
        with urllib.request.urlopen(ready, timeout=30) as answer:
            assert answer.status == 200
        assert waiting.result().code() is grpc.StatusCode.UNAVAILABLE
    other.held.set()


def test_json_is_not_passed_on(gateway: GatewayProcess) -> None:
    """It would not be the same bytes for a backend that speaks gRPC; the sender is told so."""
    url = f"http://{gateway.addresses['otlp_http']}/v1/logs"
    request = urllib.request.Request(url, b"{}", {"content-type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)  # noqa: S310 - our own address
    with refused.value as error:
        assert error.code == 415
        assert b"application/x-protobuf" in error.read()
