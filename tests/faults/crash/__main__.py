"""Crash runs: kill -9 under load, with an oracle in a process of its own.

Exit status 1 if anything that was acknowledged is missing or altered, or any book is wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import click

from tests.faults.crash.asking import OracleProcess
from tests.faults.crash.rounds import Crashes
from tests.faults.crash.table import table


def main() -> int:
    """Run, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="how many kills; 1,000 for a soak")
    parser.add_argument("--seed", type=int, default=1, help="of the load and of the moments")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="crash-") as directory,
        OracleProcess("tests.faults.crash.oracle", "--seed", str(arguments.seed)) as oracle,
    ):
        crashes = Crashes(Path(directory), oracle, arguments.seed)
        try:
            outcome = crashes.run(arguments.rounds, lambda line: click.echo(line, err=True))
        finally:
            crashes.gateway.clean_up()
    click.echo(json.dumps(outcome.as_json(), indent=1) if arguments.json else table(outcome))
    return 1 if outcome.violations else 0


if __name__ == "__main__":
    sys.exit(main())
