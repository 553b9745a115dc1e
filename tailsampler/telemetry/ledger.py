"""The books: where every span went. A typed view of ``_core.Gateway.ledger``.

``received + restored = exported + dropped + held`` for every exporter. Whether it holds is computed
here again, from the parts: a gateway that says "balanced" is not asked to be believed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """One invariant: all numbers are spans, or all are bytes of their Span messages."""

    received: int
    """Accepted at the doors."""
    exported: int
    """Acknowledged by the backend."""
    buffer: int
    """Held, not yet judged."""
    outbox: int
    """Held, kept by a verdict, not yet acknowledged by the backend."""
    dropped: Mapping[str, int]
    """By reason; ``policy`` is the verdicts' own."""
    exported_again: int
    """Sent once more because the answer was lost; not part of the invariant."""
    restored: int = 0
    """Accounted for twice, since damage or a loss of power took the verdict on them."""
    given_up: Mapping[str, int] = field(default_factory=dict)
    """Of the dropped ones, those that the outbox gave up at a bound, by policy."""

    @classmethod
    def parse(cls, books: Mapping[str, Any]) -> Self:
        """Read one ``spans`` or ``bytes`` object of the JSON."""
        return cls(
            received=int(books["received"]),
            exported=int(books["exported"]),
            buffer=int(books["held"]["buffer"]),
            outbox=int(books["held"]["outbox"]),
            dropped={str(reason): int(count) for reason, count in books["dropped"].items()},
            exported_again=int(books.get("exported_again", 0)),
            restored=int(books.get("restored", 0)),
            given_up={
                str(policy): int(count) for policy, count in books.get("given_up", {}).items()
            },
        )

    @property
    def held(self) -> int:
        """In the buffer or in the outbox."""
        return self.buffer + self.outbox

    @property
    def dropped_total(self) -> int:
        """For whatever reason."""
        return sum(self.dropped.values())

    @property
    def missing(self) -> int:
        """What is received and nowhere to be found; negative if something is counted twice."""
        return self.received + self.restored - self.exported - self.dropped_total - self.held


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The books of one exporter, in both units."""

    spans: Books
    bytes: Books

    @classmethod
    def parse(cls, pair: Mapping[str, Any]) -> Self:
        """Read an object with ``spans`` and ``bytes``."""
        return cls(spans=Books.parse(pair["spans"]), bytes=Books.parse(pair["bytes"]))

    @property
    def balanced(self) -> bool:
        """Whether nothing is missing, in spans and in bytes."""
        return self.spans.missing == 0 and self.bytes.missing == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Verdicts so far, and traces that wait for one."""

    judged: int
    kept: int
    dropped: int
    open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """All books, read in one cut."""

    primary: Pair
    """The headline: the books of the first exporter."""
    refused_spans: int
    """Of requests that were refused at the door; not received."""
    refused_bytes: int
    rejected: Mapping[str, int]
    """Spans left out of accepted requests, by reason; not received."""
    traces: Traces
    exporters: Mapping[str, Pair]
    oldest_held_s: float
    claims_balance: bool
    """What the data plane itself says."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the JSON of ``_core.Gateway.ledger``; raises ``ValueError`` or ``KeyError``."""
        return cls.of(json.loads(text))

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """Read the same, parsed."""
        return cls(
            primary=Pair.parse(found),
            refused_spans=int(found["spans"].get("refused", 0)),
            refused_bytes=int(found["bytes"].get("refused", 0)),
            rejected={
                str(reason): int(count)
                for reason, count in (found["spans"].get("rejected") or {}).items()
            },
            traces=Traces(**{key: int(found["traces"][key]) for key in Traces.__slots__}),
            exporters={
                str(name): Pair.parse(pair) for name, pair in found.get("exporters", {}).items()
            },
            oldest_held_s=float(found.get("oldest_held_seconds", 0.0)),
            claims_balance=bool(found.get("balanced", False)),
        )

    @property
    def balanced(self) -> bool:
        """Whether no span is missing or counted twice, in anybody's books."""
        return (
            self.claims_balance
            and self.primary.balanced
            and all(pair.balanced for pair in self.exporters.values())
        )

    @property
    def in_outbox(self) -> int:
        """Kept spans that some exporter's backend has not acknowledged, the most of any."""
        every = [self.primary, *self.exporters.values()]
        return max(pair.spans.outbox for pair in every)
