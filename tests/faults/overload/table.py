"""Runs side by side, as a table."""

from __future__ import annotations

from collections.abc import Mapping

from tests.faults.overload.run import Outcome


def table(outcomes: Mapping[str, Outcome]) -> str:
    """A column for every mode."""
    found = list(outcomes.values())
    reasons = sorted({reason for one in found for reason in one.dropped})
    rows: list[tuple[str, list[int]]] = [
        ("spans offered", [one.offered_spans for one in found]),
        ("refused", [one.offered_spans - one.acknowledged for one in found]),
        ("acknowledged", [one.acknowledged for one in found]),
        ("delivered", [one.delivered for one in found]),
        *(
            (f"dropped: {reason}", [one.dropped.get(reason, 0) for one in found])
            for reason in reasons
        ),
        ("traces judged early", [one.early for one in found]),
        ("traces delivered in part", [one.parts for one in found]),
        ("error traces offered", [one.errors_offered for one in found]),
        ("delivered whole", [one.errors_whole for one in found]),
        ("estimated by th", [round(one.errors_estimated) for one in found]),
    ]
    lines = ["".join([f"{'':<28}", *(f"{mode:>14}" for mode in outcomes)])]
    for name, values in rows:
        lines.append(f"{name:<28}" + "".join(f"{value:>14,}" for value in values))
    for mode, one in outcomes.items():
        steps = ", ".join(f"{level} at {at_s:.0f} s" for at_s, level in one.levels)
        lines.append(f"levels, {mode}: {steps}")
        lines += [f"WRONG, {mode}: {finding}" for finding in one.findings[:9]]
    return "\n".join(lines)
