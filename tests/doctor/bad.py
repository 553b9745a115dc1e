"""Five set-ups that are badly configured, each with what makes it hurt, and ``doctor`` on them.

``python -m tests.doctor.bad`` prints what it says; docs/doctor.md shows it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from ruamel.yaml import YAML

from tailsampler.clock import SystemClock
from tailsampler.testing.backend import Answer, CapturingBackend
from tailsampler.testing.spans import request, resource, span
from tests.end_to_end.process import GatewayProcess, total

SETUPS = Path(__file__).parent / "setups"
NO_TENANT = Answer(grpc.StatusCode.UNAUTHENTICATED, "no org id")
NO_OTLP = Answer(grpc.StatusCode.UNIMPLEMENTED, "unknown service TraceService")


@dataclass(frozen=True)
class Told:
    """What ``doctor`` said of a set-up."""

    command: str
    status: int
    text: str
    body: dict[str, Any]

    @property
    def ids(self) -> set[str]:
        """Of its findings."""
        return {str(finding["id"]) for finding in self.body["findings"]}


def chatty(directory: Path) -> Told:
    """A running gateway that gets a span a request."""
    with running(directory, "chatty") as gateway:
        # What came before the second look is no rate.
        gateway.until(lambda: gateway.get("/api/v1/status")["window"]["seconds"] > 0, "looking")
        for number in range(1, 301):
            send(gateway, request(resource("shop", span(trace_id=bytes_of(number)))))
        seen(gateway, "requests", 300)
        return doctor(directory, "--config", gateway.config.name)


def patient(directory: Path) -> Told:
    """A file alone, whose backend is there."""
    with CapturingBackend() as backend:
        (directory / "patient.yaml").write_bytes((SETUPS / "patient.yaml").read_bytes())
        # Not where a developer's own gateway may listen.
        environment = {"BACKEND": backend.endpoint, "ADMIN": "127.0.0.1:1"}
        return doctor(directory, "--config", "patient.yaml", **environment)


def upstream(directory: Path) -> Told:
    """A running gateway, and the file of the Collector before it."""
    (directory / "otelcol.yaml").write_bytes((SETUPS / "otelcol.yaml").read_bytes())
    with running(directory, "upstream") as gateway:
        send(gateway, request(resource("shop", span())))
        options = ("--config", gateway.config.name, "--collector-config", "otelcol.yaml")
        return doctor(directory, *options)


def uneven(directory: Path) -> Told:
    """Trace ids that count upwards, and a callee whose clock is ahead."""
    with running(directory, "uneven") as gateway:
        began = now_ms()
        counted = [span(trace_id=number, start_ms=began) for number in range(1, 301)]
        send(gateway, request(resource("stock", *counted)))
        for number in range(1, 9):
            send(gateway, call(bytes_of(number), ahead_ms=4_000))
        judged(gateway, 308)
        stored(gateway, 8)
        return doctor(directory, "--config", gateway.config.name)


def wrong_door(directory: Path) -> Told:
    """Backends that answer, and not as they should; a data directory in memory, if there is one."""
    with ExitStack() as stack:
        memory = stack.enter_context(tempfile.TemporaryDirectory(dir=in_memory()))
        tempo = stack.enter_context(CapturingBackend(lambda _: NO_TENANT))
        jaeger = stack.enter_context(CapturingBackend(lambda _: NO_OTLP))
        backends = {"BACKEND": tempo.endpoint, "NO_OTLP": jaeger.endpoint, "MEMORY": memory}
        gateway = stack.enter_context(running(directory, "wrong-door", **backends))
        send(gateway, request(resource("shop", span(start_ms=now_ms()))))
        judged(gateway, 1)
        return doctor(directory, "--config", gateway.config.name, **backends)


SET_UPS: Mapping[str, Callable[[Path], Told]] = {
    "chatty": chatty,
    "patient": patient,
    "upstream": upstream,
    "uneven": uneven,
    "wrong-door": wrong_door,
}


@contextmanager
def running(directory: Path, name: str, **environment: str) -> Iterator[GatewayProcess]:
    """The set-up as a process, on free ports and with its data in ``directory``."""
    config = YAML(typ="safe", pure=True).load((SETUPS / f"{name}.yaml").read_text())
    gateway = GatewayProcess(directory, {"data_directory": "data", **config})
    gateway.config = gateway.config.rename(directory / f"{name}.yaml")
    if name == "wrong-door":
        gateway.data = Path(environment["MEMORY"]) / "tailsampler"
    gateway.environment = environment
    gateway.cwd = directory
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.clean_up()


def doctor(directory: Path, *options: str, **environment: str) -> Told:
    """Run it twice, for people and for programs, as one would in that directory."""
    outputs = []
    for more in ((), ("--json",)):
        done = subprocess.run(
            [sys.executable, "-m", "tailsampler", "doctor", *options, *more],
            cwd=directory,
            env={**os.environ, "PYTHONPATH": str(SETUPS.parent.parent.parent), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.stderr, done.stderr
        outputs.append(done)
    told, as_json = outputs
    assert told.returncode == as_json.returncode
    command = " ".join(("tailsampler", "doctor", *options))
    return Told(command, told.returncode, told.stdout, json.loads(as_json.stdout))


def send(gateway: GatewayProcess, message: ExportTraceServiceRequest) -> None:
    """One request by OTLP/HTTP."""
    asked = urllib.request.Request(
        f"http://{gateway.addresses['otlp_http']}/v1/traces",
        data=message.SerializeToString(),
        headers={"Content-Type": "application/x-protobuf"},
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310 - our own loopback
        assert answer.status == 200


def call(trace_id: bytes, ahead_ms: float) -> ExportTraceServiceRequest:
    """``shop`` calls ``warehouse``, whose clock is ahead."""
    began = now_ms()
    kinds = Span.SpanKind
    asks = span(
        "ask", trace_id=trace_id, start_ms=began, duration_ms=100, kind=kinds.SPAN_KIND_CLIENT
    )
    answers = span(
        "answer",
        trace_id=trace_id,
        span_id=2,
        parent_id=1,
        start_ms=began + ahead_ms,
        duration_ms=50,
        kind=kinds.SPAN_KIND_SERVER,
    )
    return request(resource("shop", asks), resource("warehouse", answers))


def bytes_of(number: int) -> bytes:
    """A trace id that is as good as random, the same in each run."""
    return (number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128)).to_bytes(16, "big")


def now_ms() -> float:
    """Milliseconds after the epoch of the builders."""
    return (SystemClock().wall_ns() - 1_700_000_000_000_000_000) / 1e6


def in_memory() -> str | None:
    """A directory in memory, if the machine has the usual one."""
    return "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112 - Linux's own


def seen(gateway: GatewayProcess, what: str, count: int) -> None:
    """Wait until the gateway's history has so many requests."""

    def happened() -> bool:
        increase = gateway.get("/api/v1/status")["window"]["increase"]
        return sum(int(number) for path, number in increase if path[0] == what) >= count

    gateway.until(happened, f"{count} {what} in the window")


def judged(gateway: GatewayProcess, count: int) -> None:
    """Wait until so many traces have their verdict."""
    gateway.until(lambda: gateway.ledger()["traces"]["judged"] >= count, f"{count} judged")


def stored(gateway: GatewayProcess, count: int) -> None:
    """Wait until the trace store has so many spans, and nothing waits for it."""

    def happened() -> bool:
        spans = gateway.ledger()["spans"]
        return bool(spans["exported"] >= count and not total(spans["held"]))

    gateway.until(happened, f"{count} stored")


def main() -> int:
    """Print what is said of each."""
    for name, run in SET_UPS.items():
        with tempfile.TemporaryDirectory() as directory:
            told = run(Path(directory))
        print(f"# {name}\n$ {told.command}\n{told.text}[exit status {told.status}]\n")  # noqa: T201 - that is its purpose
    return 0


if __name__ == "__main__":
    sys.exit(main())
