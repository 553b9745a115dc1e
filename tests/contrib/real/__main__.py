"""Random blocks and traffic through a real Collector, the engine and the model.

With --record the Collector's verdicts become data, with --recorded such data stands for it.
Exit status 1 if the engine or the model differs.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from random import Random

import click

from tests.contrib.generate import Config
from tests.contrib.real.blocks import Mode, block
from tests.contrib.real.compare import JUDGES, Difference, NotRun, differences
from tests.contrib.real.outcome import TRACESTATE, by_the_model, plain_spans
from tests.contrib.real.recording import (
    Case,
    Recording,
    Traffic,
    credited,
    load,
    save,
    spans,
    traffic,
    written,
)
from tests.contrib.real.run import run
from tests.contrib.real.traffic import in_order

SHOWN = 400
"""Characters of a difference, if there are more of them."""

PROBE = 150
"""Traces of another traffic, by which blocks that keep all or nothing are told from others."""


def main() -> int:
    """Record, or take what is recorded, and compare."""
    parser = argparse.ArgumentParser(prog="python -m tests.contrib.real", description=__doc__)
    parser.add_argument("--collector", type=Path, help="the program, with tail_sampling in it")
    parser.add_argument("--contrib", help="which version of contrib it has; as --compat if absent")
    parser.add_argument("--compat", default="0.158", help="the version that it is held to")
    parser.add_argument("--mode", choices=[mode.value for mode in Mode], default="whole")
    parser.add_argument("--gates", default="recordpolicy", help="feature gates, -gate: off")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed")
    parser.add_argument("--configs", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=25, help="blocks in one Collector")
    parser.add_argument("--traces", type=int, default=10_000, help="of each block")
    parser.add_argument("--record", type=Path, help="where the verdicts go")
    parser.add_argument("--recorded", type=Path, action="append", help="instead of a Collector")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--only", choices=[*JUDGES], help="compare only one of ours")
    given = parser.parse_args()
    recordings = [load(file) for file in given.recorded or []]
    if given.collector is not None:
        recordings.append(recorded(given))
        if given.record is not None:
            save(given.record, recordings[-1])
    judges = [given.only] if given.only else [*JUDGES]
    return max((compare(each, judges, given.jobs) for each in recordings), default=0)


def recorded(given: argparse.Namespace) -> Recording:
    """What the Collector makes of all blocks."""
    gates = tuple(filter(None, given.gates.split(",")))
    traffics, cases = {}, []
    for seed in range(given.first, given.first + -(-given.configs // given.at_once)):
        traffics[seed], more = together(given, Mode(given.mode), gates, seed)
        cases += more
        click.echo(f"traffic {seed}: {len(more)} blocks, {given.traces:,} traces each", err=True)
    return Recording(given.contrib or given.compat, given.compat, gates, traffics, cases)


def together(
    given: argparse.Namespace, mode: Mode, gates: Sequence[str], seed: int
) -> tuple[Traffic, list[Case]]:
    """What one Collector makes of some blocks, all of which get the same traffic."""
    of = traffic(seed, given.traces, mode.phases, cut=mode is not Mode.LIMITS)
    blocks = [*telling(Random(seed), given.compat, mode, gates, given.at_once)]
    every = in_order(seed, range(given.traces), mode.phases)
    ids, plain = of.ids(range(given.traces)), plain_spans(every)
    writes = TRACESTATE in gates
    cases = [
        Case(
            id=f"{seed}.{at}",
            traffic=seed,
            mode=mode.value,
            tail_sampling=each,
            credited=credited(each, kept, ids),
            spans=spans(kept, ids) if mode.phases > 1 else "",
            written=written(kept, ids) if writes else "",
            plain=written(kept, ids, plain) if writes else "",
        )
        for at, (each, kept) in enumerate(
            zip(blocks, run(given.collector, blocks, every, mode, gates), strict=True)
        )
    ]
    return of, cases


def telling(
    dice: Random, compat: str, mode: Mode, gates: Sequence[str], count: int
) -> Iterator[Config]:
    """Blocks most of which keep some traces and drop some, as the model has it."""
    probe = in_order(-1, range(PROBE), mode.phases)
    version = int(compat.removeprefix("0."))
    while count:
        found = block(dice, version, mode)
        kept = len(by_the_model(found, compat, gates, probe))
        if 0.03 < kept / PROBE < 0.97 or dice.random() < 0.03:
            count -= 1
            yield found


def compare(recorded: Recording, judges: list[str], jobs: int) -> int:
    """Say how ours differ; 1 if they do."""
    traces = sum(len(case.credited) for case in recorded.cases)
    status = 0
    for judge in judges:
        with ProcessPoolExecutor(jobs) as pool:
            found = [*pool.map(partial(differences, judge, recorded), recorded.cases, chunksize=4)]
        differ = [one for one in found if isinstance(one, Difference)]
        refused = [one for one in found if isinstance(one, NotRun)]
        click.echo(
            f"contrib {recorded.contrib} ({', '.join(recorded.gates) or 'no gates'}), "
            f"{len(found)} blocks, {traces:,} verdicts: the {judge} differs in {len(differ)} "
            f"blocks and {sum(one.kept for one in differ):,} verdicts, "
            f"refuses {len(refused)} blocks"
        )
        for one in [*differ[:20], *refused[:3]]:
            click.echo(str(one)[: SHOWN if len(differ) > 1 else None])
        status |= bool(differ)
    return status


if __name__ == "__main__":
    sys.exit(main())
