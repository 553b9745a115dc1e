"""Attack by attack: beside an honest sender, measured from outside, as rows of a table."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.end_to_end.process import GatewayProcess
from tests.faults.abuse.attacker import Outcome, apart
from tests.faults.abuse.attacks import Attack
from tests.faults.abuse.honest import Honest

METRIC = "tailsampler_door_closed_connections_total"
MIB = 1 << 20


@dataclass(frozen=True)
class Row:
    """What one attack came to."""

    attack: Attack
    outcome: Outcome
    p99_before_s: float
    p99_during_s: float
    served: int
    failed: list[str]
    cpu_s: float
    grown_bytes: int
    counted: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "attack": self.attack.name,
            "reason": self.attack.reason,
            **self.outcome.as_json(),
            "honest": {
                "p99_before_ms": round(self.p99_before_s * 1e3, 2),
                "p99_during_ms": round(self.p99_during_s * 1e3, 2),
                "served": self.served,
                "failed": len(self.failed),
            },
            "cpu_s": round(self.cpu_s, 2),
            "grown_mib": round(self.grown_bytes / MIB, 1),
            "counted": self.counted,
        }


def counted(gateway: GatewayProcess) -> dict[str, int]:
    """Connections closed so far, by reason."""
    with urlopen(f"http://{gateway.addresses['telemetry']}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    found = {}
    for line in lines:
        if line.startswith(METRIC + "{"):
            labels, _, value = line.rpartition(" ")
            found[labels.split('"')[1]] = int(float(value))
    return found


def cpu_s(pid: int) -> float:
    """Processor seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def run(gateway: GatewayProcess, attacks: Iterable[Attack], seconds: float) -> Iterator[Row]:
    """Each attack for so long, after as long without one."""
    for each in attacks:
        with Honest(gateway.addresses["otlp_grpc"]) as honest:
            time.sleep(min(seconds, 2.0))
            before_s = honest.p99_s()
            pid = gateway.running.pid
            counts, cpu, memory = counted(gateway), cpu_s(pid), gateway.resident_bytes()
            outcome = apart(each, gateway.addresses[each.door], seconds)
            during_s, served = honest.p99_s(), honest.served
            grown, used = gateway.resident_bytes() - memory, cpu_s(pid) - cpu
        after = counted(gateway)
        yield Row(
            attack=each,
            outcome=outcome,
            p99_before_s=before_s,
            p99_during_s=during_s,
            served=served,
            failed=honest.failed,
            cpu_s=used,
            grown_bytes=grown,
            counted={
                reason: count - counts.get(reason, 0)
                for reason, count in after.items()
                if count > counts.get(reason, 0)
            },
        )


HEADER = (
    "| Attack | Sent | Connections: opened, closed | How, after (median) "
    "| Honest p99 before, during | Honest served, failed | Gateway CPU | Memory | Counted as |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def line(row: Row) -> str:
    """One row of the Markdown table."""
    lived = sorted(row.outcome.lived_s)
    after = f", {lived[len(lived) // 2] * 1e3:.0f} ms" if lived else ""
    how = ", ".join(row.outcome.endings) or "not closed"
    counts = ", ".join(f"`{reason}` {count}" for reason, count in row.counted.items()) or "-"
    return (
        f"| `{row.attack.name}` | {row.outcome.sent_bytes / MIB:.1f} MiB "
        f"| {row.outcome.opened}, {row.outcome.closed} | {how}{after} "
        f"| {row.p99_before_s * 1e3:.1f}, {row.p99_during_s * 1e3:.1f} ms "
        f"| {row.served}, {len(row.failed)} | {row.cpu_s:.2f} s "
        f"| {row.grown_bytes / MIB:+.1f} MiB | {counts} |"
    )
