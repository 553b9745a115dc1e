"""A steady load for a while: memory that does not grow, and a log that is deleted behind it."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Self

from benchmarks import process
from benchmarks.bench import Bench, Meter, Skip, Subject
from benchmarks.case import Soak
from benchmarks.result import Result, Sample, slope

SEGMENT = ".log"
"""How the names of our log's segments end."""
WARMING_SHARE = 0.25
"""Of the time: tables grow until the first wait is over, so the line is laid through the rest."""


def run(bench: Bench) -> Result:
    """One round of each way, as long as the case says."""
    measure = bench.case.measure
    assert isinstance(measure, Soak)  # noqa: S101 - the table of measures goes by kind
    result = Result(bench.case)
    lasting = max(2.0, measure.seconds * bench.scale)
    for way in bench.case.ways:
        for who in bench.subjects():
            bench.say(f"{lasting:.0f} s, {way.name}, {who}")
            with bench.subject(way, who) as subject:
                meter = Meter(subject, bench.scratch)
                watch = Watch(subject, measure.look_every_seconds * bench.scale)
                try:
                    with watch:
                        rate = f"--rate={measure.spans_per_second}"
                        told = bench.offer(
                            subject, way, "--retry", rate, f"--seconds={lasting}", spans=None
                        )
                except Skip as skip:
                    result.notes.append(str(skip))
                    continue
                peak = process.tree_memory(subject.pid)
                figures, accounted = meter.read(told, peak, bench.settle(subject, way))
                figures |= watch.figures(lasting)
                result.samples.append(Sample(way.name, 0, figures, accounted, who))
                result.series[f"{way.name}, {who}"] = watch.anonymous_mb
    return result


class Watch:
    """Looks at memory and disk now and then while the ``with`` block runs."""

    def __init__(self, subject: Subject, every_s: float) -> None:
        self.anonymous_mb: list[tuple[float, float]] = []
        self.disk_mb: list[float] = []
        self.deleted = 0
        self._seen: set[Path] = set()
        self._pid, self._directory, self._every_s = subject.pid, subject.directory, every_s
        self._over = threading.Event()
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self._look()
            if self._over.wait(self._every_s):
                return

    def _look(self) -> None:
        at = time.monotonic() - self._began
        self.anonymous_mb.append((at, process.tree_memory(self._pid).anonymous / 1e6))
        self.disk_mb.append(process.disk_bytes(self._directory) / 1e6)
        there = {path for path in self._directory.rglob("*") if path.suffix == SEGMENT}
        self.deleted += len(self._seen - there)
        self._seen = there

    def figures(self, lasting_s: float) -> dict[str, float]:
        """What it saw."""
        late = [point for point in self.anonymous_mb if point[0] >= lasting_s * WARMING_SHARE]
        return {
            "growth_mb_a_minute": slope(late) * 60,
            "anonymous_mb": max(value for _, value in self.anonymous_mb),
            "most_disk_mb": max(self.disk_mb),
            "segments_deleted": float(self.deleted),
        }
