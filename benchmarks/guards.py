"""What guarding the doors costs: CPU a span with a rate limit, tenants' tokens, and TLS."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import process, report
from benchmarks.backend import DiscardingBackend
from benchmarks.case import CASES
from benchmarks.gateway import GatewayError, GatewayProcess
from benchmarks.offer import SETTLE_WITHIN_S, generator

ROOT: Final = Path(__file__).resolve().parent.parent
SPANS: Final = {8: 262_144, 64: 1_048_576, 512: 4_194_304, 8_192: 4_194_304}
"""Offered a round, by spans a request: about a second of CPU each."""
BEARER: Final = "token-of-the-load-generator"
ROUNDS: Final = 5
_DOOR: Final = 'endpoint: "127.0.0.1:${env:BENCH_OTLP_PORT}"'
_TENANT: Final = f"{{name: bench, tokens: [{BEARER}], rate_limit_spans_per_second: 1000000000}}"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to guard the door; no limit in it is ever met."""

    name: str
    receive: str = ""
    tls: bool = False
    arguments: tuple[str, ...] = ()


WAYS: Final = (
    Way("nothing"),
    Way("a rate limit", "  rate_limit_spans_per_second: 1000000000\n"),
    Way(
        "a tenant's token and rate",
        f"  tenants: [{_TENANT}]\n",
        arguments=(f"--header=authorization: Bearer {BEARER}",),
    ),
    Way("TLS", tls=True),
)


def run(scale: float, rounds: int | None) -> tuple[str, bool]:
    """The report as Markdown, and whether every span was accounted for."""
    scratch = Path(tempfile.mkdtemp(prefix="tailsampler-bench-"))
    try:
        certificates = scratch / "tls"
        subprocess.run(
            [ROOT / "scripts" / "certificates", certificates], check=True, capture_output=True
        )
        found: dict[tuple[str, int], list[float]] = {}
        rounds = rounds or ROUNDS
        for _ in range(rounds):
            for size, spans in SPANS.items():
                for way in WAYS:
                    cost = _cost(way, size, max(size, int(spans * scale)), scratch, certificates)
                    found.setdefault((way.name, size), []).append(cost)
        return _render(found, rounds), True
    finally:
        shutil.rmtree(scratch)


def _cost(way: Way, size: int, spans: int, scratch: Path, certificates: Path) -> float:
    """Microseconds of CPU a span; raises ``GatewayError`` if the books do not hold."""
    data = scratch / "data"
    with (
        DiscardingBackend() as backend,
        GatewayProcess(
            _config(way, scratch, certificates),
            data,
            backend_port=backend.port,
            decision_wait="1s",
        ) as gateway,
    ):
        tls = (f"--ca-file={certificates / 'ca.crt'}",) if way.tls else ()
        _offer(gateway, size, spans // 8, (*way.arguments, *tls))
        gateway.settle(SETTLE_WITHIN_S)
        before, received = process.cpu_seconds(gateway.pid), gateway.books().received
        _offer(gateway, size, spans, (*way.arguments, *tls))
        books = gateway.settle(SETTLE_WITHIN_S)
        spent = process.cpu_seconds(gateway.pid) - before
        offered = spans // size * size
        if not books.holds or books.received - received != offered:
            message = f"{way.name}: {books} after {offered} spans"
            raise GatewayError(message)
    shutil.rmtree(data)
    return spent * 1e6 / offered


def _config(way: Way, scratch: Path, certificates: Path) -> Path:
    text = (CASES / "standard_chain" / "gateway.yaml").read_text()
    tls = f"tls: {{cert_file: {certificates}/server.crt, key_file: {certificates}/server.key}}"
    changes = {"receive:\n": f"receive:\n{way.receive}"}
    if way.tls:
        changes[_DOOR] = f"{_DOOR}, {tls}"
    for old, new in changes.items():
        if text.count(old) != 1:
            message = f"the configuration of standard_chain does not say {old!r} once"
            raise GatewayError(message)
        text = text.replace(old, new)
    config = scratch / "gateway.yaml"
    config.write_text(text)
    return config


def _offer(gateway: GatewayProcess, size: int, spans: int, arguments: tuple[str, ...]) -> None:
    command = [
        str(generator()),
        f"--endpoint={gateway.otlp_endpoint}",
        f"--spans-per-request={size}",
        f"--requests={max(1, spans // size)}",
        "--retry",
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        message = f"the load generator ended with {done.returncode}: {done.stderr or done.stdout}"
        raise GatewayError(message)
    told = json.loads(done.stdout)
    if told["acknowledged_spans"] != told["offered_spans"]:
        message = (
            f"{told['offered_spans']} spans offered, {told['acknowledged_spans']} acknowledged"
        )
        raise GatewayError(message)


def _render(found: dict[tuple[str, int], list[float]], rounds: int) -> str:
    sizes = " | ".join(f"{size:,} spans a request" for size in SPANS)
    lines = [
        "# guards",
        "",
        "CPU a span of the gateway process, in microseconds, with the standard chain; limits are",
        "set and never met. The ways alternate within each round; the median of",
        f"{rounds} rounds, and beside it what was added to the same round without a guard: its",
        "median, the smallest and the largest.",
        "",
        f"Machine: {process.machine()}.",
        f"Commit: {report.commit()}. Date: {datetime.now(UTC):%Y-%m-%d}.",
        "",
        f"| guarded by | {sizes} |",
        "|---|" + "---|" * len(SPANS),
    ]
    for way in WAYS:
        cells = []
        for size in SPANS:
            costs, plain = found[way.name, size], found[WAYS[0].name, size]
            added = [cost - without for cost, without in zip(costs, plain, strict=True)]
            share = [more / without * 100 for more, without in zip(added, plain, strict=True)]
            cell = f"{median(costs):.3f}"
            if way is not WAYS[0]:
                cell += f", {median(added):+.3f} ({median(share):+.0f} %, "
                cell += f"{min(share):+.0f} to {max(share):+.0f})"
            cells.append(cell)
        lines.append(f"| {way.name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
