"""A strict reader of protobuf's wire, driven by OTLP's own descriptors, slow and obvious.

It says what the door must refuse: groups, wrong wire types, lengths past the end, varints past
ten bytes, field number zero. How deep that goes is the caller's choice, since a scan need not
look into what it does not use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

from tests.model.tracestate import TraceState

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MAX_TAG = (1 << 32) - 1
OLD_SCOPE_SPANS = 1000  # instrumentation_library_spans, before OTLP 0.15

_FIXED64 = {
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED64,
    FieldDescriptor.TYPE_DOUBLE,
}
_FIXED32 = {FieldDescriptor.TYPE_FIXED32, FieldDescriptor.TYPE_SFIXED32, FieldDescriptor.TYPE_FLOAT}
_BYTES = {FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}

# Where the boundaries of spans are found, and the fields of a span itself.
STRUCTURE = frozenset(
    f"opentelemetry.proto.{name}"
    for name in (
        "collector.trace.v1.ExportTraceServiceRequest",
        "trace.v1.ResourceSpans",
        "trace.v1.ScopeSpans",
        "trace.v1.Span",
    )
)


class WireError(Exception):
    """These bytes are not a message of this type."""


@dataclass
class Field:
    """One field as it stands on the wire; ``value`` is bytes for a length-delimited one."""

    number: int
    wire_type: int
    value: int | bytes


@dataclass
class Delta:
    """What a request adds to one trace."""

    spans: int = 0
    bytes: int = 0
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    root: bool = False
    root_rvs: list[int] = field(default_factory=list)
    rvs: list[int] = field(default_factory=list)


@dataclass
class Found:
    """Everything a scan must see in a request."""

    traces: dict[bytes, Delta] = field(default_factory=dict)
    bad_trace_id: int = 0
    bad_span_id: int = 0


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number and the place after it; longer forms than needed are fine, up to ten bytes."""
    number = 0
    for length in range(10):
        if at + length >= len(data):
            raise WireError("a varint runs past the end")
        byte = data[at + length]
        number |= (byte & 0x7F) << (7 * length)
        if byte < 0x80:
            if length == 9 and byte > 1:
                raise WireError("a varint of more than 64 bits")
            return number, at + length + 1
    raise WireError("a varint of more than ten bytes")


def fields(data: bytes) -> Iterator[Field]:
    """The fields of a message, in order."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag > MAX_TAG or tag >> 3 == 0:
            raise WireError("a field number that does not exist")
        wire_type = tag & 7
        if wire_type == VARINT:
            value: int | bytes
            value, at = varint(data, at)
        elif wire_type in (FIXED64, FIXED32, BYTES):
            length = {FIXED64: 8, FIXED32: 4}.get(wire_type, -1)
            if length < 0:
                length, at = varint(data, at)
            if at + length > len(data):
                raise WireError("a length that runs past the end")
            value, at = data[at : at + length], at + length
        else:
            raise WireError("a group, or a wire type that does not exist")
        yield Field(tag >> 3, wire_type, value)


def check(data: bytes, kind: Descriptor, levels: frozenset[str] | None = None) -> None:
    """Refuse what is malformed at these levels; None stands for all."""
    if levels is not None and kind.full_name not in levels:
        return
    for found in fields(data):
        known = kind.fields_by_number.get(found.number)
        if known is None and kind.name == "ResourceSpans" and found.number == OLD_SCOPE_SPANS:
            if not isinstance(found.value, bytes) or found.wire_type != BYTES:
                raise WireError("wrong wire type of instrumentation_library_spans")
            check(found.value, ScopeSpans.DESCRIPTOR, levels)
        elif known is not None:
            if found.wire_type != _wire_type(known):
                raise WireError(f"wrong wire type of {known.full_name}")
            if known.message_type is not None and isinstance(found.value, bytes):
                check(found.value, known.message_type, levels)


def _wire_type(known: FieldDescriptor) -> int:
    if known.type in _FIXED64:
        return FIXED64
    if known.type in _FIXED32:
        return FIXED32
    return BYTES if known.type in _BYTES else VARINT


def each(data: bytes, number: int) -> Iterator[bytes]:
    """Every sub-message in a field of this number."""
    for found in fields(data):
        if found.number == number and isinstance(found.value, bytes):
            yield found.value


def span_payloads(request: bytes) -> Iterator[bytes]:
    """The bytes of every Span message; old ones count where there are no new ones."""
    for resource in each(request, 1):
        scopes = list(each(resource, 2)) or list(each(resource, OLD_SCOPE_SPANS))
        for scope in scopes:
            yield from each(scope, 2)


def read(request: bytes) -> Found:
    """What the scan must see; raises ``WireError`` for what is malformed where spans are found."""
    check(request, ExportTraceServiceRequest.DESCRIPTOR, STRUCTURE)
    found = Found()
    for payload in span_payloads(request):
        last = {one.number: one.value for one in fields(payload)}
        trace_id, span_id = (_bytes(last.get(number)) for number in (1, 2))
        if len(trace_id) != 16 or not any(trace_id):
            found.bad_trace_id += 1
        elif len(span_id) != 8 or not any(span_id):
            found.bad_span_id += 1
        else:
            _add(found.traces.setdefault(trace_id, Delta()), payload, last)
    return found


def _add(delta: Delta, payload: bytes, last: dict[int, int | bytes]) -> None:
    delta.spans += 1
    delta.bytes += len(payload)
    start, end = (int.from_bytes(_bytes(last.get(number)), "little") for number in (7, 8))
    delta.starts += [start] * (start > 0)
    delta.ends += [end] * (end > 0)
    is_root = not _bytes(last.get(Span.DESCRIPTOR.fields_by_name["parent_span_id"].number))
    delta.root |= is_root
    randomness = TraceState.parse(_bytes(last.get(3)).decode("latin-1")).randomness
    if randomness is not None:
        (delta.root_rvs if is_root else delta.rvs).append(randomness)


def _bytes(value: int | bytes | None) -> bytes:
    return value if isinstance(value, bytes) else b""
