"""From the start of the process to the first request that it acknowledges."""

from __future__ import annotations

import subprocess
import time
from typing import Final

from benchmarks import offer, process
from benchmarks.bench import Bench
from benchmarks.case import Way
from benchmarks.result import OURS, Result, Sample

WITHIN_S: Final = 60.0


def run(bench: Bench) -> Result:
    """A start on an empty directory, for every round."""
    result = Result(bench.case)
    for number, way, who in bench.turns():
        result.samples.append(_one(bench, way, who, number))
    return result


def _one(bench: Bench, way: Way, who: str, number: int) -> Sample:
    began = time.time()
    made = bench.ours(way) if who == OURS else bench.peers(way)
    # The sender tries a thousand times a second, from before the door opens.
    once = way.load.model_copy(update={"connections": 1, "in_flight": 1})
    more = ("--retry", f"--connect-within={WITHIN_S}")
    sender = subprocess.Popen(
        offer.command(made.otlp_endpoint, once, *more, spans=once.spans_per_request),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with made as subject:
        try:
            out, error = sender.communicate(timeout=WITHIN_S)
        finally:
            if sender.poll() is None:
                sender.kill()
        told = offer.told(sender.returncode, out, error)
        took = told["first_acknowledged_unix_s"] - began
        memory = process.tree_memory(subject.pid)
        books = bench.settle(subject, way)
    taken = told["acknowledged_spans"]
    accounted = None if books is None else books.holds and books.received == taken
    figures = {
        "first_accepted_s": took,
        "anonymous_mb": memory.anonymous / 1e6,
    }
    return Sample(way.name, number, figures, accounted, who)
