"""A Collector as a process of its own: a real one with our configuration, or the stand-in."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from benchmarks.gateway import GatewayError, free_ports

ROOT: Final = Path(__file__).resolve().parent.parent
SIDECAR: Final = ROOT / "deploy" / "collector" / "sidecar.yaml"
START_WITHIN_S: Final = 30.0
_STOP_WITHIN_S: Final = 20.0
_ALONE: Final[Mapping[str, str]] = {
    # What it costs to receive alone: its exporter throws all away.
    "exporters:\n  otlp_grpc/gateway:": "exporters:\n  nop: {}\n  otlp_grpc/gateway:",
    "exporters: [otlp_grpc/gateway]": "exporters: [nop]",
}


@dataclass(frozen=True, slots=True)
class Ports:
    """Of the shape: where senders send, the gateway's door, and where kept spans come back."""

    senders: int
    gateway: int
    kept: int
    backend: int


def sidecar_config(ports: Ports, *, alone: bool) -> str:
    """``deploy/collector/sidecar.yaml`` on these ports, on loopback.

    Raises:
        GatewayError: if the file no longer says what is replaced here.
    """
    text = SIDECAR.read_text()
    http, health, metrics = free_ports(3)
    changes = {
        "grpc: {endpoint: 0.0.0.0:4317}": f"grpc: {{endpoint: 127.0.0.1:{ports.senders}}}",
        "http: {endpoint: 0.0.0.0:4318}": f"http: {{endpoint: 127.0.0.1:{http}}}",
        "endpoint: 127.0.0.1:24317": f"endpoint: 127.0.0.1:{ports.kept}",
        "endpoint: 127.0.0.1:14317": f"endpoint: 127.0.0.1:{ports.gateway}",
        "endpoint: tempo:4317": f"endpoint: 127.0.0.1:{ports.backend}",
        # So that what is added is not hidden by what compression costs.
        "compression: gzip": "compression: none",
        "endpoint: 0.0.0.0:13134": f"endpoint: 127.0.0.1:{health}",
        "host: 0.0.0.0, port: 8888": f"host: 127.0.0.1, port: {metrics}",
    }
    for old, new in (changes | (dict(_ALONE) if alone else {})).items():
        if text.count(old) != 1:
            message = f"{SIDECAR.relative_to(ROOT)} does not say {old!r} once"
            raise GatewayError(message)
        text = text.replace(old, new)
    return text


class CollectorProcess:
    """From start to SIGTERM, as a ``with`` block; ``program`` None is the stand-in."""

    def __init__(
        self, program: Path | None, directory: Path, ports: Ports, *, alone: bool = False
    ) -> None:
        self._ports = ports
        self._log = directory / "collector.log"
        if program is None:
            own, kept = f"127.0.0.1:{ports.senders}", f"127.0.0.1:{ports.kept}"
            routes = [own] if alone else [
                f"{own}=127.0.0.1:{ports.gateway}",
                f"{kept}=127.0.0.1:{ports.backend}",
            ]  # fmt: skip
            command = [sys.executable, "-m", "benchmarks.relay", *routes]
        else:
            config = directory / "collector.yaml"
            config.write_text(sidecar_config(ports, alone=alone))
            command = [str(program), "--config", str(config)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        deadline = time.monotonic() + START_WITHIN_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                tail = self._log.read_text(errors="replace")[-2000:]
                message = f"the Collector is not ready; the end of its log:\n{tail}"
                raise GatewayError(message)
            time.sleep(0.05)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._ports.senders), timeout=1).close()
        except OSError:
            return False
        return True


def version(program: Path | None) -> str:
    """What is measured, for the report."""
    if program is None:
        return "a stand-in that hands bytes on (python -m benchmarks.relay)"
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or program.name
