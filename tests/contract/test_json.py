"""OTLP's JSON against protobuf's own mapping, with the hexadecimal ids that OTLP asks for."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tailsampler._core import json_to_protobuf
from tests.model.chain import MASK
from tests.simulation.strategies import requests

IDS = [b"\x11" * 16, bytes(range(240, 256))]
HEX_KEYS = ("traceId", "spanId", "parentSpanId")
NUMBER_KEYS = ("startTimeUnixNano", "endTimeUnixNano", "timeUnixNano", "intValue")

Json = dict[str, Any]


def otlp(request: ExportTraceServiceRequest) -> Json:
    """A request as OTLP writes it in JSON: enums as numbers, ids in hexadecimal."""
    document: Json = MessageToDict(request, use_integers_for_enums=True)
    for part in objects(document):
        for key in HEX_KEYS:
            if key in part:
                part[key] = base64.b64decode(part[key]).hex()
    return document


def objects(value: Any) -> Iterator[Json]:
    """Every object in a document."""
    if isinstance(value, dict):
        yield value
        for inner in list(value.values()):
            yield from objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner)


def with_numbers(document: Json) -> None:
    """64-bit integers as JSON numbers instead of strings: both are allowed."""
    for part in objects(document):
        for key in NUMBER_KEYS:
            if key in part:
                part[key] = int(part[key])


def with_capitals(document: Json) -> None:
    """Hexadecimal ids in capitals."""
    for part in objects(document):
        for key in HEX_KEYS:
            if key in part:
                part[key] = part[key].upper()


def with_unknown_keys(document: Json) -> None:
    """Keys of a later version, which must be ignored."""
    for part in list(objects(document)):
        part["fromTheFuture"] = {"deep": [1, None, {"traceId": "zz"}]}


def with_nulls(document: Json) -> None:
    """A null stands for a field that is not there."""
    for part in list(objects(document)):
        if "traceId" in part and "spanId" in part:
            part.setdefault("traceState", None)
            part.setdefault("links", None)
        part.setdefault("schemaUrl", None)


def as_it_is(_: Json) -> None:
    """No change."""


def known_fields(request: ExportTraceServiceRequest) -> ExportTraceServiceRequest:
    """JSON has no place for unknown fields."""
    copy = ExportTraceServiceRequest()
    copy.CopyFrom(request)
    for resource in copy.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                span.DiscardUnknownFields()
    return copy


@pytest.mark.parametrize(
    "change", [as_it_is, with_numbers, with_capitals, with_unknown_keys, with_nulls]
)
@given(request=requests(IDS, st.integers(0, MASK)), indent=st.sampled_from((None, 2)))
def test_json_says_the_same_as_protobuf(
    change: Callable[[Json], None], request: ExportTraceServiceRequest, indent: int | None
) -> None:
    """Every spelling of a request that OTLP allows gives the same message."""
    document = otlp(request)
    change(document)
    text = json.dumps(document, indent=indent, ensure_ascii=indent is None).encode()
    answer = ExportTraceServiceRequest.FromString(json_to_protobuf(text))
    assert answer == known_fields(request)


VALUES: list[Json] = [
    {"stringValue": ""},
    {"stringValue": 'quotes " and \\ and \u0000 and \U0001f600'},
    {"boolValue": False},
    {"intValue": "-9223372036854775808"},
    {"intValue": 9223372036854775807},
    {"doubleValue": 0.1},
    {"doubleValue": -1e300},
    {"doubleValue": "Infinity"},
    {"doubleValue": "-Infinity"},
    {"doubleValue": 3},
    {"arrayValue": {}},
    {"arrayValue": {"values": [{"intValue": "1"}, {}, {"arrayValue": {"values": []}}]}},
    {"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": True}}]}},
    {"bytesValue": "AP8="},
    {},
]


@pytest.mark.parametrize("value", VALUES, ids=json.dumps)
def test_every_kind_of_value(value: Json) -> None:
    """An attribute means in JSON what protobuf's mapping says it means."""
    document = {"resourceSpans": [{"resource": {"attributes": [{"key": "k", "value": value}]}}]}
    answer = ExportTraceServiceRequest.FromString(json_to_protobuf(json.dumps(document).encode()))
    assert answer == ParseDict(document, ExportTraceServiceRequest())


def span_with(**fields: Any) -> bytes:
    """A document with one span of these fields."""
    span = {"traceId": "11" * 16, "spanId": "22" * 8, **fields}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b'{"resourceSpans": 1}',
        b'{"resourceSpans": [1]}',
        b'{"resourceSpans": []} trailing',
        b'{"resourceSpans": [{"schemaUrl": "\xff"}]}',
        span_with(traceId="xy" * 16),
        span_with(traceId="1"),
        span_with(spanId=5),
        span_with(name=1),
        span_with(startTimeUnixNano="soon"),
        span_with(startTimeUnixNano=-1),
        span_with(endTimeUnixNano=2**64),
        span_with(attributes={"key": "a"}),
        span_with(attributes=[{"key": "a", "value": {"bytesValue": "*"}}]),
        span_with(attributes=[{"key": "a", "value": {"intValue": 1.5}}]),
    ],
)
def test_malformed_json_is_refused_in_words(text: bytes) -> None:
    """A ValueError with a sentence for the sender, never anything else."""
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        json_to_protobuf(text)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_answered(text: bytes) -> None:
    """Whatever comes, the answer is a valid request or a ValueError."""
    try:
        answer = json_to_protobuf(text)
    except ValueError:
        return
    ExportTraceServiceRequest.FromString(answer)


def test_depth_is_bounded() -> None:
    """A value nested a hundred thousand times is refused, and does not end the process."""
    deep = b'{"arrayValue":{"values":[' * 100_000
    text = b'{"resourceSpans":[{"resource":{"attributes":[{"key":"k","value":' + deep
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        json_to_protobuf(text)
