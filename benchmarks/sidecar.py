"""What the gateway costs as a sidecar: CPU and latency added to a Collector, and to kept traces."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final, Self

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from benchmarks import collector, process, report
from benchmarks.backend import SERVICE, DiscardingBackend
from benchmarks.case import CASES
from benchmarks.collector import CollectorProcess, Ports
from benchmarks.gateway import GatewayError, GatewayProcess, free_ports
from benchmarks.offer import SETTLE_WITHIN_S, generator

ROUNDS: Final = 5
SIZES: Final = (64, 512)
"""Spans a request."""
RATE: Final = 20_000
"""Spans a second."""
SECONDS: Final = 10.0
WAIT_S: Final = 2
WARM_UP_SPANS: Final = 65_536
PROBE_EVERY_S: Final = 0.1
ALONE: Final = "the Collector alone"
TOGETHER: Final = "with the gateway beside it"


class ProbedBackend(DiscardingBackend):
    """One that notes when the traces came whose ids begin as those of the probes do."""

    MARK: Final = b"probe\0\0\0"

    def __init__(self) -> None:
        super().__init__()
        self.came: dict[bytes, float] = {}

    def _take(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        now, at = time.monotonic(), request.find(self.MARK)
        while at >= 0:
            self.came.setdefault(request[at : at + 16], now)
            at = request.find(self.MARK, at + 16)
        return super()._take(request, context)


class Probes:
    """A thread that sends a trace with an error every tenth of a second, while entered."""

    def __init__(self, port: int, backend: ProbedBackend) -> None:
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self._backend = backend
        self._sent: dict[bytes, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="probes")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._channel.close()

    def _run(self) -> None:
        export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(
            f"/{SERVICE}/Export"
        )
        while not self._stop.wait(PROBE_EVERY_S):
            trace_id = ProbedBackend.MARK + secrets.token_bytes(8)
            self._sent[trace_id] = time.monotonic()
            export(_failing(trace_id).SerializeToString(), timeout=10)

    def beyond_the_wait_ms(self) -> list[float]:
        """From sending to arriving at the backend, without the wait that is configured.

        Raises:
            GatewayError: if one did not arrive.
        """
        missing = self._sent.keys() - self._backend.came.keys()
        if missing:
            message = f"{len(missing)} of {len(self._sent)} kept traces did not arrive"
            raise GatewayError(message)
        came = self._backend.came
        return [(came[each] - sent - WAIT_S) * 1e3 for each, sent in self._sent.items()]


@dataclass
class Found:
    """Of one way and size, a value for each round."""

    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    collector_us: list[float] = field(default_factory=list)
    gateway_us: list[float] = field(default_factory=list)
    kept_ms: list[float] = field(default_factory=list)
    """Of every probe: from sending to the backend, beyond the wait."""


def run(scale: float, rounds: int | None, program: Path | None) -> tuple[str, bool]:
    """The report as Markdown, and whether every span was accounted for."""
    scratch = Path(tempfile.mkdtemp(prefix="tailsampler-bench-"))
    found: dict[tuple[str, int], Found] = defaultdict(Found)
    seconds = max(1.0, SECONDS * scale)
    try:
        for _ in range(rounds or ROUNDS):
            for size in SIZES:
                _alone(found[ALONE, size], size, seconds, scratch, program)
                _together(found[TOGETHER, size], size, seconds, scratch, program)
    finally:
        shutil.rmtree(scratch)
    return _render(found, rounds or ROUNDS, seconds, program), True


def _alone(found: Found, size: int, seconds: float, scratch: Path, program: Path | None) -> None:
    senders, kept, gateway, backend = free_ports(4)
    ports = Ports(senders, gateway, kept, backend)
    with CollectorProcess(program, scratch, ports, alone=True) as one:
        _offer(ports, size, WARM_UP_SPANS / RATE, rate=False)
        before = process.cpu_seconds(one.pid)
        spans = _measured(found, ports, size, seconds)
        found.collector_us.append((process.cpu_seconds(one.pid) - before) * 1e6 / spans)
    found.gateway_us.append(0.0)


def _together(found: Found, size: int, seconds: float, scratch: Path, program: Path | None) -> None:
    with ProbedBackend() as backend, _shape(scratch, backend, program) as (gateway, one, ports):
        _offer(ports, size, WARM_UP_SPANS / RATE, rate=False)
        gateway.settle(SETTLE_WITHIN_S)
        received = gateway.books().received
        before = process.cpu_seconds(one.pid), process.cpu_seconds(gateway.pid)
        with Probes(ports.senders, backend) as probes:
            spans = _measured(found, ports, size, seconds)
        books = gateway.settle(SETTLE_WITHIN_S)
        after = process.cpu_seconds(one.pid), process.cpu_seconds(gateway.pid)
        found.collector_us.append((after[0] - before[0]) * 1e6 / spans)
        found.gateway_us.append((after[1] - before[1]) * 1e6 / spans)
        kept = probes.beyond_the_wait_ms()
        found.kept_ms += kept
        if not books.holds or books.received - received != spans + len(kept):
            message = f"{books} after {spans} spans and {len(kept)} probes"
            raise GatewayError(message)
    shutil.rmtree(scratch / "data")


@contextmanager
def _shape(
    scratch: Path, backend: DiscardingBackend, program: Path | None
) -> Iterator[tuple[GatewayProcess, CollectorProcess, Ports]]:
    """Gateway and Collector as in one pod, where either may start first."""
    senders, kept = free_ports(2)
    config = CASES / "standard_chain" / "gateway.yaml"
    with GatewayProcess(
        config, scratch / "data", backend_port=kept, decision_wait=f"{WAIT_S}s"
    ) as gateway:
        door = int(gateway.otlp_endpoint.rpartition(":")[2])
        ports = Ports(senders, door, kept, backend.port)
        with CollectorProcess(program, scratch, ports) as one:
            yield gateway, one, ports
            # What is kept goes through the Collector, so the gateway ends first.
            gateway.settle(SETTLE_WITHIN_S)


def _measured(found: Found, ports: Ports, size: int, seconds: float) -> int:
    """Offer at the rate; returns the spans."""
    told = _offer(ports, size, seconds, rate=True)
    found.p50_ms.append(told["latency_ms"]["p50"])
    found.p99_ms.append(told["latency_ms"]["p99"])
    return int(told["acknowledged_spans"])


def _offer(ports: Ports, size: int, seconds: float, *, rate: bool) -> dict[str, Any]:
    command = [
        str(generator()),
        f"--endpoint=127.0.0.1:{ports.senders}",
        f"--spans-per-request={size}",
        f"--requests={max(1, int(RATE * seconds / size))}",
        "--retry",
    ]
    command += [f"--rate={RATE}"] if rate else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        message = f"the load generator ended with {done.returncode}: {done.stderr or done.stdout}"
        raise GatewayError(message)
    told: dict[str, Any] = json.loads(done.stdout)
    if told["acknowledged_spans"] != told["offered_spans"] or told["refusals"]:
        message = f"not everything was taken at once: {done.stdout}"
        raise GatewayError(message)
    return told


def _failing(trace_id: bytes) -> ExportTraceServiceRequest:
    now = time.time_ns()
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.append(
        Span(
            trace_id=trace_id,
            span_id=trace_id[-8:],
            name="probe",
            start_time_unix_nano=now - 1_000_000,
            end_time_unix_nano=now,
            status=Status(code=Status.STATUS_CODE_ERROR),
        )
    )
    return request


def _render(
    found: dict[tuple[str, int], Found], rounds: int, seconds: float, program: Path | None
) -> str:
    costs = "CPU us a span: the Collector | the gateway"
    lines = [
        "# sidecar",
        "",
        "What the shape `sidecar` adds to a Collector, by `deploy/collector/sidecar.yaml`: all",
        f"spans through it into the gateway, kept ones back. {RATE:,} spans a second for",
        f"{seconds:.0f} s, the standard chain, {WAIT_S} s of wait. Alone, the same Collector",
        "throws away what it receives. Medians",
        f"of {rounds} rounds, the ways alternate; in brackets the smallest and the largest.",
        "",
        f"Machine: {process.machine()}.",
        f"Collector: {collector.version(program)}.",
        f"Commit: {report.commit()}. Date: {datetime.now(UTC):%Y-%m-%d}.",
        "",
        f"| spans a request | | acknowledged, p50 ms | p99 ms | {costs} |",
        "|---:|---|---|---|---|---|",
    ]
    for size in SIZES:
        for way in (ALONE, TOGETHER):
            one = found[way, size]
            values = (one.p50_ms, one.p99_ms, one.collector_us, one.gateway_us)
            cells = " | ".join(_spread(each) for each in values)
            lines.append(f"| {size} | {way} | {cells} |")
    lines += ["", "A kept trace reaches the backend later than its wait by:", ""]
    for size in SIZES:
        at = quantiles(found[TOGETHER, size].kept_ms, n=100)
        lines.append(f"- at {size} spans a request: p50 {at[49]:.0f} ms, p99 {at[98]:.0f} ms.")
    return "\n".join(lines) + "\n"


def _spread(values: list[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} - {max(values):.2f})" if any(values) else "-"
