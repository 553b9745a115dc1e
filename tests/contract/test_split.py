"""Cutting a request in two loses nothing and repeats what both halves need."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tailsampler._core import split
from tests.model.gateway import received_in
from tests.model.output import envelope
from tests.simulation.strategies import requests

IDS = [b"\x11" * 16, b"\x22" * 16]


def spans_in(payload: bytes) -> list[bytes]:
    """Every span with its resource and scope, in order, as comparable bytes."""
    request = ExportTraceServiceRequest.FromString(payload)
    return [envelope(received, received.span) for received in received_in(request)]


@given(requests(IDS, st.integers(0, 2**56 - 1)), st.data())
def test_a_split_keeps_every_span_in_its_place(
    request: ExportTraceServiceRequest, data: st.DataObject
) -> None:
    """The halves are the spans before and from the place on, under the same resource and scope."""
    payload = request.SerializeToString()
    whole = spans_in(payload)
    assume(len(whole) > 1)
    at = data.draw(st.integers(1, len(whole) - 1))
    first, second = split(payload, at)
    assert spans_in(first) == whole[:at]
    assert spans_in(second) == whole[at:]


@given(requests(IDS, st.integers(0, 2**56 - 1)))
def test_a_batch_can_be_cut_down_to_single_spans(request: ExportTraceServiceRequest) -> None:
    """Cutting again and again ends with each span alone, none lost."""
    rest = request.SerializeToString()
    whole = spans_in(rest)
    single = []
    while len(spans_in(rest)) > 1:
        one, rest = split(rest, 1)
        single.append(one)
    assert [span for one in (*single, rest) for span in spans_in(one)] == whole
