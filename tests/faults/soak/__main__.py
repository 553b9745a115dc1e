"""A soak: a gateway under load for as long as asked, with a fault every ten seconds.

Exit status 1 if a span that was acknowledged is missing or altered, a book is out of balance,
memory or file descriptors grow, or readiness flaps.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import click

from tests.faults.crash.asking import OracleProcess
from tests.faults.soak.run import Soak
from tests.faults.soak.table import table


def main() -> int:
    """Run, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="for how long")
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two faults")
    parser.add_argument("--spans-a-second", type=float, default=3_000.0, help="all senders")
    parser.add_argument("--seed", type=int, default=1, help="of the load and of the faults")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    arguments = parser.parse_args()
    rate = ("--spans-a-second", str(arguments.spans_a_second))
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as directory,
        OracleProcess("tests.faults.crash.oracle", "--seed", str(arguments.seed), *rate) as oracle,
    ):
        soak = Soak(Path(directory), oracle, arguments.seed)
        try:
            outcome = soak.soak(
                arguments.minutes * 60, arguments.every, lambda line: click.echo(line, err=True)
            )
        finally:
            soak.gateway.clean_up()
    click.echo(json.dumps(soak.as_json(), indent=1) if arguments.json else table(soak))
    return 1 if outcome.violations else 0


if __name__ == "__main__":
    sys.exit(main())
