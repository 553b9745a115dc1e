"""A sample as one line of JSON, with the names that the admin API uses."""

import json

from tailsampler.control.messages import seconds
from tailsampler.control.v1 import control_pb2 as pb
from tailsampler.top.rates import Watched


def line(watched: Watched) -> str:
    """One object; ``rates`` are null for the first sample. Raises ``ValueError`` without one."""
    sample = watched.sample
    if sample is None:
        raise ValueError("there is no sample yet")
    ledger = sample.ledger
    return json.dumps(
        {
            "at": sample.at.ToJsonString(),
            "version": sample.version,
            "phase": sample.phase,
            "uptime_seconds": seconds(sample.uptime),
            "balanced": ledger.balanced,
            "oldest_held_seconds": seconds(ledger.oldest_held),
            "spans": {**_books(ledger.spans), "refused": ledger.refused_spans},
            "bytes": {**_books(ledger.bytes), "refused": ledger.refused_bytes},
            "traces": {
                "judged": ledger.traces.judged,
                "kept": ledger.traces.kept,
                "dropped": ledger.traces.dropped,
                "open": ledger.traces.open,
            },
            "spans_per_second": watched.flows or None,
            "policies": [_policy(one) for one in sample.policies],
            "exporters": [_exporter(one) for one in sample.exporters],
        }
    )


def _books(books: pb.Books) -> dict[str, object]:
    return {
        "received": books.received,
        "exported": books.exported,
        "held": {"buffer": books.held_in_buffer, "outbox": books.held_in_outbox},
        "dropped": dict(books.dropped),
        "exported_again": books.exported_again,
    }


def _policy(one: pb.PolicyStats) -> dict[str, object]:
    return {
        "name": one.name,
        "sample_rate": one.sample_rate if one.HasField("sample_rate") else None,
        "kept": one.traces_kept,
        "dropped": one.traces_dropped,
        "spans_kept": one.spans_kept,
        "spans_dropped": one.spans_dropped,
    }


def _exporter(one: pb.ExporterStats) -> dict[str, object]:
    return {
        "name": one.name,
        "healthy": one.healthy,
        "last_error": one.last_error or None,
        "backing_off_seconds": seconds(one.backing_off),
        "in_flight": one.in_flight,
        "batches": one.batches,
    }
