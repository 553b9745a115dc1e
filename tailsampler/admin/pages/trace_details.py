"""Everything about a span, within a page's bounds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tailsampler.admin.pages.trace_words import Text, counts_for, text_of
from tailsampler.admin.pages.words import duration_ns
from tailsampler.traces.model import KINDS, STATUSES, Event, Link, Span, Value
from tailsampler.traces.tree import Node

_MOST_ATTRIBUTES: Final = 100
_MOST_EVENTS: Final = 30
_MOST_LINKS: Final = 30
# What stands around a value on the page, roughly.
_MARKUP: Final = 90


@dataclass(slots=True)
class Budget:
    """Characters that a page may still show. A page must stay small, whatever spans hold."""

    left: int = 380_000

    def spend(self, text: Text) -> Text:
        """The text, shorter if little is left."""
        shown = text.shown[: max(0, min(len(text.shown), self.left))]
        self.left -= len(shown) + _MARKUP
        return Text(shown, text.characters)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Attributes by key."""

    shown: Sequence[tuple[Text, Text]]
    count: int

    @property
    def missing(self) -> int:
        """How many are not shown."""
        return self.count - len(self.shown)


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """An event; ``offset_ns`` from the start of its span."""

    name: Text
    offset_ns: int
    attributes: Pairs


@dataclass(frozen=True, slots=True)
class ShownLink:
    """A link to a span, ids as hexadecimal digits."""

    trace_id: str
    span_id: str
    elsewhere: bool
    attributes: Pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What is shown of one span once it is opened."""

    facts: Sequence[tuple[str, str]]
    status_message: Text
    trace_state: Text
    counts: str | None
    attributes: Pairs
    resource: int
    """Number of its resource on this page."""
    scope: Text
    events: Sequence[ShownEvent]
    more_events: int
    links: Sequence[ShownLink]
    more_links: int


@dataclass(slots=True)
class Details:
    """The opened spans of a page. Spans of one resource share it."""

    budget: Budget = field(default_factory=Budget)
    resources: list[tuple[str, Pairs]] = field(default_factory=list)
    """Service and attributes, in the order of their first span."""
    _numbers: dict[int | str, int] = field(default_factory=dict)

    def of(self, node: Node) -> Detail | None:
        """None if the page is full."""
        if self.budget.left <= 0:
            return None
        span = node.span
        return Detail(
            facts=list(_facts(node)),
            status_message=self._text(span.status_message),
            trace_state=self._text(span.trace_state),
            counts=counts_for(span.trace_state[:1_024]),
            attributes=self._pairs(span.attributes),
            resource=self._resource(span),
            scope=self._text(f"{span.scope_name} {span.scope_version}".strip()),
            events=[self._event(event, span) for event in span.events[:_MOST_EVENTS]],
            more_events=max(0, len(span.events) - _MOST_EVENTS),
            links=[self._link(link, span) for link in span.links[:_MOST_LINKS]],
            more_links=max(0, len(span.links) - _MOST_LINKS),
        )

    def _text(self, value: Value) -> Text:
        return self.budget.spend(text_of(value))

    def _pairs(self, found: Mapping[str, Value]) -> Pairs:
        some = sorted(found.items())[:_MOST_ATTRIBUTES]
        return Pairs(
            [
                (self.budget.spend(text_of(key, 200)), self._text(value))
                for key, value in some
                if self.budget.left > 0
            ],
            len(found),
        )

    def _resource(self, span: Span) -> int:
        # Spans of one message share the object; those that came later have its like.
        key = id(span.resource)
        if key not in self._numbers:
            like = repr(sorted(span.resource.items()))
            if like not in self._numbers:
                self._numbers[like] = len(self.resources)
                self.resources.append((span.service, self._pairs(span.resource)))
            self._numbers[key] = self._numbers[like]
        return self._numbers[key]

    def _event(self, event: Event, span: Span) -> ShownEvent:
        offset_ns = event.time_ns - span.start_ns if event.time_ns else 0
        return ShownEvent(self._text(event.name), offset_ns, self._pairs(event.attributes))

    def _link(self, link: Link, span: Span) -> ShownLink:
        return ShownLink(
            link.trace_id.hex(),
            link.span_id.hex(),
            link.trace_id != span.trace_id,
            self._pairs(link.attributes),
        )


def _facts(node: Node) -> Iterable[tuple[str, str]]:
    span = node.span
    yield "duration", duration_ns(span.duration_ns)
    if node.children:
        yield "of that its own", duration_ns(node.self_ns)
    yield "kind", KINDS[span.kind]
    yield "status", STATUSES[span.status]
    yield "span id", span.span_id.hex()
    if span.parent_id:
        yield "parent id", span.parent_id.hex()
    if node.before_parent_ns:
        yield "starts before its parent by", duration_ns(node.before_parent_ns)
    if node.after_parent_ns:
        yield "ends after its parent by", duration_ns(node.after_parent_ns)
