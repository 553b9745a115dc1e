"""Three gateways behind a hash ring: restart one, add one, remove one, kill one, under load.

Exit status 1 if an acknowledged span is unaccounted for, or a trace that R alone decides is split.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tests.faults.membership.run import EVENTS, Membership, Outcome


def main() -> int:
    """Run without sharing and with it, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.membership", description=__doc__)
    parser.add_argument("--event", choices=list(EVENTS), action="append", help="only this one")
    parser.add_argument("--rate", type=float, default=100.0, help="traces a second")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    arguments = parser.parse_args()
    outcomes: dict[str, Outcome] = {}
    for words, sharing in (("without sharing", False), ("with sharing", True)):
        with tempfile.TemporaryDirectory(prefix="membership-") as directory:
            membership = Membership(Path(directory), sharing=sharing, rate=arguments.rate)
            try:
                outcomes[words] = membership.run(arguments.event or EVENTS)
            finally:
                membership.clean_up()
    if arguments.json:
        told = {words: asdict(outcome) for words, outcome in outcomes.items()}
        click.echo(json.dumps(told, indent=1))
    else:
        Console().print(table(outcomes))
        for words, outcome in outcomes.items():
            click.echo(
                f"{words}: {outcome.spans:,} spans, {outcome.acknowledged:,} acknowledged, "
                f"{outcome.failures} requests sent again, {outcome.late_spans} late spans, "
                f"{outcome.delivered_twice} delivered twice; {outcome.shared}"
            )
            for finding in outcome.findings:
                click.echo(f"WRONG, {words}: {finding}")
    return 1 if any(outcome.findings for outcome in outcomes.values()) else 0


def table(outcomes: dict[str, Outcome]) -> Table:
    """For people."""
    rows = Table(box=None, pad_edge=False)
    rows.add_column("Under way at")
    for name in ("Traces", "At two", "Wanted", "Whole", "Split", "Lost", "Split by R"):
        rows.add_column(name, justify="right")
    for words, outcome in outcomes.items():
        for event, fate in outcome.fates.items():
            counts = (
                fate.traces,
                fate.at_two,
                fate.wanted,
                fate.whole,
                fate.split,
                fate.lost,
                fate.split_by_r,
            )
            rows.add_row(f"{event}, {words}", *(f"{count:,}" for count in counts))
    return rows


if __name__ == "__main__":
    sys.exit(main())
