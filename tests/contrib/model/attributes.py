"""Policies on attributes: numbers, texts and booleans.

A value of another type reads as 0, "" or false, as pdata's getters do.
Resources come before spans, and of a duplicated key the first value counts.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from tests.contrib.model.ottl.values import Panic
from tests.contrib.model.regex import Regex
from tests.contrib.model.trace import Trace
from tests.contrib.model.votes import NOT_SAMPLED, SAMPLED, Ballot, Decision, Stateless, Vote

LOWEST, HIGHEST = -(1 << 63), (1 << 63) - 1


@dataclass(kw_only=True)
class Attribute(Stateless):
    """A test of one key; ``inverted_decisions`` makes inverted votes vetoes, as up to v0.143."""

    key: str
    invert_match: bool = False
    inverted_decisions: bool = False

    def evaluate(self, trace: Trace, now_ns: int) -> Ballot:
        """Sample if a value matches, or, inverted, if none does."""
        matched = any(self._in_arrivals(trace))
        if not self.invert_match:
            return SAMPLED if matched else NOT_SAMPLED
        if self.inverted_decisions:
            inverted = Decision.INVERT_NOT_SAMPLED if matched else Decision.INVERT_SAMPLED
            return Vote(inverted)
        return NOT_SAMPLED if matched else SAMPLED

    def _in_arrivals(self, trace: Trace) -> Sequence[bool]:
        found = []
        for arrival in trace.arrivals:
            found.append(self._has(arrival.attributes, on_resource=True))
            found += [self._has(held.attributes, on_resource=False) for held in arrival.spans]
        return found

    def _has(self, attributes: Mapping[str, AnyValue], *, on_resource: bool) -> bool:
        value = attributes.get(self.key)
        return value is not None and self.matches(value, on_resource=on_resource)

    @abstractmethod
    def matches(self, value: AnyValue, *, on_resource: bool) -> bool:
        """Whether a value under the key is one that was asked for."""


@dataclass(kw_only=True)
class Numeric(Attribute):
    """``numeric_attribute``; a bound of 0 is none, unless ``zero_is_a_bound``."""

    min_value: int
    max_value: int
    zero_is_a_bound: bool = False

    def evaluate(self, trace: Trace, now_ns: int) -> Ballot:
        """Sample if a whole number is in the range, both ends included.

        Raises:
            Panic: if there are no bounds; the real process ends at the first trace it judges so.
        """
        if not (self.min_value or self.max_value or self.zero_is_a_bound):
            raise Panic("numeric_attribute without bounds: there is no evaluator to call")
        return super().evaluate(trace, now_ns)

    def matches(self, value: AnyValue, *, on_resource: bool) -> bool:
        """Whether the number is in the range."""
        low, high = self.min_value, self.max_value
        if not self.zero_is_a_bound:
            low, high = low or LOWEST, high or HIGHEST
        return low <= value.int_value <= high


@dataclass(kw_only=True)
class Text(Attribute):
    """``string_attribute``, by exact values, or by patterns that match anywhere in a text."""

    values: Sequence[str] = ()
    patterns: Sequence[Regex] | None = None

    def matches(self, value: AnyValue, *, on_resource: bool) -> bool:
        """Whether one of the values or patterns fits; an empty text on a span never does."""
        text = value.string_value
        if not text and not on_resource:
            return False
        if self.patterns is not None:
            return any(pattern.matches(text) for pattern in self.patterns)
        return text != "" and text in self.values


@dataclass(kw_only=True)
class Boolean(Attribute):
    """``boolean_attribute``."""

    value: bool = False

    def matches(self, value: AnyValue, *, on_resource: bool) -> bool:
        """Whether the boolean is the wanted one."""
        return value.bool_value == self.value
