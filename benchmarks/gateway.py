"""The gateway as a process of its own, with a data directory of its own."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.cgroup import Cgroup

PORTS = ("OTLP", "OTLP_HTTP", "ADMIN", "CONTROL", "HEALTH")
START_WITHIN_S = 30.0
STOP_WITHIN_S = 60.0


class GatewayError(Exception):
    """The gateway did not start, did not answer, or did not settle; the message says which."""


@dataclass(frozen=True, slots=True)
class Books:
    """One cut through the ledger, in spans."""

    received: int
    exported: int
    dropped: int
    held: int
    balanced: bool

    @property
    def holds(self) -> bool:
        """Whether ``received = exported + dropped + held``, added up here and not there."""
        return self.balanced and self.received == self.exported + self.dropped + self.held


def free_ports(count: int) -> list[int]:
    """So many ports that nothing listened on a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


class GatewayProcess:
    """``tailsampler gateway`` from start to SIGTERM, as a ``with`` block.

    ``more`` is for ``${env:...}`` of its configuration, ``cpus`` the only processors it may run on.
    """

    name = "tailsampler"

    def __init__(  # noqa: PLR0913 - all but two by name, as a command line has them
        self,
        config: Path,
        directory: Path,
        *,
        backend_port: int,
        decision_wait: str,
        group: Cgroup | None = None,
        more: Mapping[str, str] | None = None,
        cpus: Iterable[int] | None = None,
    ) -> None:
        ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.otlp_endpoint = f"127.0.0.1:{ports['OTLP']}"
        self.http_endpoint = f"127.0.0.1:{ports['OTLP_HTTP']}"
        self._admin_port = ports["ADMIN"]
        self._health_port = ports["HEALTH"]
        self.directory = directory
        self._log = directory.with_suffix(".log")
        environment = {f"BENCH_{name}_PORT": str(port) for name, port in ports.items()}
        environment |= {
            "BENCH_DIRECTORY": str(directory),
            "BENCH_BACKEND_PORT": str(backend_port),
            "BENCH_DECISION_WAIT": decision_wait,
            **(more or {}),
        }
        command = [sys.executable, "-m", "tailsampler", "gateway", "--config", str(config)]
        if group is not None:
            join = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group.processes)]
            command = [*join, *command]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=os.environ | environment, stdout=log, stderr=subprocess.STDOUT
            )
        self.pid = self._process.pid
        if cpus is not None:  # before it starts threads, which inherit it
            os.sched_setaffinity(self.pid, cpus)

    def __enter__(self) -> Self:
        deadline = time.monotonic() + START_WITHIN_S
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                tail = self._log.read_text(errors="replace")[-2000:]
                message = f"the gateway is not ready; the end of its log:\n{tail}"
                raise GatewayError(message)
            time.sleep(0.05)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ready(self) -> bool:
        try:
            return self._get(self._health_port, "/readyz")[0] == http.HTTPStatus.OK
        except OSError:
            return False

    def books(self) -> Books:
        """Read the ledger from the admin API."""
        try:
            status, body = self._get(self._admin_port, "/api/v1/ledger")
        except OSError as error:
            message = f"no ledger from port {self._admin_port}: {error}"
            raise GatewayError(message) from error
        if status != http.HTTPStatus.OK:
            message = f"GET /api/v1/ledger answered {status}: {body[:200]!r}"
            raise GatewayError(message)
        ledger: dict[str, Any] = json.loads(body)
        spans = ledger["spans"]
        return Books(
            received=spans["received"],
            exported=spans["exported"],
            dropped=sum(spans["dropped"].values()),
            held=sum(spans["held"].values()),
            balanced=ledger["balanced"],
        )

    def metrics(self) -> str:
        """What ``/metrics`` says."""
        return self._get(self._health_port, "/metrics")[1].decode()

    def kill(self) -> None:
        """As the kernel does it when memory runs out, or the power when it fails."""
        self._process.kill()
        self._process.wait()

    def settle(self, within_s: float, down_to: int = 0) -> Books:
        """Wait until no more is held; looks once a second, since looking costs CPU too."""
        deadline = time.monotonic() + within_s
        while (books := self.books()).held > down_to:
            if time.monotonic() > deadline:
                message = f"{books.held} spans are still held after {within_s} s, not {down_to}"
                raise GatewayError(message)
            time.sleep(1.0)
        return books

    @staticmethod
    def _get(port: int, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()
