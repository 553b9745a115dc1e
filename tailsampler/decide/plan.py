"""The plan, as it crosses to the core: the twin of ``crates/core/src/plan``."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from tailsampler.decide.part import Part as _Part
from tailsampler.decide.votes import Votes

NEVER = 1 << 56
"""T of a rule with rate 0: above every R, so nothing is kept."""

PAGE = 64
"""Predicates on one page: bits of a word."""

MAX_PREDICATES = PAGE
"""Predicates that rules may ask for: one page."""

MAX_VOTED = 16 * PAGE
"""Predicates that policies which vote may ask for."""


class SpanIntIn(_Part):
    """A span attribute with one of these keys is one of these integers."""

    kind: Literal["span_int_in"] = "span_int_in"
    keys: tuple[str, ...]
    values: tuple[int, ...]


class SpanStringIn(_Part):
    """A span attribute with one of these keys is one of these strings, exactly."""

    kind: Literal["span_string_in"] = "span_string_in"
    keys: tuple[str, ...]
    values: tuple[str, ...]


class SpanStatusIn(_Part):
    """The span's status code is one of these: 0 unset, 1 ok, 2 error."""

    kind: Literal["span_status_in"] = "span_status_in"
    codes: tuple[int, ...]


class ResourceStringIn(_Part):
    """A resource attribute with one of these keys is one of these strings, exactly."""

    kind: Literal["resource_string_in"] = "resource_string_in"
    keys: tuple[str, ...]
    values: tuple[str, ...]


class StringIn(_Part):
    """To be one of these strings, exactly."""

    kind: Literal["string_in"] = "string_in"
    values: tuple[str, ...]


class Matches(_Part):
    """To be a string in which one of these is found: in the core's syntax, see ``regex.py``."""

    kind: Literal["matches"] = "matches"
    patterns: tuple[str, ...]


class IntBetween(_Part):
    """To be an integer between these, both included; whatever is none counts as 0."""

    kind: Literal["int_between"] = "int_between"
    min: int
    max: int


class BoolIs(_Part):
    """To be this boolean; whatever is none counts as false."""

    kind: Literal["bool"] = "bool"
    value: bool


Asks = Annotated[StringIn | Matches | IntBetween | BoolIs, Field(discriminator="kind")]


class First(_Part):
    """The attribute of the resource or of the span; of several with the key the first counts."""

    kind: Literal["first"] = "first"
    key: str
    asks: Asks


class SpanSampled(_Part):
    """The span's flags have bit 0 set."""

    kind: Literal["span_sampled"] = "span_sampled"


class SamplingInformation(_Part):
    """The span's tracestate says something of sampling: ``rv`` or ``th`` of its member ``ot``."""

    kind: Literal["sampling_information"] = "sampling_information"


class TraceStateIn(_Part):
    """The span's tracestate gives this key one of these values."""

    kind: Literal["trace_state_in"] = "trace_state_in"
    key: str
    values: tuple[str, ...]


# JSON as text: it is compared and hashed as such, and its models (``decide/ottl/expression.py``)
# are for those who have conditions.
Text = Annotated[
    str,
    BeforeValidator(lambda value: value if isinstance(value, str) else json.dumps(value)),
    PlainSerializer(json.loads, return_type=Any),
]


class Ottl(_Part):
    """One of these conditions holds of the span, or of an event of it, asked in this order.

    ``failed``: the position of an ``OttlFailed`` that is set if one errs before; without it an
    error is a condition that does not hold. Patterns are in the core's syntax, see ``regex.py``.
    """

    kind: Literal["ottl"] = "ottl"
    span: tuple[Text, ...]
    event: tuple[Text, ...]
    failed: int | None = None


class OttlFailed(_Part):
    """A condition erred; ``of`` tells it from others."""

    kind: Literal["ottl_failed"] = "ottl_failed"
    of: str


class Lasting(_Part):
    """Last end minus first start of the spans so far, after each span, in whole milliseconds.

    ``wraps``: more than 292 years count modulo 2^64 ns, and not as 292.
    """

    kind: Literal["lasting"] = "lasting"
    from_ms: int
    to_ms: int | None = None
    wraps: bool = False


Test = Annotated[
    SpanIntIn
    | SpanStringIn
    | SpanStatusIn
    | ResourceStringIn
    | First
    | SpanSampled
    | SamplingInformation
    | TraceStateIn
    | Ottl
    | OttlFailed
    | Lasting,
    Field(discriminator="kind"),
]


class Predicate(_Part):
    """One condition on a span or its resource, and what a verdict calls it."""

    reason: str
    test: Test


class AnyBit(_Part):
    """Some span of the trace set one of these bits: positions in ``Plan.predicates``."""

    kind: Literal["any_bit"] = "any_bit"
    bits: tuple[int, ...]


class DurationAtLeast(_Part):
    """Last end minus first start of the trace is at or over this many nanoseconds."""

    kind: Literal["duration_at_least"] = "duration_at_least"
    ns: int


Clause = Annotated[AnyBit | DurationAtLeast, Field(discriminator="kind")]


class Rule(_Part):
    """One rule: every clause must hold. ``threshold`` is T, 56 bits, or ``NEVER``."""

    name: str
    all: tuple[Clause, ...]
    threshold: int
    wait_ms: int | None = None


class Large(_Part):
    """What becomes of traces of more than ``max_bytes``: dropped, or truncated if they are kept."""

    max_bytes: int
    drop: bool


class Plan(_Part):
    """A compiled chain. ``version`` is given by the core when it installs the plan."""

    format: int = 1
    version: int = 0
    wait_ms: int
    wait_after_root_ms: int | None = None
    hash_trace_ids: bool = False
    large: Large | None = None
    predicates: tuple[Predicate, ...]
    rules: tuple[Rule, ...]
    votes: Votes | None = None


class PredicateTable:
    """Predicates in the making: the same condition in two rules is one bit."""

    def __init__(self) -> None:
        """Empty."""
        self._bits: dict[Predicate, int] = {}

    def bit(self, reason: str, test: Test) -> int:
        """The position of this condition, which may be past ``MAX_PREDICATES``."""
        return self._bits.setdefault(Predicate(reason=reason, test=test), len(self._bits))

    def begin_page(self, together: int) -> None:
        """Begin a page, unless this many predicates have room on the one at hand."""
        while PAGE - len(self._bits) % PAGE < together:
            self.bit("unused", OttlFailed(of=f"room at {len(self._bits)}"))

    def predicates(self) -> tuple[Predicate, ...]:
        """All of them, by position."""
        return tuple(self._bits)
