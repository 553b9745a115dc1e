"""The command line: run one case, print its table, write it to ``benchmarks/results``."""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import burst, durability, guards, local_store, report, restart, sidecar
from benchmarks.case import CASES, Case
from benchmarks.gateway import GatewayError
from benchmarks.measure import run

BY_THEMSELVES: Mapping[str, Callable[[float, int | None, Path | None], tuple[str, bool]]] = {
    "burst": lambda scale, *_: burst.run(scale),
    "guards": lambda scale, rounds, _: guards.run(scale, rounds),
    "durability": lambda scale, *_: durability.run(scale),
    # No gateway: the store is asked directly.
    "local_store": lambda scale, *_: (local_store.run(scale), True),
    "restart": lambda scale, rounds, _: restart.run(scale, rounds or restart.ROUNDS),
    "sidecar": sidecar.run,
}
"""Cases that are no gateway under a load of requests of several sizes: the report as Markdown,
and whether every span was accounted for, by scale, rounds, and the Collector of `sidecar`."""


def main() -> int:
    """Run the case; exit status 1 if a span was unaccounted for, 2 if it could not be run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--case",
        default="standard_chain",
        choices=sorted((*Case.names(), *BY_THEMSELVES)),
    )
    parser.add_argument("--rounds", type=int, help="rounds instead of the case's own number")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="offer this share of the case's spans"
    )
    parser.add_argument(
        "--collector", type=Path, help="a Collector's program for `sidecar`; without it a stand-in"
    )
    parser.add_argument("--no-write", action="store_true", help="print only; leave the results be")
    arguments = parser.parse_args()
    if arguments.case in BY_THEMSELVES:
        try:
            text, whole = BY_THEMSELVES[arguments.case](
                arguments.scale, arguments.rounds, arguments.collector
            )
        except GatewayError as error:
            print(f"benchmarks: {error}", file=sys.stderr)
            return 2
        print(text)
        if not arguments.no_write:
            (report.RESULTS / f"{arguments.case}.md").write_text(text)
        return 0 if whole else 1
    case = Case.load(CASES / arguments.case, arguments.scale)
    try:
        result = run(case, arguments.rounds or case.rounds)
    except GatewayError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    text = report.render(result)
    print(text)
    if not arguments.no_write:
        report.write(result, text)
    return 0 if all(sample.accounted for sample in result.samples) else 1


if __name__ == "__main__":
    sys.exit(main())
