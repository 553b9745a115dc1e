"""The scan against the slow reader: any bytes, the same spans or the same refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tailsampler._core import scan
from tests.contract.reader import Delta, WireError, check, read
from tests.contract.wires import damaged, delimited, wires

Json = dict[str, Any]


def seen(data: bytes) -> Json | None:
    """What the scan finds; None if it refuses, which it must do in words."""
    words = ""
    try:
        found: Json = json.loads(scan(data))
    except ValueError as refused:
        words = str(refused)
    else:
        return found
    assert len(words.split()) >= 3
    return None


def wanted(trace_id: bytes, delta: Delta) -> Json:
    """One trace of a request in the words of the scan."""
    rvs = delta.root_rvs or delta.rvs
    return {
        "trace_id": trace_id.hex(),
        "spans": delta.spans,
        "bytes": delta.bytes,
        "first_start_ns": min(delta.starts, default=0),
        "last_end_ns": max(delta.ends, default=0),
        "root": delta.root,
        "rv": min(rvs) if rvs else None,
    }


@settings(max_examples=500, suppress_health_check=list(HealthCheck))
@given(wires() | damaged() | st.binary(max_size=100))
@example(b"")
@example(delimited(1, delimited(1000, delimited(2, b""))))
def test_the_scan_sees_what_the_slow_reader_sees(data: bytes) -> None:
    """Refused if malformed where spans are found; taken if well-formed all the way down."""
    found = seen(data)
    try:
        expected = read(data)
    except WireError:
        assert found is None
        return
    if found is None:
        with pytest.raises(WireError):  # it may look deeper than it must
            check(data, ExportTraceServiceRequest.DESCRIPTOR)
        return
    assert found == {
        "spans": sum(delta.spans for delta in expected.traces.values()),
        "bytes": sum(delta.bytes for delta in expected.traces.values()),
        "rejected": {
            "bad_trace_id": expected.bad_trace_id,
            "bad_span_id": expected.bad_span_id,
        },
        "traces": [wanted(*entry) for entry in expected.traces.items()],
    }
