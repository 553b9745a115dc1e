"""A soak in a table."""

from __future__ import annotations

from statistics import median

from tests.faults.crash.table import WRONG
from tests.faults.soak.run import Soak


def table(soak: Soak) -> str:
    """What befell it, and what came of it, a line each."""
    outcome, looks = soak.outcome, soak.looks
    totals = outcome.totals
    rows: list[tuple[str, object]] = [
        *((f"{kind}, times", times) for kind, times in sorted(soak.faults.items())),
        ("judgements of all that was sent", outcome.terms),
        ("spans acknowledged", totals.get("acknowledged", 0)),
        ("delivered", totals.get("delivered", 0)),
        ("dropped by policy", totals.get("dropped", 0)),
        ("held", outcome.held),
        *((name.replace("_", " "), outcome.findings.get(name, 0)) for name in WRONG),
        ("delivered more than once", totals.get("duplicates", 0)),
        ("  counted as perhaps so", totals.get("counted_again", 0)),
        ("looks at the ledger, all in balance", len(looks.memory_mib)),
        ("ceased to be ready, most in a minute", looks.flips_in_a_minute()),
    ]
    lines = [f"{name:<40}{value:>14,}" for name, value in rows]
    for name, unit, seen in (
        ("memory (RssAnon)", " MiB", looks.memory_mib),
        ("file descriptors", "", looks.files),
    ):
        if third := len(seen) // 3:
            first, last = median(seen[:third]), median(seen[-third:])
            said = f"{first:,.0f} -> {last:,.0f}, at most {max(seen):,.0f}{unit}"
            lines.append(f"{name + ', first and last third':<40}{said:>34}")
    lines.append(f"{'took':<40}{outcome.took_s:>12,} s")
    for kind, count in sorted(outcome.findings.items()):
        lines.append(f"WRONG: {kind}: {count}")
        lines += [f"    {example}" for example in outcome.examples.get(kind, [])[:5]]
    return "\n".join(lines)
