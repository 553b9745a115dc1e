"""Random blocks and traffic through the engine and the model: every difference is a mistake.

Exit status 1 if there is one.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import click
from rich.progress import track

from tests.contrib.beside import compare


def main() -> int:
    """Compare, and print the first differences."""
    parser = argparse.ArgumentParser(prog="python -m tests.contrib", description=__doc__)
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed")
    parser.add_argument("--configs", type=int, default=2_000, help="blocks, one a seed")
    parser.add_argument("--traces", type=int, default=500, help="of each block")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.configs)
    judged, differences = 0, []
    with ProcessPoolExecutor(arguments.jobs) as pool:
        found = pool.map(partial(compare, traces=arguments.traces), seeds, chunksize=8)
        for traces, differs in track(
            found, "Comparing", len(seeds), disable=not sys.stderr.isatty()
        ):
            judged += traces
            differences += [differs] if differs else []
    click.echo(
        f"{len(seeds):,} blocks, {judged:,} traces: {len(differences)} blocks with differences"
    )
    for differs in differences[:10]:
        click.echo(differs)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
