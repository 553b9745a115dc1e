"""The real program as a child process, as an operator would run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tailsampler.testing.backend import CapturingBackend

Json = dict[str, Any]

WAIT_S = 3  # the longest that spans of one trace may be apart on a machine under load
START_WITHIN_S = 30.0
STOP_WITHIN_S = 30.0


class GatewayProcess:
    """``tailsampler run`` on ports of its own, with everything it writes in one directory."""

    def __init__(self, directory: Path, config: Json, *, receive: Json | None = None) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.log = directory / "log"
        self.config = directory / "tailsampler.yaml"
        loopback = {"endpoint": "127.0.0.1:0"}
        settings: Json = {
            "data_directory": str(self.data),
            "receive": {"otlp_grpc": loopback, "otlp_http": loopback, **(receive or {})},
            "admin": loopback,
            "control": loopback,
            "telemetry": loopback,
            **config,
        }
        self.config.write_text(json.dumps(settings, indent=1))
        self.process: subprocess.Popen[bytes] | None = None
        self.addresses: dict[str, str] = {}
        self.environment: dict[str, str] = {}  # beside what the test itself has
        self.cwd: Path | None = None  # where it starts; None: where the test does

    def start(self) -> None:
        """Start it and return once it is ready."""
        self.begin()
        self.until(self.is_ready, "ready", START_WITHIN_S)

    def begin(self) -> None:
        """Start it and return at once."""
        (self.data / "addresses.json").unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tailsampler", "run", "--config", str(self.config)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd=self.cwd,
                env={**os.environ, **self.environment},
            )

    def is_ready(self) -> bool:
        """Its doors are open; ``addresses`` says where."""
        try:
            self.addresses = json.loads((self.data / "addresses.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        return True

    @property
    def running(self) -> subprocess.Popen[bytes]:
        """The process; an error if there is none, or it has ended by itself."""
        assert self.process is not None, "not started"
        if self.process.poll() is not None:
            tail = self.log.read_text(errors="replace")[-4000:]
            raise AssertionError(f"the gateway ended with {self.process.returncode}:\n{tail}")
        return self.process

    def until(self, happened: Callable[[], bool], what: str, within_s: float = 60.0) -> None:
        """Wait until something is so, as long as the process lives."""
        deadline = time.monotonic() + within_s
        while not happened():
            _ = self.running
            if time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-2000:]
                raise AssertionError(f"not {what} within {within_s} s; the log ends:\n{tail}")
            time.sleep(0.02)

    def get(self, path: str) -> Any:
        """A JSON answer of the admin API; None if it says 404."""
        url = f"http://{self.addresses['admin']}{path}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                raise

    def ledger(self) -> Json:
        """The books, checked: they balance at every moment."""
        books: Json = self.get("/api/v1/ledger")
        assert_balanced(books)
        return books

    def metrics(self) -> dict[str, float]:
        """Every sample of ``/metrics``, without the prefix of ours."""
        url = f"http://{self.addresses['telemetry']}/metrics"
        with urllib.request.urlopen(url, timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name.removeprefix("tailsampler_"): float(value) for name, value in samples}

    def settled(self) -> bool:
        """Nothing is held: every span is exported or dropped, by every exporter."""
        exporters = self.ledger()["exporters"].values()
        return all(total(books["spans"]["held"]) == 0 for books in exporters)

    def resident_bytes(self) -> int:
        """Process memory without the page cache of files."""
        for line in Path(f"/proc/{self.running.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no RssAnon in the process's status")

    def kill(self) -> None:
        """``kill -9``."""
        self.running.kill()
        self.running_or_ended().wait(STOP_WITHIN_S)

    def terminate(self) -> int:
        """SIGTERM; returns the exit status."""
        self.running.send_signal(signal.SIGTERM)
        return self.running_or_ended().wait(STOP_WITHIN_S)

    def running_or_ended(self) -> subprocess.Popen[bytes]:
        """The process, whatever became of it."""
        assert self.process is not None
        return self.process

    def clean_up(self) -> None:
        """Leave nothing running."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(STOP_WITHIN_S)


def exports_to(backend: CapturingBackend) -> list[Json]:
    """The ``export:`` section for a backend on loopback."""
    return [
        {
            "type": "otlp_grpc",
            "name": "backend",
            "endpoint": backend.endpoint,
            "tls": {"insecure": True},
        }
    ]


def total(columns: dict[str, int]) -> int:
    """The sum over the reasons or places of one column of the ledger."""
    return sum(columns.values())


def assert_balanced(books: Json) -> None:
    """``received = exported + dropped + held``, in spans and in bytes, and it says so itself."""
    for unit in ("spans", "bytes"):
        column = books[unit]
        accounted = column["exported"] + total(column["dropped"]) + total(column["held"])
        assert column["received"] == accounted, books
    assert books["balanced"] is True, books
