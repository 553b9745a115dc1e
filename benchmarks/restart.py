"""A restart after ``kill -9``: how long until everything that was held is held again."""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks import process, report
from benchmarks.backend import DiscardingBackend
from benchmarks.case import CASES, Case
from benchmarks.gateway import GatewayError, GatewayProcess
from benchmarks.measure import HELD_WAIT, offer

SPANS = 10_000_000
GOAL_S = 5.0
ROUNDS = 5
_GAUGE = re.compile(r"^tailsampler_replay_seconds ([0-9.e+-]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Restart:
    """One start on what another process left."""

    ready_s: float
    """From the exec of the process to ``/readyz`` saying yes."""
    replay_s: float
    """Of these, reading the data directory."""
    cpu_s: float
    held: int
    memory_bytes: int
    """Anonymous, once it is ready."""
    cold: bool
    """The page cache held nothing of the data directory."""


def run(scale: float, rounds: int) -> tuple[str, bool]:
    """The report as Markdown, and whether nothing was missing after any start."""
    spans = int(SPANS * scale)
    case = Case.load(CASES / "standard_chain")
    scratch = Path(tempfile.mkdtemp(prefix="tailsampler-bench-"))
    starts = []
    try:
        with DiscardingBackend() as backend:
            directory = scratch / "held"
            with _start(case, directory, backend) as gateway:
                offer(case, gateway, max(case.spans), spans)
                offered = gateway.books().received
                os.kill(gateway.pid, signal.SIGKILL)
            for number in range(rounds + 1):
                cold = number == rounds and _forget_page_cache()
                if number == rounds and not cold:
                    break  # only root may ask the kernel for that
                starts.append(_restart(case, directory, backend, cold=cold))
    finally:
        shutil.rmtree(scratch)
    whole = all(start.held == offered for start in starts)
    return _render(starts, offered), whole


def _start(case: Case, directory: Path, backend: DiscardingBackend) -> GatewayProcess:
    config = case.directory / "gateway.yaml"
    return GatewayProcess(config, directory, backend_port=backend.port, decision_wait=HELD_WAIT)


def _restart(case: Case, directory: Path, backend: DiscardingBackend, *, cold: bool) -> Restart:
    began = time.monotonic()
    with _start(case, directory, backend) as gateway:
        ready_s = time.monotonic() - began
        found = _GAUGE.search(gateway.metrics())
        if found is None:
            message = "tailsampler_replay_seconds is not in /metrics"
            raise GatewayError(message)
        start = Restart(
            ready_s=ready_s,
            replay_s=float(found[1]),
            cpu_s=process.cpu_seconds(gateway.pid),
            held=gateway.books().held,
            memory_bytes=process.memory(gateway.pid).anonymous,
            cold=cold,
        )
        # A crash again: a clean end would leave less to do for the next start.
        os.kill(gateway.pid, signal.SIGKILL)
    return start


def _forget_page_cache() -> bool:
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
    except OSError:
        return False
    return True


def _render(starts: list[Restart], offered: int) -> str:
    warm = [start for start in starts if not start.cold]
    lines = [
        "# restart",
        "",
        f"`kill -9` while {offered:,} spans are held, 512 a request, 8 a trace; then a start on",
        "the same directory. Ready: `/readyz` says yes; replay: `tailsampler_replay_seconds`.",
        f"The goal is {GOAL_S:.0f} s for 10,000,000 spans.",
        "",
        f"Machine: {process.machine()}.",
        f"Commit: {report.commit()}. Date: {datetime.now(UTC):%Y-%m-%d}.",
        "",
        "| page cache | ready s | replay s | CPU s | spans held again | memory a span, bytes |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {'cold' if start.cold else 'warm'} | {start.ready_s:.2f} | {start.replay_s:.2f} "
        f"| {start.cpu_s:.2f} | {start.held:,} | {start.memory_bytes / start.held:.1f} |"
        for start in starts
    ]
    lines += ["", f"Median of the warm ones: ready in {median(s.ready_s for s in warm):.2f} s."]
    return "\n".join(lines) + "\n"
