"""Traffic through a real Collector."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from time import perf_counter

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.contrib.generate import Config
from tests.contrib.real.blocks import Mode, for_the_collector
from tests.contrib.real.collector import Collector
from tests.contrib.real.outcome import Outcome, by_the_collector
from tests.contrib.real.sink import Sink, sender
from tests.contrib.real.traffic import Piece, requests

BETWEEN_S = 6.5
"""From one burst to the next: longer than any wait of a block, and two ticks."""
BURST_S = 2.5
"""What a burst takes at most: less than the wait of a block."""
TICK_S = 0.9
"""What it takes at most to send everything before the first tick."""


_WITHIN_S = {Mode.WHOLE: 300.0, Mode.LIMITS: TICK_S}


def run(
    program: Path,
    blocks: Sequence[Config],
    every: Sequence[Piece],
    mode: Mode,
    gates: Sequence[str],
) -> list[Outcome]:
    """What each block kept: all is sent on one connection, and then the Collector is stopped.

    Raises:
        AssertionError: if a burst took so long that some of it may have been judged before.
    """
    with tempfile.TemporaryDirectory() as folder, Sink() as sink:
        mine = [for_the_collector(each, mode) for each in blocks]
        with Collector(
            program, mine, sink=sink.port, folder=Path(folder), gates=gates
        ) as collector:
            channel, export = sender(collector.target)
            now, began_s = 0, perf_counter()
            for phase, request in requests(every):
                if phase != now:
                    Event().wait(BETWEEN_S)
                    now, began_s = phase, perf_counter()
                took_s = perf_counter() - began_s
                assert took_s < _WITHIN_S.get(mode, BURST_S), f"{took_s:.1f} s are too long"
                answer = ExportTraceServiceResponse.FromString(export(request.SerializeToString()))
                assert not answer.partial_success.rejected_spans, answer
            channel.close()
            collector.stop()
        return [by_the_collector(sink.received[str(at)]) for at in range(len(blocks))]
