"""What the store keeps of a trace, gathered in one pass over its spans.

``tailsampler.traces.model`` says what a trace's root, start and service are; this says the same
without an object a span, as the store takes thousands of traces a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData

from tailsampler.store.terms import INTRINSIC, RESOURCE, SPAN, TEXT, Key, key_of
from tailsampler.traces.model import KINDS, STATUSES, UNKNOWN_SERVICE

SERVICE: Final = "service.name"
POLICY: Final = "tailsampler.policy"
REASON: Final = "tailsampler.reason"
_PLAIN: Final = frozenset({"bool_value", "int_value", "double_value"})
# Resources whose terms are remembered; a fleet has some hundreds.
_ORIGINS: Final = 2_000
_ERROR: Final = 2
_RESOURCE_SPANS: Final = 0x0A  # field 1, length-delimited
_LONGEST_SHIFT: Final = 28  # of a length that fits into 32 bits


@dataclass(frozen=True, slots=True)
class Origin:
    """What all spans of a resource have in common."""

    identity: bytes
    service: str
    terms: frozenset[Key]
    keys: frozenset[str]


@dataclass(slots=True)
class Source:
    """A resource and a scope, as a message has them."""

    group: ResourceSpans
    scoped: ScopeSpans
    origin: Origin

    @property
    def identity(self) -> tuple[bytes, str, bytes, str]:
        """Spans of equal sources are kept below one copy of them."""
        scope = self.scoped.scope.SerializeToString()
        return self.origin.identity, self.group.schema_url, scope, self.scoped.schema_url


@dataclass(slots=True)
class Part:
    """What a message has of one trace."""

    spans: list[tuple[Source, Span]] = field(default_factory=list)
    groups: list[bytes] = field(default_factory=list)
    """Fields of ``TracesData`` that hold these spans, and no others if it is ``alone``."""
    alone: bool = True


@dataclass(slots=True)
class Reader:
    """Takes messages apart. ``indexed``: attributes that become terms."""

    indexed: frozenset[str]
    _origins: dict[bytes, Origin] = field(default_factory=dict)

    def sources(self, data: TracesData) -> Iterator[Source]:
        """Each resource and scope of a message."""
        for group in data.resource_spans:
            yield from self._sources(group)

    def by_trace(self, payload: bytes) -> dict[bytes, Part]:
        """The spans of each trace, in their order.

        Raises ``DecodeError`` if the payload is not ``TracesData``.
        """
        parts: dict[bytes, Part] = {}
        for whole, group_bytes in groups(payload):
            group = ResourceSpans.FromString(group_bytes)
            among: set[bytes] = set()
            for source in self._sources(group):
                for span in source.scoped.spans:
                    trace_id = span.trace_id
                    part = parts.get(trace_id)
                    if part is None:
                        part = parts[trace_id] = Part()
                    part.spans.append((source, span))
                    among.add(trace_id)
            for trace_id in among:
                parts[trace_id].groups.append(whole)
                parts[trace_id].alone &= len(among) == 1
        return parts

    def _sources(self, group: ResourceSpans) -> Iterator[Source]:
        origin = self._origin(group)
        for scoped in group.scope_spans:
            yield Source(group, scoped, origin)

    def terms_in(self, data: TracesData) -> Iterator[Key]:
        """Of all spans and resources, as often as they stand there."""
        for source in self.sources(data):
            yield from source.origin.terms
            for span in source.scoped.spans:
                yield from self.terms(SPAN, span.attributes)[1]

    def terms(self, scope: int, pairs: Sequence[KeyValue]) -> tuple[list[str], list[Key]]:
        """The keys there are, and terms of those that are indexed."""
        names, found, indexed = [], {}, self.indexed
        for pair in pairs:
            name = pair.key
            names.append(name)
            if name in indexed:
                # Of a key that stands there twice, the last.
                found[name] = pair.value
        keys = [key_of_message(scope, name, value) for name, value in found.items()]
        return names, [key for key in keys if key is not None]

    def _origin(self, group: ResourceSpans) -> Origin:
        identity = group.resource.SerializeToString()
        origin = self._origins.get(identity)
        if origin is None:
            if len(self._origins) >= _ORIGINS:
                self._origins.clear()
            pairs = group.resource.attributes
            names, terms = self.terms(RESOURCE, pairs)
            service = _text({pair.key: pair.value for pair in pairs}.get(SERVICE))
            origin = Origin(
                identity, service or UNKNOWN_SERVICE, frozenset(terms), frozenset(names)
            )
            self._origins[identity] = origin
        return origin


@dataclass(slots=True)
class Fold:
    """A trace, span by span. Of a span id that comes twice, the first is taken."""

    reader: Reader
    max_bytes: int
    start_ns: int = 0
    end_ns: int = 0
    errors: int = 0
    rejected: int = 0
    names: set[str] = field(default_factory=set)
    kinds: set[int] = field(default_factory=set)
    statuses: set[int] = field(default_factory=set)
    span_keys: set[str] = field(default_factory=set)
    _terms: set[Key] = field(default_factory=set)
    _ids: set[bytes] = field(default_factory=set)
    _bytes: int = 0
    _root: tuple[Source, Span] | None = None
    _earliest: tuple[Source, Span] | None = None
    _taken: list[tuple[Source, Span]] = field(default_factory=list)
    _origins: set[Origin] = field(default_factory=set)

    @property
    def spans(self) -> int:
        """How many it has."""
        return len(self._ids)

    @property
    def first(self) -> tuple[Source, Span]:
        """The root, else the earliest span."""
        found = self._root or self._earliest
        if found is None:
            raise LookupError("a trace without spans has no first one")
        return found

    @property
    def has_root(self) -> bool:
        """Whether a span without a parent is among them."""
        return self._root is not None

    def terms(self) -> set[Key]:
        """All of its terms, but those that its row has."""
        found = self._terms.union(*(origin.terms for origin in self._origins))
        found |= {(INTRINSIC, "name", TEXT, name) for name in self.names}
        for number in self.kinds:
            kind = KINDS[number if 0 <= number < len(KINDS) else 0]
            found.add((INTRINSIC, "kind", TEXT, kind))
        for number in self.statuses:
            status = STATUSES[number if 0 <= number < len(STATUSES) else 0]
            found.add((INTRINSIC, "status", TEXT, status))
        return found

    def keys(self) -> set[tuple[int, str]]:
        """Attribute keys by scope."""
        found = {(SPAN, key) for key in self.span_keys}
        return found | {(RESOURCE, key) for origin in self._origins for key in origin.keys}

    def body(self, part: Part | None) -> bytes:
        """``TracesData`` of what was taken; where that is one whole ``part``, as it came."""
        if part is not None and part.alone and len(part.spans) == len(self._taken):
            return b"".join(part.groups)
        data, homes = TracesData(), dict[tuple[bytes, str, bytes, str], ScopeSpans]()
        for source, span in self._taken:
            identity = source.identity
            home = homes.get(identity)
            if home is None:
                home = homes[identity] = _home(data, source)
            home.spans.append(span)
        return data.SerializeToString()

    def add(self, spans: Iterable[tuple[Source, Span]], *, bounded: bool = True) -> int:
        """Take spans, and say how many were new; ``bounded``: up to ``max_bytes`` in all."""
        before = len(self._ids)
        for source, span in spans:
            span_id = span.span_id
            if span_id in self._ids:
                continue
            if bounded:
                self._bytes += span.ByteSize()
                if self._bytes > self.max_bytes:
                    self._bytes -= span.ByteSize()
                    self.rejected += 1
                    continue
            self._ids.add(span_id)
            self._take(source, span)
        return len(self._ids) - before

    def add_stored(self, spans: Iterable[tuple[Source, Span]], size: int) -> None:
        """Take what is stored already, ``size`` bytes."""
        self.add(spans, bounded=False)
        self._bytes = size

    def _take(self, source: Source, span: Span) -> None:
        self._taken.append((source, span))
        self._origins.add(source.origin)
        start, end, status = span.start_time_unix_nano, span.end_time_unix_nano, span.status.code
        if self._earliest is None or start < self._earliest[1].start_time_unix_nano:
            self._earliest, self.start_ns = (source, span), start
        self.end_ns = max(self.end_ns, end)
        if not span.parent_span_id.strip(b"\0") and (
            self._root is None or start < self._root[1].start_time_unix_nano
        ):
            self._root = source, span
        self.errors += status == _ERROR
        self.names.add(span.name)
        self.kinds.add(span.kind)
        self.statuses.add(status)
        names, terms = self.reader.terms(SPAN, span.attributes)
        self.span_keys.update(names)
        self._terms.update(terms)


def _home(data: TracesData, source: Source) -> ScopeSpans:
    group = data.resource_spans.add(
        resource=source.group.resource, schema_url=source.group.schema_url
    )
    home = group.scope_spans.add(schema_url=source.scoped.schema_url)
    if source.scoped.HasField("scope"):
        home.scope.CopyFrom(source.scoped.scope)
    return home


def groups(payload: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each ``resource_spans`` field of ``TracesData``: with its tag and length, and without.

    Raises ``DecodeError`` if it does not end where a field ends, or another field is in it.
    """
    at, end = 0, len(payload)
    while at < end:
        begin = at
        if payload[at] != _RESOURCE_SPANS:
            raise DecodeError(f"byte {at} begins no resource_spans field")
        size, shift, at = 0, 0, at + 1
        while True:
            if at == end or shift > _LONGEST_SHIFT:
                raise DecodeError(f"the length after byte {begin} does not end")
            byte = payload[at]
            size |= (byte & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if byte < 0x80:
                break
        if at + size > end:
            raise DecodeError(f"the field at byte {begin} reaches over the end")
        yield payload[begin : at + size], payload[at : at + size]
        at += size


def words_of(span: Span) -> tuple[str, str]:
    """The policy that kept it and why, as its attributes say; empty where they do not."""
    found = {pair.key: pair.value for pair in span.attributes if pair.key in {POLICY, REASON}}
    return _text(found.get(POLICY)) or "", _text(found.get(REASON)) or ""


def key_of_message(scope: int, name: str, value: AnyValue) -> Key | None:
    """As ``key_of``, of an attribute as it was sent."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return scope, name, TEXT, value.string_value
    if kind in _PLAIN:
        return key_of(scope, name, getattr(value, kind))
    return None


def _text(value: AnyValue | None) -> str | None:
    return value.string_value if value is not None and value.HasField("string_value") else None
