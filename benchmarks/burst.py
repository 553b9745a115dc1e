"""A burst of a million spans: offered, acknowledged, delivered, refused, lost, by span id."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from benchmarks import cgroup, process, report
from benchmarks.backend import KeepingBackend
from benchmarks.case import CASES
from benchmarks.gateway import GatewayError, GatewayProcess
from benchmarks.offer import SETTLE_WITHIN_S, generator

SPANS = 1 << 20
SPANS_PER_REQUEST = 512
LIMIT = 40_000
WARM_UP_SPANS = 65_536
CONTAINER_BYTES = 512 << 20
_RECEIVE = "receive:\n"
_BUFFER = "max_bytes: 8GiB"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to be too much."""

    name: str
    config: dict[str, str]
    """What of the configuration is replaced by what."""
    arguments: tuple[str, ...] = ()
    """For the load generator."""


_LIMITED = {_RECEIVE: f"receive:\n  rate_limit_spans_per_second: {LIMIT}\n"}
_THRICE = f"--rate={3 * LIMIT}"
WAYS = (
    Way("as fast as it is taken", {}, ("--retry",)),
    Way(f"three times a limit of {LIMIT:,} a second", _LIMITED, (_THRICE, "--retry")),
    Way("the same, by a sender that never tries again", _LIMITED, (_THRICE,)),
    Way(
        "a buffer of a quarter of it",
        {_BUFFER: "max_bytes: 64MiB, segment_bytes: 4MiB"},
        ("--retry",),
    ),
)


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one burst, in spans."""

    name: str
    offered: int
    acknowledged: int
    delivered: int
    refusals: int
    """Requests that were told to come back later."""
    lost: int
    """Acknowledged, and not delivered."""
    altered: int
    """Delivered, and never acknowledged."""
    p99_ms: float
    grown: int
    """Anonymous memory at its highest, above what an idle process has; bytes."""
    group: tuple[int, int] | None
    """Of its control group: bytes at their highest, page cache included, and processes killed."""
    balanced: bool

    @property
    def whole(self) -> bool:
        """Whether every promise was kept."""
        killed = self.group[1] if self.group else 0
        return self.balanced and self.lost == self.altered == killed == 0


def run(scale: float) -> tuple[str, bool]:
    """The report as Markdown, and whether nothing was lost."""
    rows = [_burst(way, int(SPANS * scale)) for way in WAYS]
    return _render(rows), all(row.whole for row in rows)


class _Highest:
    """The highest anonymous memory of a process while the ``with`` block runs."""

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._over.wait(0.1):
            self.bytes = max(self.bytes, process.memory(self._pid).anonymous)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def _burst(way: Way, spans: int) -> Row:
    scratch = Path(tempfile.mkdtemp(prefix="tailsampler-bench-"))
    try:
        with (
            KeepingBackend(scratch / "delivered") as backend,
            cgroup.limited(CONTAINER_BYTES) as group,
            GatewayProcess(
                _config(way, scratch),
                scratch / "data",
                backend_port=backend.port,
                decision_wait="5s",
                group=group,
            ) as gateway,
        ):
            _offer(gateway, WARM_UP_SPANS, "--retry", f"--rate={LIMIT // 2}")
            gateway.settle(SETTLE_WITHIN_S)
            idle, warm = process.memory(gateway.pid).anonymous, backend.span_ids()
            acked = scratch / "acked"
            with _Highest(gateway.pid) as highest:
                told = _offer(gateway, spans, *way.arguments, f"--acked-ids={acked}")
                books = gateway.settle(SETTLE_WITHIN_S)
            promised = {int(line, 16) for line in acked.read_text().split()}
            delivered = backend.span_ids() - warm
            return Row(
                name=way.name,
                offered=told["offered_spans"],
                acknowledged=told["acknowledged_spans"],
                delivered=len(delivered),
                refusals=told["refusals"],
                lost=len(promised - delivered),
                altered=len(delivered - promised),
                p99_ms=told["latency_ms"]["p99"],
                grown=max(0, highest.bytes - idle),
                group=(group.peak_bytes(), group.kills()) if group else None,
                balanced=books.holds and len(promised) == told["acknowledged_spans"],
            )
    finally:
        shutil.rmtree(scratch)


def _config(way: Way, scratch: Path) -> Path:
    text = (CASES / "burst" / "gateway.yaml").read_text()
    for old, new in way.config.items():
        if old not in text:
            message = f"the configuration of burst does not say {old!r}"
            raise GatewayError(message)
        text = text.replace(old, new)
    config = scratch / "gateway.yaml"
    config.write_text(text)
    return config


def _offer(gateway: GatewayProcess, spans: int, *arguments: str) -> dict[str, Any]:
    command = [
        str(generator()),
        f"--endpoint={gateway.otlp_endpoint}",
        f"--spans-per-request={SPANS_PER_REQUEST}",
        f"--requests={spans // SPANS_PER_REQUEST}",
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        message = f"the load generator ended with {done.returncode}: {done.stderr or done.stdout}"
        raise GatewayError(message)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _told(group: tuple[int, int] | None) -> str:
    return "" if group is None else f"{group[0] / 2**20:.0f} MiB, {group[1]} kills"


def _render(rows: list[Row]) -> str:
    columns = [
        "offered",
        "acknowledged",
        "delivered",
        "lost",
        "refusals",
        "p99_ms",
        "memory",
        "container",
        "books",
    ]
    head = " | ".join(["| ", *(name.replace("_", " ") for name in columns), ""]).rstrip()
    contrib = (
        "| contrib 0.155, its defaults, `always_sample` (measured once, elsewhere) "
        "| 1,000,050 | 1,000,050 | 423,159 | 576,891 | 0 | | | | |"
    )
    lines = [
        "# burst",
        "",
        f"{rows[0].offered:,} spans of which every one is kept, {SPANS_PER_REQUEST} a request, 16",
        "requests in flight on four connections, to a backend that takes them all. Delivered and",
        "lost are counted by span id at the backend, beside what the sender was answered. p99 runs",
        "from the moment a request was due to its acknowledgement, refusals and the waits after",
        "them included. Memory is what the process grew by, without pages of files. Container is",
        f"what its control group, limited to {CONTAINER_BYTES >> 20} MiB, had at its highest, page",
        "cache included, and how often the kernel killed something in it; empty where this machine",
        "gives no control group.",
        "",
        f"Machine: {process.machine()}.",
        f"Commit: {report.commit()}. Date: {datetime.now(UTC):%Y-%m-%d}.",
        "",
        head,
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---|",
        contrib,
    ]
    lines += [
        f"| {row.name} | {row.offered:,} | {row.acknowledged:,} | {row.delivered:,} | {row.lost:,} "
        f"| {row.refusals:,} | {row.p99_ms:,.0f} | {row.grown / 2**20:+.0f} MiB "
        f"| {_told(row.group)} "
        f"| {'balanced' if row.whole else 'WRONG'} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"
