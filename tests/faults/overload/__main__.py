"""Three times what the buffer can hold, for a minute: refused, or sampled, side by side.

Exit status 1 if a span is unaccounted for, or if a trace was delivered in part while nothing was
judged early.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Final, Literal

import click

from tests.faults.overload.run import Outcome, Overload, Plan
from tests.faults.overload.table import table

MODES: Final[tuple[Literal["refuse", "sample"], ...]] = ("refuse", "sample")


def main() -> int:
    """Run both, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.overload", description=__doc__)
    parser.add_argument("--press", type=float, default=60.0, help="seconds of overload")
    parser.add_argument("--rate", type=float, default=2_000.0, help="traces of 4 kB a second in it")
    parser.add_argument("--seed", type=int, default=1, help="of the load")
    arguments = parser.parse_args()
    outcomes: dict[str, Outcome] = {}
    for mode in MODES:
        plan = Plan(
            mode=mode,
            press_s=arguments.press,
            press_traces_per_s=arguments.rate,
            seed=arguments.seed,
        )
        with tempfile.TemporaryDirectory(prefix="overload-") as directory:
            overload = Overload(Path(directory), plan)
            try:
                outcomes[mode] = overload.run()
            finally:
                overload.clean_up()
    click.echo(table(outcomes))
    return 1 if any(one.findings for one in outcomes.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
