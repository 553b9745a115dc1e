"""What the demo says: a line now and then, and a table at the end."""

import json
from collections.abc import Iterator
from typing import IO

from rich import box
from rich.console import Console
from rich.table import Table

from tailsampler.demo.pace import Pace
from tailsampler.demo.scenarios import SCENARIOS
from tailsampler.demo.senders import Counts


def as_json(pace: Pace, counts: Counts, seconds: float, *, final: bool) -> str:
    """One object on one line. Counts are totals since the start."""
    return json.dumps(
        {
            "final": final,
            "seconds": round(seconds, 3),
            "traces": pace.traces,
            "spans": pace.spans,
            "spans_taken": counts.taken,
            "spans_given_up": counts.given_up,
            "spans_on_the_way": pace.spans - counts.taken - counts.given_up,
            "late_spans_to_come": pace.waiting,
            "reason": counts.reason or None,
            "scenarios": {
                name: {
                    "traces": tally.traces,
                    "spans": tally.spans,
                    "late_spans": tally.late_spans,
                }
                for name, tally in pace.tallies.items()
            },
        }
    )


def line(pace: Pace, counts: Counts, seconds: float) -> str:
    """How far it is, on one line."""
    sent = f"demo: {pace.traces:,} traces, {pace.spans:,} spans sent in {seconds:,.0f} s"
    lost = f", {counts.given_up:,} of them NOT taken by the gateway" if counts.given_up else ""
    return sent + lost


def summary(pace: Pace, counts: Counts, seconds: float, out: IO[str]) -> None:
    """What was sent, by scenario."""
    console = Console(file=out, highlight=False, emoji=False, markup=False, soft_wrap=True)
    table = Table(box=box.SIMPLE)
    table.add_column("scenario")
    table.add_column("traces", justify="right")
    table.add_column("spans", justify="right")
    table.add_column("what it is")
    for scenario in SCENARIOS:
        tally = pace.tallies[scenario.name]
        table.add_row(scenario.name, f"{tally.traces:,}", f"{tally.spans:,}", scenario.sentence)
    console.print(table, soft_wrap=False)
    for sentence in endings(pace, counts, seconds):
        console.print(sentence)


def endings(pace: Pace, counts: Counts, seconds: float) -> Iterator[str]:
    """The sums, and all that did not arrive."""
    yield f"{pace.traces:,} traces, {pace.spans:,} spans in {seconds:,.0f} s."
    yield f"The gateway took {counts.taken:,} spans."
    if counts.given_up:
        why = f": {counts.reason}" if counts.reason else "."
        yield f"{counts.given_up:,} spans were not taken, and the SDK gave them up{why}"
    if rest := pace.spans - counts.taken - counts.given_up:
        yield f"{rest:,} spans were still on their way, and are lost with this program."
    if pace.waiting:
        yield f"{pace.waiting:,} late spans were not due yet, and are never sent."
    if pace.skipped_s >= 1:
        yield f"This machine was too slow for the rate: {pace.skipped_s:,.0f} s were left out."
