"""A real Collector with many ``tail_sampling`` processors behind one receiver."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.contrib.generate import Config
from tests.contrib.real.sink import PIPELINE

GATE = "processor.tailsamplingprocessor."
_READY = "Everything is ready."
_LISTENS = re.compile(r'"endpoint": "(127\.0\.0\.1:\d+)"')
_LOST = ("Exporting failed", "Error sending")
_STOPS_WITHIN_S = 300


class NotStartedError(Exception):
    """The Collector would not start; its own words."""


class Collector:
    """Runs until it is told to stop, and judges everything it still holds when it is."""

    def __init__(
        self,
        program: Path,
        blocks: Sequence[Config],
        *,
        sink: int,
        folder: Path,
        gates: Sequence[str] = (),
    ) -> None:
        """``sink``: the port on loopback to which every pipeline exports."""
        self.target = ""
        """Host and port that take spans."""
        self._log = folder / "collector.log"
        config = folder / "collector.yaml"
        config.write_text(json.dumps(configuration(blocks, sink)))  # JSON is YAML
        self._command = [str(program), "--config", str(config)]
        if gates:
            self._command.append("--feature-gates=" + ",".join(map(_named, gates)))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT)
        with self._log.open() as said:
            while True:
                line = said.readline()
                if listens := _LISTENS.search(line):
                    self.target = listens[1]
                if _READY in line:
                    return self
                if not line and self._ended_within(0.02):
                    raise NotStartedError(self._log.read_text()[-4_000:])

    def _ended_within(self, seconds: float) -> bool:
        try:
            return self._running().wait(seconds) is not None
        except subprocess.TimeoutExpired:
            return False

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    def stop(self) -> None:
        """Tell it to judge what it holds, and wait until everything has been sent on.

        Raises:
            AssertionError: if it lost or refused something, or did not end well.
        """
        self._running().terminate()
        assert self._running().wait(_STOPS_WITHIN_S) == 0, self._log.read_text()[-4_000:]
        lost = [line for line in self.log() if any(words in line for words in _LOST)]
        assert not lost, lost[:3]

    def log(self) -> list[str]:
        """What it said so far."""
        return self._log.read_text().splitlines()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running().kill()
        self._running().wait()


def _named(gate: str) -> str:
    return f"-{GATE}{gate[1:]}" if gate.startswith("-") else GATE + gate


def configuration(blocks: Sequence[Config], sink: int) -> Config:
    """One receiver, and for every block a pipeline of its own; on free ports of loopback."""
    return {
        "receivers": {
            "otlp": {
                "protocols": {"grpc": {"endpoint": "127.0.0.1:0", "max_recv_msg_size_mib": 64}}
            }
        },
        "processors": {f"tail_sampling/{at}": escaped(one) for at, one in enumerate(blocks)},
        "exporters": {f"otlp/{at}": _exporter(str(at), sink) for at in range(len(blocks))},
        "service": {
            "pipelines": {
                f"traces/{at}": {
                    "receivers": ["otlp"],
                    "processors": [f"tail_sampling/{at}"],
                    "exporters": [f"otlp/{at}"],
                }
                for at in range(len(blocks))
            },
            "telemetry": {"metrics": {"level": "none"}},
        },
    }


def _exporter(pipeline: str, sink: int) -> Config:
    """Kept traces go together in large requests: a call each would take its time."""
    return {
        "endpoint": f"127.0.0.1:{sink}",
        "tls": {"insecure": True},
        "headers": {PIPELINE: pipeline},
        "compression": "none",
        "retry_on_failure": {"enabled": False},
        "timeout": "60s",
        "sending_queue": {
            "enabled": True,
            "num_consumers": 1,
            "sizer": "items",
            "queue_size": 200_000,
            "block_on_overflow": True,
            "batch": {"flush_timeout": "200ms", "min_size": 4_000, "max_size": 8_000},
        },
    }


def escaped(value: Any) -> Any:
    """A Collector reads ``$`` as the beginning of a variable."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {key: escaped(each) for key, each in value.items()}
    return [escaped(each) for each in value] if isinstance(value, list) else value
