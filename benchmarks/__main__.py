"""The command line: run cases, print their reports, write them to ``benchmarks/results``."""

from __future__ import annotations

import argparse
import importlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.backend import DiscardingBackend
from benchmarks.bench import Bench
from benchmarks.case import Case, CaseError, Module, names
from benchmarks.gateway import GatewayError
from benchmarks.measures import MEASURES
from benchmarks.peer import Peer

BALANCED, UNBALANCED, FAILED = 0, 1, 2


def main(line: Sequence[str] | None = None) -> int:
    """Run cases; status 1 if a span was unaccounted for, 2 if a case could not be run."""
    arguments = _parser().parse_args(line)
    try:
        cases, peer = _cases(arguments), _peer(arguments)
    except (CaseError, GatewayError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return FAILED
    status, tables = BALANCED, []
    began = time.monotonic()
    for number, case in enumerate(cases, 1):

        def say(words: str, case: Case = case, number: int = number) -> None:
            took = time.monotonic() - began
            at = f"[{number}/{len(cases)}, {took:.0f} s] {case.name}"
            print(f"{at}: {words}", file=sys.stderr)

        try:
            balanced, table = _run(case, arguments, peer, say)
        except GatewayError as error:
            print(f"benchmarks: {case.name}: {error}", file=sys.stderr)
            status = FAILED
            continue
        tables.append(table)
        if not balanced:
            print(f"benchmarks: {case.name}: spans are unaccounted for", file=sys.stderr)
            status = max(status, UNBALANCED)
    if arguments.json:
        print(json.dumps(tables, indent=2))
    return status


def _run(
    case: Case, arguments: argparse.Namespace, peer: Peer | None, say: Any
) -> tuple[bool, Any]:
    """Whether the books of the case balance, and its table."""
    rounds = arguments.rounds or case.rounds
    if isinstance(case.measure, Module):
        say("a program of its own")
        text, whole = _module(case.measure.module, arguments)
        _show(text, arguments)
        if not arguments.no_write:
            arguments.results.mkdir(parents=True, exist_ok=True)
            (arguments.results / f"{case.name}.md").write_text(text)
        return whole, {"case": case.name, "accounted": whole, "report": text}
    scale = arguments.scale
    if arguments.set == "short" and case.short:
        scale *= case.short.scale
    scratch = Path(tempfile.mkdtemp(prefix="tailsampler-bench-"))
    try:
        with (
            DiscardingBackend() as backend,
            Bench(case, rounds, scale, scratch, backend, peer, say) as bench,
        ):
            result = MEASURES[case.measure.kind](bench)
    finally:
        shutil.rmtree(scratch)
    _show(report.render(result), arguments)
    if not arguments.no_write:
        # A part of a case does not take the place of the whole.
        report.write(result, arguments.results / "short" if arguments.set else arguments.results)
    return result.accounted, report.table(result)


def _show(text: str, arguments: argparse.Namespace) -> None:
    if not arguments.json:
        print(text)


def _module(name: str, arguments: argparse.Namespace) -> tuple[str, bool]:
    module = importlib.import_module(f"benchmarks.{name}")
    scale, rounds = arguments.scale, arguments.rounds
    told: tuple[str, bool]
    match name:
        case "guards":
            told = module.run(scale, rounds)
        case "local_store":  # no gateway: the store is asked directly
            told = module.run(scale), True
        case "sidecar":
            told = module.run(scale, rounds, arguments.collector)
        case _:
            told = module.run(scale)
    return told


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--case", action="append", choices=list(names()), help="may come repeatedly")
    which.add_argument("--all", action="store_true", help="every case")
    which.add_argument("--set", choices=["short"], help="the short set, in under five minutes")
    parser.add_argument("--list", action="store_true", help="name the cases and end")
    parser.add_argument("--rounds", type=int, help="rounds instead of the case's own number")
    parser.add_argument("--scale", type=float, default=1.0, help="offer this share of the spans")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--no-write", action="store_true", help="print only; leave the results be")
    parser.add_argument(
        "--results",
        type=Path,
        metavar="DIR",
        default=report.RESULTS,
        help="write there instead of benchmarks/results",
    )
    parser.add_argument(
        "--collector", type=Path, help="a Collector's program for `sidecar`; else a stand-in"
    )
    parser.add_argument("--peer-command", help="starts another OTLP receiver, measured beside us")
    parser.add_argument("--peer-address", help="its OTLP/gRPC door, host:port on loopback")
    parser.add_argument("--peer-http-address", help="its OTLP/HTTP door, if it has one")
    parser.add_argument("--peer-name", default="peer", help="what it is called in the report")
    return parser


def _cases(arguments: argparse.Namespace) -> list[Case]:
    every = [Case.load(name) for name in names()]
    if arguments.list:
        for case in every:
            print(f"{case.name}: {case.about}")
        return []
    if arguments.all:
        return every
    if arguments.case:
        return [case for case in every if case.name in arguments.case]
    arguments.set = "short"
    return [case.shortened() for case in every if case.short]


def _peer(arguments: argparse.Namespace) -> Peer | None:
    if (arguments.peer_command is None) != (arguments.peer_address is None):
        raise CaseError("--peer-command and --peer-address come together")
    if arguments.peer_command is None:
        return None
    return Peer(
        arguments.peer_command,
        arguments.peer_address,
        arguments.peer_http_address,
        arguments.peer_name,
    )


if __name__ == "__main__":
    sys.exit(main())
