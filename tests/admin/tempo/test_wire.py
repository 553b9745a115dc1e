"""The envelope of a trace in protobuf."""

from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from tailsampler.admin.tempo.wire import trace_by_id_response
from tailsampler.testing.spans import resource, span
from tests.contract.tempopb import message


@pytest.mark.parametrize("length", [0, 1, 60, 127, 128, 200, 255, 256, 16_384, 3_000_000])
def test_any_size(length: int) -> None:
    """A reader of Tempo's messages finds the trace whole, whatever its size."""
    data = TracesData(resource_spans=[resource("s", span("n" * length))] if length else [])
    found: Any = message("TraceByIDResponse").FromString(
        trace_by_id_response(data.SerializeToString())
    )
    assert found.HasField("trace")
    assert found.trace.SerializeToString() == data.SerializeToString()
    assert found.metrics.inspectedBytes == data.ByteSize()


@pytest.mark.parametrize("length", range(100, 300))
def test_lengths_around_a_byte(length: int) -> None:
    """Lengths are written as protobuf writes them, also where they begin to take two bytes."""
    data = TracesData(resource_spans=[resource("x" * length)]).SerializeToString()
    found: Any = message("TraceByIDResponse").FromString(trace_by_id_response(data))
    assert found.metrics.inspectedBytes == len(data)
    assert found.trace.SerializeToString() == data
