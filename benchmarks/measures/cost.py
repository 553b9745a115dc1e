"""CPU a span: from the first request until every span is judged, exported and forgotten."""

from __future__ import annotations

from benchmarks import process
from benchmarks.bench import Bench, Meter, Skip, Subject
from benchmarks.case import Way
from benchmarks.gateway import GatewayError
from benchmarks.result import Result, Sample


def run(bench: Bench) -> Result:
    """Rounds of all ways, those of a peer between ours."""
    result = Result(bench.case)
    for number, way, who in bench.turns():
        with bench.subject(way, who) as subject:
            try:
                result.samples.append(one(bench, subject, way, number))
            except Skip as skip:
                if str(skip) not in result.notes:
                    result.notes.append(str(skip))
    return result


def one(bench: Bench, subject: Subject, way: Way, number: int, down_to: int = 0) -> Sample:
    """One round of one way.

    Raises:
        GatewayError: not everything was taken, though it was offered until it was.
    """
    meter = Meter(subject, bench.scratch)
    told = bench.offer(subject, way, "--retry", spans=bench.scaled(way.load.spans))
    if told["acknowledged_spans"] != told["offered_spans"]:
        raise GatewayError(f"{way.name}: not everything was taken: {told}")
    peak = process.tree_memory(subject.pid)
    books = bench.settle(subject, way, down_to)
    figures, accounted = meter.read(told, peak, books)
    return Sample(way.name, number, figures, accounted, subject.name)
