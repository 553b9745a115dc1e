"""What the store keeps of a trace, gathered in one pass over its spans.

``tailsampler.traces.model`` says what a trace's root, start and service are; this says the same
without an object a span, as the store takes thousands of traces a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

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
    identity: tuple[bytes, str, bytes, str]
    """Spans of equal sources are kept below one copy of them."""


@dataclass(slots=True)
class Reader:
    """Takes messages apart. ``indexed``: attributes that become terms."""

    indexed: frozenset[str]
    _origins: dict[bytes, Origin] = field(default_factory=dict)

    def sources(self, data: TracesData) -> Iterator[Source]:
        """Each resource and scope of a message."""
        for group in data.resource_spans:
            origin = self._origin(group)
            for scoped in group.scope_spans:
                scope = scoped.scope.SerializeToString()
                identity = origin.identity, group.schema_url, scope, scoped.schema_url
                yield Source(group, scoped, origin, identity)

    def by_trace(self, data: TracesData) -> dict[bytes, list[tuple[Source, Span]]]:
        """The spans of each trace, in their order."""
        traces: dict[bytes, list[tuple[Source, Span]]] = {}
        for source in self.sources(data):
            for span in source.scoped.spans:
                traces.setdefault(span.trace_id, []).append((source, span))
        return traces

    def terms_in(self, data: TracesData) -> Iterator[Key]:
        """Of all spans and resources, as often as they stand there."""
        for source in self.sources(data):
            yield from source.origin.terms
            for span in source.scoped.spans:
                yield from self.terms(SPAN, span.attributes)[1]

    def terms(self, scope: int, pairs: Sequence[KeyValue]) -> tuple[list[str], list[Key]]:
        """The keys there are, and terms of those that are indexed."""
        names = [pair.key for pair in pairs]
        if self.indexed.isdisjoint(names):
            return names, []
        # Of a key that stands there twice, the last.
        found = {
            name: pair.value
            for name, pair in zip(names, pairs, strict=True)
            if name in self.indexed
        }
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
    data: TracesData = field(default_factory=TracesData)
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
    _homes: dict[tuple[bytes, str, bytes, str], tuple[Source, ScopeSpans]] = field(
        default_factory=dict
    )

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
        found = self._terms.union(*(origin.terms for origin in self._origins()))
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
        return found | {(RESOURCE, key) for origin in self._origins() for key in origin.keys}

    def add(self, spans: Iterable[tuple[Source, Span]], *, bounded: bool = True) -> int:
        """Take spans, and say how many were new; ``bounded``: up to ``max_bytes`` in all."""
        before = len(self._ids)
        for source, span in spans:
            if span.span_id in self._ids:
                continue
            if bounded:
                self._bytes += span.ByteSize()
                if self._bytes > self.max_bytes:
                    self._bytes -= span.ByteSize()
                    self.rejected += 1
                    continue
            self._ids.add(span.span_id)
            self._take(source, span)
        return len(self._ids) - before

    def add_stored(self, spans: Iterable[tuple[Source, Span]], size: int) -> None:
        """Take what is stored already, ``size`` bytes."""
        self.add(spans, bounded=False)
        self._bytes = size

    def _take(self, source: Source, span: Span) -> None:
        known = self._homes.get(source.identity)
        home = known[1] if known else self._home(source)
        home.spans.append(span)
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

    def _origins(self) -> set[Origin]:
        return {source.origin for source, _ in self._homes.values()}

    def _home(self, source: Source) -> ScopeSpans:
        group = self.data.resource_spans.add(
            resource=source.group.resource, schema_url=source.group.schema_url
        )
        home = group.scope_spans.add(schema_url=source.scoped.schema_url)
        if source.scoped.HasField("scope"):
            home.scope.CopyFrom(source.scoped.scope)
        self._homes[source.identity] = source, home
        return home


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
