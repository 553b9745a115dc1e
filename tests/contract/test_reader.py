"""The slow reader itself, held against protobuf's own parser before it judges the scan."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.contract.reader import WireError, check, read, span_payloads
from tests.contract.wires import damaged, delimited, wires
from tests.model.chain import is_valid
from tests.model.gateway import received_in


def is_well_formed(data: bytes) -> bool:
    try:
        check(data, ExportTraceServiceRequest.DESCRIPTOR)
    except WireError:
        return False
    return True


@given(wires() | damaged())
def test_the_reader_and_protobuf_see_the_same_spans(data: bytes) -> None:
    """Where all is well-formed, protobuf finds the same spans, or bad UTF-8."""
    if not is_well_formed(data):
        return
    found = read(data)
    try:
        request = ExportTraceServiceRequest.FromString(data)
    except DecodeError:
        return  # bad UTF-8: the reader does not look into strings
    if b"\xc2\x3e" in data:
        return  # may hold instrumentation_library_spans, which protobuf's newer files leave alone
    spans = [received.span for received in received_in(request)]
    assert len(spans) == len(list(span_payloads(data)))
    assert sum(delta.spans for delta in found.traces.values()) == sum(map(is_valid, spans))
    assert list(found.traces) == list(dict.fromkeys(s.trace_id for s in spans if is_valid(s)))


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a",
        b"\x0a\x05abc",
        b"\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00",
        b"\x00\x00",
        b"\x0b\x0c",
        b"\x08\x00",
        b"\x0f",
        delimited(1, delimited(2, delimited(2, b"\x38\x05"))),
    ],
)
def test_what_the_reader_refuses(data: bytes) -> None:
    """Cut short, too long, field zero, groups, and wrong wire types on the way to a span."""
    with pytest.raises(WireError):
        read(data)


def test_old_spans_count_only_where_there_are_no_new_ones() -> None:
    """As the Collector migrates instrumentation_library_spans."""
    old, new = (delimited(field, delimited(2, b"")) for field in (1000, 2))
    assert len(list(span_payloads(delimited(1, old)))) == 1
    assert len(list(span_payloads(delimited(1, old + new)))) == 1
    assert len(list(span_payloads(delimited(1, new) + delimited(1, old)))) == 2
