"""Judging traces that fall due together: the core alone, on one thread, without door or disk."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.case import Judge, Way
from benchmarks.gateway import GatewayError
from benchmarks.offer import program
from benchmarks.result import OURS, Result, Sample
from tailsampler.settings.core_options import gateway_options
from tailsampler.settings.load import load


def run(bench: Bench) -> Result:
    """Rounds of all ways; the program itself throws one round away and looks at the books."""
    result = Result(bench.case)
    if bench.peer is not None:
        result.notes.append("Judging alone is not measured at a peer.")
    for number, way, who in bench.turns():
        if who == OURS:
            result.samples.append(_one(bench, way, number))
    return result


def _one(bench: Bench, way: Way, number: int) -> Sample:
    measure = bench.case.measure
    assert isinstance(measure, Judge)  # noqa: S101 - the table of measures goes by kind
    options = bench.directory()
    options.write_text(core_options((bench.case.directory / way.config).resolve(), way))
    done = subprocess.run(
        [
            program("tailsampler-judge"),
            f"--options={options}",
            f"--traces={measure.traces}",
            f"--spans-per-trace={way.load.spans_per_trace}",
            "--rounds=1",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise GatewayError(f"{way.name}: {done.stderr or done.stdout}")
    told = json.loads(done.stdout)
    figures = {
        "judge_ms": told["judge_ms"][0] * measure.traces / told["traces"],
        "ingest_us_a_span": told["ingest_ms"][0] * 1e3 / told["spans"],
    }
    return Sample(way.name, number, figures, accounted=True)


def core_options(config: Path, way: Way) -> str:
    """What the core is told, by the configuration of a way; no port in it is ever opened."""
    names = ("OTLP", "OTLP_HTTP", "ADMIN", "CONTROL", "HEALTH", "BACKEND")
    ports = {f"BENCH_{name}_PORT": str(at) for at, name in enumerate(names, 10_000)}
    environment = ports | {
        "BENCH_DIRECTORY": "data",
        "BENCH_DECISION_WAIT": way.decision_wait,
        "BENCH_CERTIFICATES": os.curdir,
    }
    return gateway_options(load(config, environment | way.environment))
