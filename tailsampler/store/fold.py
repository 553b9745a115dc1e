"""What the store keeps of a trace, gathered in one pass over its spans.

``tailsampler.traces.model`` says what a trace's root, start and service are; this says the same
without an object a span, as the store takes thousands of traces a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData

from tailsampler.store.terms import INTRINSIC, RESOURCE, SPAN, Key, key_of
from tailsampler.traces.model import KINDS, STATUSES, UNKNOWN_SERVICE

SERVICE: Final = "service.name"
POLICY: Final = "tailsampler.policy"
REASON: Final = "tailsampler.reason"
_PLAIN: Final = frozenset({"string_value", "bool_value", "int_value", "double_value"})
_ERROR: Final = 2


@dataclass(slots=True)
class Source:
    """A resource and a scope, with what every span below them has in common."""

    group: ResourceSpans
    scoped: ScopeSpans
    identity: tuple[bytes, str, bytes, str]
    """Spans of equal sources are kept below one copy of them."""
    service: str
    terms: frozenset[Key]
    keys: frozenset[str]


@dataclass(slots=True)
class Reader:
    """Takes messages apart. ``indexed``: attributes that become terms."""

    indexed: frozenset[str]

    def sources(self, data: TracesData) -> Iterator[Source]:
        """Each resource and scope of a message."""
        for group in data.resource_spans:
            found = {pair.key: pair.value for pair in group.resource.attributes}
            terms = frozenset(self.terms(RESOURCE, found))
            service = _text(found.get(SERVICE)) or UNKNOWN_SERVICE
            resource, keys = group.resource.SerializeToString(), frozenset(found)
            for scoped in group.scope_spans:
                identity = (
                    resource,
                    group.schema_url,
                    scoped.scope.SerializeToString(),
                    scoped.schema_url,
                )
                yield Source(group, scoped, identity, service, terms, keys)

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
            yield from source.terms
            for span in source.scoped.spans:
                yield from self.terms(SPAN, {pair.key: pair.value for pair in span.attributes})

    def terms(self, scope: int, found: dict[str, AnyValue]) -> Iterator[Key]:
        """Of the attributes that are indexed."""
        for name in self.indexed & found.keys():
            term = key_of(scope, name, plain(found[name]))
            if term is not None:
                yield term


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
    terms: set[Key] = field(default_factory=set)
    keys: set[tuple[int, str]] = field(default_factory=set)
    """Attribute keys by scope."""
    _ids: set[bytes] = field(default_factory=set)
    _bytes: int = 0
    _root: tuple[Source, Span] | None = None
    _earliest: tuple[Source, Span] | None = None
    _homes: dict[tuple[bytes, str, bytes, str], ScopeSpans] = field(default_factory=dict)

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
        home = self._homes.get(source.identity)
        if home is None:
            home = self._home(source)
        home.spans.append(span)
        start, end, status = span.start_time_unix_nano, span.end_time_unix_nano, span.status.code
        if self._earliest is None or start < self._earliest[1].start_time_unix_nano:
            self._earliest, self.start_ns = (source, span), start
        self.end_ns = max(self.end_ns, end)
        if not any(span.parent_span_id) and (
            self._root is None or start < self._root[1].start_time_unix_nano
        ):
            self._root = source, span
        self.errors += status == _ERROR
        kind = span.kind
        terms = self.terms
        terms.add((INTRINSIC, "name", 0, span.name))
        terms.add((INTRINSIC, "kind", 0, KINDS[kind if 0 <= kind < len(KINDS) else 0]))
        terms.add((INTRINSIC, "status", 0, STATUSES[status if 0 <= status < 3 else 0]))
        found = {pair.key: pair.value for pair in span.attributes}
        self.keys.update([(SPAN, key) for key in found])
        terms.update(self.reader.terms(SPAN, found))

    def _home(self, source: Source) -> ScopeSpans:
        self.terms |= source.terms
        self.keys.update([(RESOURCE, key) for key in source.keys])
        group = self.data.resource_spans.add(
            resource=source.group.resource, schema_url=source.group.schema_url
        )
        home = group.scope_spans.add(schema_url=source.scoped.schema_url)
        if source.scoped.HasField("scope"):
            home.scope.CopyFrom(source.scoped.scope)
        self._homes[source.identity] = home
        return home


def words_of(span: Span) -> tuple[str, str]:
    """The policy that kept it and why, as its attributes say; empty where they do not."""
    found = {pair.key: pair.value for pair in span.attributes if pair.key in {POLICY, REASON}}
    return _text(found.get(POLICY)) or "", _text(found.get(REASON)) or ""


def plain(value: AnyValue) -> str | bool | int | float | None:
    """A value that a term can stand for, else None."""
    kind = value.WhichOneof("value")
    if kind not in _PLAIN:
        return None
    found: str | bool | int | float = getattr(value, kind)
    return found


def _text(value: AnyValue | None) -> str | None:
    return value.string_value if value is not None and value.HasField("string_value") else None
