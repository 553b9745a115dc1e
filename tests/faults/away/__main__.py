"""A backend that is switched off under load, with small bounds, and another one that is well.

Exit status 1 if a kept span is neither delivered nor given up by name, if errors went that had
room, or if the healthy backend had to wait.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import click

from tests.faults.away.run import Away, Plan
from tests.faults.away.table import HEAD, line, sums


def main() -> int:
    """Run, and print the table and the sums."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.away", description=__doc__)
    parser.add_argument("--away", type=float, default=60.0, help="seconds without the backend")
    parser.add_argument("--after", type=float, default=20.0, help="seconds of load after that")
    parser.add_argument("--rate", type=float, default=300.0, help="traces of 4 kB a second")
    parser.add_argument("--bound", type=int, default=8, help="its bound, in MiB; 16 in all")
    parser.add_argument("--share", type=float, default=0.5, help="its drain_share")
    parser.add_argument("--seed", type=int, default=1, help="of the load")
    arguments = parser.parse_args()
    plan = Plan(
        away_s=arguments.away,
        after_s=arguments.after,
        traces_per_s=arguments.rate,
        max_outbox_mib=arguments.bound,
        drain_share=arguments.share,
        seed=arguments.seed,
    )
    with tempfile.TemporaryDirectory(prefix="away-") as directory:
        away = Away(Path(directory), plan)
        try:
            click.echo(HEAD)
            outcome = away.run(lambda one: click.echo(line(one)))
        finally:
            away.clean_up()
    click.echo(sums(outcome))
    return 1 if outcome.findings else 0


if __name__ == "__main__":
    sys.exit(main())
