"""The load generator, as a process that is told a load and tells what became of it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from benchmarks.case import Load
from benchmarks.gateway import GatewayError

SETTLE_WITHIN_S: Final = 180.0
HELD_WAIT: Final = "3600s"
_OFFERED_WITHIN_S: Final = 1_800.0


def program(name: str = "tailsampler-load") -> Path:
    """One of the programs that ``make bench`` builds.

    Raises:
        GatewayError: it is not built.
    """
    target = Path(os.environ.get("CARGO_TARGET_DIR", "target"))
    found = target / "release" / name
    if not found.exists():
        raise GatewayError(f"{found} is missing; `make bench` builds it")
    return found


def generator() -> Path:
    """The load generator."""
    return program()


def arguments(load: Load) -> list[str]:
    """What makes the requests those of the load; neither where to, nor how many."""
    told = [
        f"--protocol={load.protocol}",
        f"--spans-per-request={load.spans_per_request}",
        f"--spans-per-trace={load.spans_per_trace}",
        f"--requests-per-trace={load.requests_per_trace}",
        f"--span-bytes={load.span_bytes}",
        f"--connections={load.connections}",
        f"--in-flight={load.in_flight}",
        f"--error-share={load.error_share}",
        f"--slow-share={load.slow_share}",
    ]
    return told + ["--gzip"] * load.gzip + ["--no-root"] * (not load.root)


def requests(load: Load, spans: int) -> int:
    """How many hold so many spans: whole requests, of whole traces, at least one trace."""
    parts = load.requests_per_trace
    return max(1, spans // (load.spans_per_request * parts)) * parts


def offer(
    endpoint: str, load: Load, *more: str, spans: int | None, cpus: Iterable[int] | None = None
) -> dict[str, Any]:
    """Run the generator to its end; ``spans`` None where ``more`` says how long.

    Raises:
        GatewayError: it could not do what it was told, or a connection broke.
    """
    done = subprocess.run(
        command(endpoint, load, *more, spans=spans, cpus=cpus),
        capture_output=True,
        text=True,
        check=False,
        timeout=_OFFERED_WITHIN_S,
    )
    return told(done.returncode, done.stdout, done.stderr)


def command(
    endpoint: str, load: Load, *more: str, spans: int | None, cpus: Iterable[int] | None = None
) -> list[str]:
    """The command line."""
    line = [str(generator()), f"--endpoint={endpoint}", *arguments(load), *more]
    if spans is not None:
        line.append(f"--requests={requests(load, spans)}")
    if cpus is not None:
        line = ["taskset", "--cpu-list", ",".join(map(str, sorted(cpus))), *line]
    return line


def told(status: int, out: str, error: str) -> dict[str, Any]:
    """What the generator said.

    Raises:
        GatewayError: as ``offer``.
    """
    if status != 0:
        raise GatewayError(f"the load generator ended with {status}: {error or out}")
    report: dict[str, Any] = json.loads(out)
    if report["failed_requests"] or report["rejected_spans"]:
        raise GatewayError(f"requests were turned down for good: {out}")
    return report
