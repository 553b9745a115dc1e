"""What each ``buffer.fsync`` costs: CPU, the kernel's included, latency, and bytes on the disk."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import process, report
from benchmarks.backend import DiscardingBackend
from benchmarks.case import CASES
from benchmarks.gateway import GatewayError, GatewayProcess
from benchmarks.offer import SETTLE_WITHIN_S, generator

MODES = {"never": "never", "interval: 1s": "{interval: 1s}", "always": "always"}
WAITS = ("10s", "30s")
ROUNDS = 3
SECONDS = 34.0
"""Of load a cell: ten minutes in all, of two waits, three modes and three rounds."""
SPANS_PER_REQUEST = 64
HEAD = (
    "| decision_wait | fsync | CPU us a span | of kernel threads | against never | p50 ms "
    "| p99 ms | refusals | on disk / received | accounted |"
)
RATE = 100_000
"""Spans offered a second: some 27 MB/s, so that segments of 64 MiB come and go."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One mode under load for a while."""

    wait: str
    mode: str
    spans: int
    gateway_cpu_s: float
    kernel_cpu_s: float
    p50_ms: float
    p99_ms: float
    refusals: int
    on_disk: int
    wire: float
    whole: bool

    @property
    def cpu_us(self) -> float:
        """CPU a span of the gateway and of the kernel's threads."""
        return (self.gateway_cpu_s + self.kernel_cpu_s) * 1e6 / self.spans


def run(scale: float) -> tuple[str, bool]:
    """The report as Markdown, and whether every span was accounted for."""
    cells = []
    for _ in range(ROUNDS):
        for wait in WAITS:
            # Modes alternate, so that a slow minute of the machine falls on all of them.
            cells += [_cell(wait, mode, SECONDS * scale) for mode in MODES]
    return _render(cells, SECONDS * scale), all(cell.whole for cell in cells)


def _cell(wait: str, mode: str, seconds: float) -> Cell:
    scratch = Path(tempfile.mkdtemp(prefix="tailsampler-bench-"))
    try:
        with (
            DiscardingBackend() as backend,
            GatewayProcess(
                _config(scratch, mode),
                scratch / "data",
                backend_port=backend.port,
                decision_wait=wait,
            ) as gateway,
        ):
            cpu, kernel = process.cpu_seconds(gateway.pid), process.kernel_thread_seconds()
            disk = process.written_bytes(scratch)
            told = _offer(gateway, seconds)
            books = gateway.settle(SETTLE_WITHIN_S)
            return Cell(
                wait=wait,
                mode=mode,
                spans=told["acknowledged_spans"],
                gateway_cpu_s=process.cpu_seconds(gateway.pid) - cpu,
                kernel_cpu_s=process.kernel_thread_seconds() - kernel,
                p50_ms=told["latency_ms"]["p50"],
                p99_ms=told["latency_ms"]["p99"],
                refusals=told["refusals"],
                on_disk=process.written_bytes(scratch) - disk,
                wire=told["bytes_per_span"] * told["acknowledged_spans"],
                whole=books.holds and books.received == told["acknowledged_spans"],
            )
    finally:
        shutil.rmtree(scratch)


def _config(scratch: Path, mode: str) -> Path:
    text = (CASES / "standard_chain" / "gateway.yaml").read_text()
    default = MODES["interval: 1s"]
    if default not in text:
        message = f"gateway.yaml of standard_chain does not say {default}"
        raise GatewayError(message)
    config = scratch / "gateway.yaml"
    config.write_text(text.replace(default, MODES[mode]))
    return config


def _offer(gateway: GatewayProcess, seconds: float) -> dict[str, Any]:
    command = [
        str(generator()),
        f"--endpoint={gateway.otlp_endpoint}",
        f"--spans-per-request={SPANS_PER_REQUEST}",
        f"--seconds={seconds}",
        f"--rate={RATE}",
        "--retry",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        message = f"the load generator ended with {done.returncode}: {done.stderr or done.stdout}"
        raise GatewayError(message)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _render(cells: list[Cell], seconds: float) -> str:
    lines = [
        "# durability",
        "",
        f"{RATE:,} spans a second offered for {seconds:.0f} s, {SPANS_PER_REQUEST} a request; then",
        "all is judged, exported and forgotten. CPU is that of the gateway and of the kernel's own",
        "threads, which write back and commit for it. On disk: what reached the device, from all",
        f"programs, beside what was received. Medians of {ROUNDS} rounds; modes alternate.",
        "",
        f"Machine: {process.machine()}.",
        f"Commit: {report.commit()}. Date: {datetime.now(UTC):%Y-%m-%d}.",
        "",
        HEAD,
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for wait in WAITS:
        base = median(c.cpu_us for c in cells if (c.wait, c.mode) == (wait, "never"))
        for mode in MODES:
            own = [c for c in cells if (c.wait, c.mode) == (wait, mode)]
            cpu = median(c.cpu_us for c in own)
            kernel = median(c.kernel_cpu_s * 1e6 / c.spans for c in own)
            lines.append(
                f"| {wait} | {mode} | {cpu:.2f} | {kernel:.2f} | {cpu / base - 1:+.1%} "
                f"| {median(c.p50_ms for c in own):.2f} | {median(c.p99_ms for c in own):.2f} "
                f"| {sum(c.refusals for c in own)} "
                f"| {median(c.on_disk / c.wire for c in own):.2f} "
                f"| {'yes' if all(c.whole for c in own) else 'NO'} |"
            )
    return "\n".join(lines) + "\n"
