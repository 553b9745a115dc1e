"""Another program that takes OTLP, measured beside us with the same requests in the same run."""

from __future__ import annotations

import ipaddress
import os
import shlex
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from benchmarks import process
from benchmarks.gateway import GatewayError

START_WITHIN_S: Final = 60.0
STOP_WITHIN_S: Final = 30.0
QUIET_CORES: Final = 0.05
"""It is done when it has used less than this for two seconds."""


@dataclass(frozen=True, slots=True)
class Peer:
    """What the command line says of it."""

    command: str
    address: str
    """Where its OTLP/gRPC door is, host:port, on loopback."""
    http_address: str | None = None
    name: str = "peer"

    def __post_init__(self) -> None:
        for address in filter(None, (self.address, self.http_address)):
            _loopback(address)
        if not shlex.split(self.command):
            raise GatewayError("--peer-command is empty")


def _loopback(address: str) -> tuple[str, int]:
    """Host and port; raises ``GatewayError`` for what is not on this machine."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local or not port.isdigit():
        raise GatewayError(f"{address}: a peer's address is host:port on loopback, 127.0.0.1:4317")
    return host, int(port)


class PeerProcess:
    """It and what it starts, from start to SIGTERM, as a ``with`` block.

    Its environment has what our configurations have: ``BENCH_DECISION_WAIT``,
    ``BENCH_BACKEND_PORT``, ``BENCH_DIRECTORY`` (an empty directory of its own), and the way's own.
    """

    def __init__(
        self,
        peer: Peer,
        directory: Path,
        *,
        backend_port: int,
        decision_wait: str,
        more: Mapping[str, str] | None = None,
        cpus: Iterable[int] | None = None,
    ) -> None:
        self.name = peer.name
        self.otlp_endpoint = peer.address
        self.http_endpoint = peer.http_address
        self._door = _loopback(peer.address)
        if self._listens():
            raise GatewayError(f"something listens on {peer.address} before {peer.name} starts")
        directory.mkdir()
        self.directory = directory
        self._log = directory.with_suffix(".log")
        environment = {
            "BENCH_DIRECTORY": str(directory),
            "BENCH_BACKEND_PORT": str(backend_port),
            "BENCH_DECISION_WAIT": decision_wait,
            **(more or {}),
        }
        try:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    shlex.split(peer.command),
                    env=os.environ | environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
        except OSError as error:
            raise GatewayError(f"--peer-command cannot be started: {error}") from error
        self.pid = self._process.pid
        if cpus is not None:
            os.sched_setaffinity(self.pid, cpus)

    def __enter__(self) -> Self:
        deadline = time.monotonic() + START_WITHIN_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._stop()
                tail = self._log.read_text(errors="replace")[-2000:]
                raise GatewayError(f"{self.name} does not listen; the end of its log:\n{tail}")
            time.sleep(0.02)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listens(self) -> bool:
        try:
            socket.create_connection(self._door, timeout=1).close()
        except OSError:
            return False
        return True

    def settle(self, within_s: float, at_least_s: float) -> None:
        """Wait so long, and until it does nothing any more: a peer has no ledger to ask."""
        deadline = time.monotonic() + within_s
        time.sleep(at_least_s)
        quiet, used = 0, process.tree_cpu_seconds(self.pid)
        while quiet < 2:
            if time.monotonic() > deadline:
                raise GatewayError(f"{self.name} is still at work after {within_s} s")
            if self._process.poll() is not None:
                raise GatewayError(f"{self.name} ended with {self._process.returncode}")
            time.sleep(1.0)
            now = process.tree_cpu_seconds(self.pid)
            quiet = quiet + 1 if now - used < QUIET_CORES else 0
            used = now
