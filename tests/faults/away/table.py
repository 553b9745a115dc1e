"""A run with a backend that is away, as a table."""

from __future__ import annotations

from tests.faults.away.load import KINDS
from tests.faults.away.run import Line, Outcome

HEAD = (
    f"{'s':>6} {'phase':<7}{'circuit':<10}{'held: away':>12}{'well':>10}"
    f"{'given up: default':>19}{'slow':>8}{'errors':>8}{'to it: live':>13}{'backlog':>9}"
)


def line(one: Line) -> str:
    """One line, under ``HEAD``."""
    given_up = [one.given_up.get(kind, 0) for kind in ("default", "slow", "errors")]
    return (
        f"{one.at_s:>6.1f} {one.phase:<7}{one.circuit:<10}"
        f"{one.held_bytes['away']:>12,}{one.held_bytes['well']:>10,}"
        f"{given_up[0]:>19,}{given_up[1]:>8,}{given_up[2]:>8,}{one.live:>13,}{one.backlog:>9,}"
    )


def sums(outcome: Outcome) -> str:
    """What became of every span, for each of the two."""
    kept = outcome.sent - outcome.dropped
    rows: list[tuple[str, object, object]] = [
        ("spans", "away", "well"),
        ("sent", outcome.sent, outcome.sent),
        ("dropped by policy", outcome.dropped, outcome.dropped),
        ("kept", kept, kept),
        *_both("delivered", outcome.delivered),
    ]
    for kind in reversed(KINDS):
        counts = {name: by_policy[kind] for name, by_policy in outcome.given_up.items()}
        rows += _both(f"given up, kept by {kind}", counts)
    totals = {name: sum(by.values()) for name, by in outcome.missing.items()}
    rows += _both("missing", totals)
    rows += _both("delivered twice", outcome.twice)
    rows += _both("  counted as perhaps so", outcome.exported_again)
    lines = [f"{name:<28}{_word(away):>12}{_word(well):>12}" for name, away, well in rows]
    lines.append(f"{'reasons':<28}{outcome.reasons['away']}")
    lines.append(f"{'most bytes on disk':<28}{outcome.most_bytes:>12,}")
    lines.append(f"{'to the healthy one within':<28}{outcome.healthy_worst_s:>10.1f} s")
    lines.append(f"{'all delivered after':<28}{outcome.drain_s:>10.1f} s")
    lines += [f"WRONG: {finding}" for finding in outcome.findings]
    return "\n".join(lines)


def _both(name: str, counts: dict[str, int]) -> list[tuple[str, object, object]]:
    return [(name, counts["away"], counts["well"])]


def _word(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
