"""One run of a case: rounds over the request sizes, then memory while spans are held."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import process
from benchmarks.backend import DiscardingBackend
from benchmarks.case import Case
from benchmarks.gateway import GatewayError, GatewayProcess

SETTLE_WITHIN_S = 120.0
HELD_WAIT = "3600s"
# Threads, buffers and caches that exist once are no cost of a span: they are paid for first.
WARM_UP_SPANS = 65_536
IDLE_S = 5.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One round at one request size; CPU runs from the first request until nothing is held."""

    spans_per_request: int
    acknowledged: int
    cpu_us_per_span: float
    acked_spans_per_s: float
    refusals: int
    latency_ms: dict[str, float]
    bytes_per_span: float
    others_cpu_share: float  # of one core, used by other programs than gateway and generator
    accounted: bool  # acknowledged = received, and the books balance


@dataclass(frozen=True, slots=True)
class Held:
    """Memory while spans are held, beside the same process after its warm-up."""

    spans: int
    anonymous_bytes_per_span: float
    mapped_bytes_per_span: float
    resident_before: int
    disk_bytes_per_span: float
    wire_bytes_per_span: float
    accounted: bool


@dataclass(slots=True)
class Result:
    """Everything measured in one run of a case."""

    case: Case
    samples: list[Sample] = field(default_factory=list)
    held: Held | None = None
    idle_cpu_ms_per_s: float = 0.0


def run(case: Case, rounds: int) -> Result:
    """Measure a case; scratch files go below ``TMPDIR`` and are removed."""
    result = Result(case)
    scratch = Path(tempfile.mkdtemp(prefix="tailsampler-bench-"))
    try:
        with DiscardingBackend() as backend:
            with _gateway(case, scratch / "cpu", backend, case.decision_wait) as gateway:
                offer(case, gateway, 64, WARM_UP_SPANS)
                gateway.settle(SETTLE_WITHIN_S)
                result.idle_cpu_ms_per_s = _idle(gateway)
                for _ in range(rounds):
                    # Sizes alternate, so that a slow minute of the machine falls on all of them.
                    for size in case.spans:
                        result.samples.append(_round(case, gateway, size))
            if case.held_spans:
                with _gateway(case, scratch / "held", backend, HELD_WAIT) as gateway:
                    result.held = _hold(case, gateway, scratch / "held")
    finally:
        shutil.rmtree(scratch)
    return result


def _gateway(
    case: Case, directory: Path, backend: DiscardingBackend, decision_wait: str
) -> GatewayProcess:
    config = case.directory / "gateway.yaml"
    return GatewayProcess(config, directory, backend_port=backend.port, decision_wait=decision_wait)


def _round(case: Case, gateway: GatewayProcess, size: int) -> Sample:
    before = gateway.books()
    busy = process.machine_busy_seconds()
    cpu = process.cpu_seconds(gateway.pid)
    own = time.process_time()
    began = time.monotonic()
    report = offer(case, gateway, size, case.spans[size])
    after = gateway.settle(SETTLE_WITHIN_S)
    cpu = process.cpu_seconds(gateway.pid) - cpu
    own = time.process_time() - own
    lasted = time.monotonic() - began
    others = process.machine_busy_seconds() - busy - cpu - own - report["own_cpu_seconds"]
    acknowledged = report["acknowledged_spans"]
    return Sample(
        spans_per_request=size,
        acknowledged=acknowledged,
        cpu_us_per_span=cpu * 1e6 / acknowledged,
        acked_spans_per_s=acknowledged / report["seconds"],
        refusals=report["refusals"],
        latency_ms=report["latency_ms"],
        bytes_per_span=report["bytes_per_span"],
        others_cpu_share=max(0.0, others / lasted),
        accounted=after.holds and after.received - before.received == acknowledged,
    )


def _idle(gateway: GatewayProcess) -> float:
    """CPU of a gateway that holds nothing and is asked nothing, in ms a second."""
    before = process.cpu_seconds(gateway.pid)
    time.sleep(IDLE_S)
    return (process.cpu_seconds(gateway.pid) - before) * 1e3 / IDLE_S


def _hold(case: Case, gateway: GatewayProcess, directory: Path) -> Held:
    size = max(case.spans)
    offer(case, gateway, size, WARM_UP_SPANS)
    empty, on_disk, books = (
        process.memory(gateway.pid),
        process.disk_bytes(directory),
        gateway.books(),
    )
    report = offer(case, gateway, size, case.held_spans)
    time.sleep(2.0)  # past the log's sync interval, so that its files are what they will be
    full, after = process.memory(gateway.pid), gateway.books()
    spans = after.held - books.held
    return Held(
        spans=spans,
        anonymous_bytes_per_span=(full.anonymous - empty.anonymous) / spans,
        mapped_bytes_per_span=(full.mapped - empty.mapped) / spans,
        resident_before=empty.resident,
        disk_bytes_per_span=(process.disk_bytes(directory) - on_disk) / spans,
        wire_bytes_per_span=report["bytes_per_span"],
        accounted=after.holds and after.received - books.received == report["acknowledged_spans"],
    )


def offer(case: Case, gateway: GatewayProcess, size: int, spans: int) -> dict[str, Any]:
    """Run the load generator to its end; its processor time is not the gateway's."""
    command = [
        str(generator()),
        f"--endpoint={gateway.otlp_endpoint}",
        f"--spans-per-request={size}",
        f"--spans-per-trace={case.spans_per_trace}",
        f"--requests={max(1, spans // size)}",
        f"--connections={case.connections}",
        f"--in-flight={case.in_flight}",
        f"--error-share={case.error_share}",
        f"--slow-share={case.slow_share}",
        "--retry",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode != 0:
        message = f"the load generator ended with {done.returncode}: {done.stderr or done.stdout}"
        raise GatewayError(message)
    report: dict[str, Any] = json.loads(done.stdout)
    if report["acknowledged_spans"] != report["offered_spans"]:
        message = f"not everything was taken: {done.stdout}"
        raise GatewayError(message)
    return report


def generator() -> Path:
    """The load generator, which ``make bench`` builds."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", "target"))
    program = target / "release" / "tailsampler-load"
    if not program.exists():
        message = f"{program} is missing; `make bench` builds it"
        raise GatewayError(message)
    return program
