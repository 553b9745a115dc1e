"""From the core's JSON to the messages of the control service."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from tailsampler.control.v1 import control_pb2 as pb
from tailsampler.telemetry.ledger import Books, Ledger
from tailsampler.telemetry.status import Status

_NS = 1_000_000_000


def ledger_message(ledger: Ledger) -> pb.Ledger:
    """The books."""
    traces = ledger.traces
    return pb.Ledger(
        spans=_books(ledger.primary.spans),
        bytes=_books(ledger.primary.bytes),
        refused_spans=ledger.refused_spans,
        refused_bytes=ledger.refused_bytes,
        rejected_spans=ledger.rejected,
        traces=pb.TraceCounts(
            judged=traces.judged, kept=traces.kept, dropped=traces.dropped, open=traces.open
        ),
        exporters=[
            pb.ExporterBooks(name=name, spans=_books(pair.spans), bytes=_books(pair.bytes))
            for name, pair in ledger.exporters.items()
        ],
        oldest_held=_duration(ledger.oldest_held_s * _NS),
        balanced=ledger.balanced,
    )


def decision_message(trace_id: bytes, text: str | None) -> pb.GetDecisionsResponse:
    """What is known of one trace; ``text`` is the JSON of ``_core.Gateway.decision``."""
    if text is None:
        return pb.GetDecisionsResponse(trace_id=trace_id, unknown=pb.UnknownTrace())
    return _decision(trace_id, json.loads(text))


def sample_message(
    ledger: Ledger,
    stats: Mapping[str, Any],
    recent: Sequence[Mapping[str, Any]],
    status: Status,
    rates: Mapping[str, float],
) -> pb.StatsSample:
    """The gateway as it is.

    ``stats`` and ``recent`` are the core's JSON, parsed; ``rates`` the chain, in its order.
    """
    return pb.StatsSample(
        at=_timestamp(status.clock.wall_ns()),
        version=status.version,
        phase=status.phase.value,
        uptime=_duration(status.uptime_s * _NS),
        ledger=ledger_message(ledger),
        policies=_policies(stats.get("policies", ()), rates),
        exporters=_exporters(status),
        recent=[_decision(bytes.fromhex(found["trace_id"]), dict(found)) for found in recent],
    )


def seconds(duration: Duration) -> float:
    """A duration as a number."""
    return duration.seconds + duration.nanos / _NS


def _decision(trace_id: bytes, found: dict[str, Any]) -> pb.GetDecisionsResponse:
    if found["state"] == "held":
        return pb.GetDecisionsResponse(trace_id=trace_id, held=_held(found))
    return pb.GetDecisionsResponse(trace_id=trace_id, judged=_verdict(found))


def _policies(
    counted: Sequence[Mapping[str, Any]], rates: Mapping[str, float]
) -> Iterator[pb.PolicyStats]:
    counts = {str(one["policy"]): one for one in counted}
    for name in [*rates, *(name for name in counts if name not in rates)]:
        found = counts.get(name, {})
        yield pb.PolicyStats(
            name=name,
            sample_rate=rates.get(name),
            traces_kept=int(found.get("kept", 0)),
            traces_dropped=int(found.get("dropped", 0)),
            spans_kept=int(found.get("spans_kept", 0)),
            spans_dropped=int(found.get("spans_dropped", 0)),
        )


def _exporters(status: Status) -> Iterator[pb.ExporterStats]:
    now_s = status.clock.monotonic_s()
    for name, state in status.exporters.items():
        yield pb.ExporterStats(
            name=name,
            healthy=state.healthy,
            last_error=state.last_error,
            backing_off=_duration(state.pause_s(now_s) * _NS),
            in_flight=state.in_flight,
            batches=state.batches,
        )


def _verdict(found: dict[str, Any]) -> pb.Verdict:
    evidence = found.get("evidence") or {}
    return pb.Verdict(
        kept=found["kept"],
        policy=found.get("policy") or "",
        reason=found.get("reason") or "",
        early=found.get("early") or "",
        threshold=found["threshold"],
        th=found.get("th") or "",
        probability=found["probability"],
        randomness=int(found["randomness"], 16),
        randomness_source=found["randomness_source"],
        consistent=found["consistent"],
        plan=found["plan"],
        sequence=found["sequence"],
        judged_at=_timestamp(found["judged_at_ns"]),
        spans=found["spans"],
        bytes=found["bytes"],
        duration=_duration(found["duration_ns"]),
        reasons=evidence.get("reasons") or (),
        witness=evidence.get("witness"),
    )


def _held(found: dict[str, Any]) -> pb.HeldTrace:
    return pb.HeldTrace(
        spans=found["spans"],
        bytes=found["bytes"],
        duration=_duration(found["duration_ns"]),
        due_in=_duration(found["due_in_s"] * _NS),
        first_match=found.get("first_match") or "",
        plan=found["plan"],
    )


def _books(books: Books) -> pb.Books:
    return pb.Books(
        received=books.received,
        exported=books.exported,
        held_in_buffer=books.buffer,
        held_in_outbox=books.outbox,
        dropped=books.dropped,
        exported_again=books.exported_again,
    )


def _duration(ns: float) -> Duration:
    whole, rest = divmod(int(ns), _NS)
    return Duration(seconds=whole, nanos=rest)


def _timestamp(ns: int) -> Timestamp:
    whole, rest = divmod(ns, _NS)
    return Timestamp(seconds=whole, nanos=rest)
