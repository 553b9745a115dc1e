"""Memory of what is held, and how the cost of a span grows with it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace

from benchmarks import process
from benchmarks.bench import WARM_UP_SPANS, Bench, Skip, Subject
from benchmarks.case import Load, Way
from benchmarks.gateway import GatewayError, GatewayProcess
from benchmarks.measures import cost
from benchmarks.offer import HELD_WAIT
from benchmarks.result import OURS, Result, Sample

FILL_SPANS_PER_REQUEST = 512
PAST_THE_SYNC_S = 2.0


def run(bench: Bench) -> Result:
    """All of ours hold at once and take turns; a peer has one address, so its ways follow."""
    result = Result(bench.case)
    with ExitStack() as stack:
        full = {}
        for way in bench.case.ways:
            bench.say(f"holding {bench.scaled(way.held):,} spans, {way.name}")
            gateway = stack.enter_context(bench.ours(way, wait=HELD_WAIT))
            full[way.name] = (gateway, fill(bench, gateway, way))
        for number in range(bench.rounds):
            for way in bench.case.ways:
                bench.say(f"round {number + 1} of {bench.rounds}, {way.name}, {OURS}")
                result.samples.append(_round(bench, *full[way.name], way, number))
    if bench.peer is None:
        return result
    for way in bench.case.ways:
        bench.say(f"{way.name}, {bench.peer.name}")
        with bench.peers(way, wait=HELD_WAIT) as peer:
            try:
                held = fill(bench, peer, way)
                result.samples += [
                    _round(bench, peer, held, way, number) for number in range(bench.rounds)
                ]
            except Skip as skip:
                result.notes.append(str(skip))
    return result


def fill(bench: Bench, subject: Subject, way: Way) -> dict[str, float]:
    """Let it hold ``way.held`` spans; what they take.

    Raises:
        GatewayError: not all of them are held.
    """
    load = filling(way.load)
    bench.offer(subject, way, "--retry", spans=bench.scaled(WARM_UP_SPANS))
    bench.settle(subject, way)
    empty = process.tree_memory(subject.pid)
    told = bench.offer(subject, way, "--retry", load=load, spans=bench.scaled(way.held))
    time.sleep(PAST_THE_SYNC_S)  # so that the log's files are what they will be
    spans = told["acknowledged_spans"]
    if isinstance(subject, GatewayProcess) and (held := subject.books().held) != spans:
        raise GatewayError(f"{way.name}: {held} spans are held of {spans}")
    grown = process.tree_memory(subject.pid).anonymous - empty.anonymous
    return {"held_spans": float(spans), "bytes_a_held_span": max(0, grown) / spans}


def filling(load: Load) -> Load:
    """Of the same traces, but without a root that would make them due."""
    per_request = max(FILL_SPANS_PER_REQUEST // load.spans_per_trace, 1) * load.spans_per_trace
    return load.model_copy(update={"root": False, "spans_per_request": per_request})


def _round(bench: Bench, subject: Subject, held: dict[str, float], way: Way, number: int) -> Sample:
    sample = cost.one(bench, subject, way, number, down_to=int(held["held_spans"]))
    return replace(sample, figures=dict(sample.figures) | held)
