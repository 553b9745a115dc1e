"""The command line: run one case, print its table, write it to ``benchmarks/results``."""

import argparse
import sys

from benchmarks import durability, local_store, report, restart
from benchmarks.case import CASES, Case
from benchmarks.gateway import GatewayError
from benchmarks.measure import run


def main() -> int:
    """Run the case; exit status 1 if a span was unaccounted for, 2 if it could not be run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--case",
        default="standard_chain",
        choices=sorted((*Case.names(), "durability", "local_store", "restart")),
    )
    parser.add_argument("--rounds", type=int, help="rounds instead of the case's own number")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="offer this share of the case's spans"
    )
    parser.add_argument("--no-write", action="store_true", help="print only; leave the results be")
    arguments = parser.parse_args()
    if arguments.case == "local_store":  # no gateway: the store is asked directly
        text = local_store.run(arguments.scale)
        print(text)
        if not arguments.no_write:
            (report.RESULTS / "local_store.md").write_text(text)
        return 0
    if arguments.case == "restart":
        text, whole = restart.run(arguments.scale, arguments.rounds or restart.ROUNDS)
        print(text)
        if not arguments.no_write:
            (report.RESULTS / "restart.md").write_text(text)
        return 0 if whole else 1
    if arguments.case == "durability":
        text, whole = durability.run(arguments.scale)
        print(text)
        if not arguments.no_write:
            (report.RESULTS / "durability.md").write_text(text)
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
