"""A crash run in a table."""

from __future__ import annotations

from tests.faults.crash.rounds import Outcome

WRONG = ("missing", "altered", "invented", "wrong_verdict", "again_after_settled", "ledger")


def table(outcome: Outcome) -> str:
    """What was promised and what came of it, a line each."""
    totals, ready = outcome.totals, sorted(outcome.ready_s)
    rows: list[tuple[str, object]] = [
        ("kill -9", outcome.kills),
        ("  of these while it started", outcome.in_replay),
        ("  of these behind a SIGTERM", outcome.in_shutdown),
        ("SIGTERM and restart", outcome.terms),
        ("spans acknowledged", totals.get("acknowledged", 0)),
        ("without an answer", totals.get("unknown", 0)),
        ("  of these taken", totals.get("unknown_taken", 0)),
        ("delivered", totals.get("delivered", 0)),
        ("dropped by policy", totals.get("dropped", 0)),
        ("held", outcome.held),
        *((name.replace("_", " "), outcome.findings.get(name, 0)) for name in WRONG),
        ("delivered more than once", totals.get("duplicates", 0)),
        ("  counted as perhaps so", totals.get("counted_again", 0)),
    ]
    lines = [f"{name:<32}{value:>12,}" for name, value in rows]
    if ready:
        middle, last = ready[len(ready) // 2], ready[-1]
        held = max(outcome.ready_held)
        lines.append(f"{'ready after, median and longest':<32}{middle:>9.2f} s {last:.2f} s")
        lines.append(f"{'  with at most spans held':<32}{held:>12,}")
    lines.append(f"{'took':<32}{outcome.took_s:>10} s")
    for kind, count in sorted(outcome.findings.items()):
        lines.append(f"WRONG: {kind}: {count}")
        lines += [f"    {example}" for example in outcome.examples.get(kind, [])[:5]]
    return "\n".join(lines)
