"""A restart after ``kill -9``: how long until everything that was held is held again."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Final

from benchmarks import process
from benchmarks.bench import Bench
from benchmarks.case import Way
from benchmarks.gateway import GatewayError, GatewayProcess
from benchmarks.measures.held import filling
from benchmarks.offer import HELD_WAIT
from benchmarks.result import Result, Sample

_GAUGE: Final = re.compile(r"^tailsampler_replay_seconds ([0-9.e+-]+)$", re.MULTILINE)


def run(bench: Bench) -> Result:
    """Every round kills what the one before left; a last one begins with a cold page cache."""
    result = Result(bench.case)
    if bench.peer is not None:
        result.notes.append("A restart is not measured at a peer: what it held would be gone.")
    for way in bench.case.ways:
        directory = bench.directory()
        with bench.ours(way, directory, HELD_WAIT) as gateway:
            bench.say(f"holding {bench.scaled(way.held):,} spans, {way.name}")
            load = filling(way.load)
            bench.offer(gateway, way, "--retry", load=load, spans=bench.scaled(way.held))
            held = gateway.books().held
            gateway.kill()
        for number in range(bench.rounds):
            bench.say(f"round {number + 1} of {bench.rounds}, {way.name}")
            result.samples.append(_one(bench, way, directory, held, number))
        if _forget_page_cache():
            cold = _one(bench, way, directory, held, bench.rounds).figures
            words = f"ready in {cold['ready_s']:.2f} s, {cold['cpu_s']:.2f} s of CPU"
            result.notes.append(f"{way.name} with a cold page cache, once: {words}.")
    return result


def _one(bench: Bench, way: Way, directory: Path, held: int, number: int) -> Sample:
    began = time.monotonic()
    with bench.ours(way, directory, HELD_WAIT) as gateway:
        ready_s = time.monotonic() - began
        books, memory = gateway.books(), process.memory(gateway.pid)
        figures = {
            "held_spans": float(books.held),
            "ready_s": ready_s,
            "replay_s": _replay_s(gateway),
            "cpu_s": process.cpu_seconds(gateway.pid),
            "bytes_a_held_span": memory.anonymous / held,
            "anonymous_mb": memory.anonymous / 1e6,
        }
        gateway.kill()  # a clean end would leave less to do for the next start
    return Sample(way.name, number, figures, books.holds and books.held == held)


def _replay_s(gateway: GatewayProcess) -> float:
    found = _GAUGE.search(gateway.metrics())
    if found is None:
        raise GatewayError("tailsampler_replay_seconds is not in /metrics")
    return float(found[1])


def _forget_page_cache() -> bool:
    """Only root may ask the kernel for that."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
    except OSError:
        return False
    return True
