"""Acknowledgements at shares of the top, and what happens beyond it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from statistics import median

from benchmarks import process
from benchmarks.bench import Bench, Meter, Skip, Subject
from benchmarks.case import Latency, Overload, Way, at_share
from benchmarks.result import Result, Sample


def run(bench: Bench) -> Result:
    """Every round finds the top anew, so that it is that of the same minute."""
    measure = bench.case.measure
    assert isinstance(measure, Latency)  # noqa: S101 - the table of measures goes by kind
    result = Result(bench.case)
    tops: dict[str, list[float]] = defaultdict(list)
    for number, way, who in bench.turns():
        with bench.subject(way, who) as subject:
            lasting = max(1.0, measure.seconds * bench.scale)
            try:
                top = _top(bench, subject, way, lasting)
            except Skip as skip:
                result.notes.append(str(skip))
                continue
            tops[f"{way.name}, {who}"].append(top)
            for share in measure.shares:
                rate = top * share
                sample = _open_loop(bench, subject, way, number, rate, lasting)
                result.samples.append(replace(sample, way=at_share(way.name, share)))
    for name, found in tops.items():
        result.notes.append(f"Top of {name}: {median(found):,.0f} spans/s in a closed loop.")
    return result


def overload(bench: Bench) -> Result:
    """So many times the top, by senders that do not try again."""
    measure = bench.case.measure
    assert isinstance(measure, Overload)  # noqa: S101 - as above
    result = Result(bench.case)
    for number, way, who in bench.turns():
        with bench.subject(way, who) as subject:
            lasting = max(1.0, measure.seconds * bench.scale)
            try:
                top = _top(bench, subject, way, lasting)
            except Skip as skip:
                result.notes.append(str(skip))
                continue
            load = way.load.model_copy(update={"in_flight": measure.in_flight})
            hard = way.model_copy(update={"load": load})
            sample = _open_loop(bench, subject, hard, number, top * measure.times, lasting)
            offered = sample.figures["offered_spans_a_s"]
            figures = dict(sample.figures) | {"times_top": offered / top}
            result.samples.append(replace(sample, figures=figures))
    return result


def _top(bench: Bench, subject: Subject, way: Way, lasting: float) -> float:
    """Spans a second that are acknowledged when the next is offered at once.

    For as long as what is compared with it: a shorter top would have no judging and deleting in it.
    """
    timed = () if way.load.gzip else (f"--seconds={lasting}",)
    spans = bench.scaled(way.load.spans) if way.load.gzip else None
    told = bench.offer(subject, way, "--retry", *timed, spans=spans)
    bench.settle(subject, way)
    return float(told["acknowledged_spans"] / told["seconds"])


def _open_loop(
    bench: Bench, subject: Subject, way: Way, number: int, rate: float, lasting: float
) -> Sample:
    """Requests at moments that are set beforehand; answers are timed from these moments.

    Gzip is compressed beforehand, so the number of requests is said there and not how long.
    """
    meter = Meter(subject, bench.scratch)
    timed = () if way.load.gzip else (f"--seconds={lasting}",)
    spans = int(rate * lasting) if way.load.gzip else None
    told = bench.offer(subject, way, f"--rate={rate}", *timed, spans=spans)
    peak = process.tree_memory(subject.pid)
    books = bench.settle(subject, way)
    figures, accounted = meter.read(told, peak, books)
    return Sample(way.name, number, figures, accounted, subject.name)
