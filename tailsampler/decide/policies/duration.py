"""``duration_threshold_ms``: the trace took this long or longer.

The duration of a trace is the end of its last span minus the start of its first, in nanoseconds.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PlainValidator

from tailsampler.decide.plan import DurationAtLeast, PredicateTable
from tailsampler.settings.base import BadValueError, Section
from tailsampler.settings.expand import Expanded
from tailsampler.settings.units import milliseconds, parse_duration
from tailsampler.settings.values import parse_whole, resolved, shown

_NS_IN_MS = 1_000_000
_LONGEST_MS = 2**63 // _NS_IN_MS  # what fits into the core's nanoseconds


def parse_threshold(value: object) -> int:
    """Whole milliseconds; a duration with a unit is understood well enough to say the number."""
    if isinstance(resolved(value), str):
        try:
            meant = milliseconds(parse_duration(value))
        except BadValueError:
            pass
        else:
            instead = "e.g. 1000" if isinstance(value, Expanded) else meant
            say = f"{shown(value)} has a unit, and this is a number of milliseconds; write "
            say += str(instead)
            raise BadValueError("threshold_with_unit", say)
    if isinstance(resolved(value), float):
        say = f"{shown(value)} is no whole number of milliseconds; write e.g. 1000"
        raise BadValueError("not_a_whole_number", say)
    whole = parse_whole(value)
    if not 0 <= whole <= _LONGEST_MS:
        side = "negative" if whole < 0 else "longer than a century"
        say = f"{shown(value)} is {side}; write milliseconds, e.g. 1000"
        raise BadValueError("out_of_range", say)
    return whole


class DurationCriterion(Section):
    """Its settings."""

    duration_threshold_ms: Annotated[int, PlainValidator(parse_threshold)] | None = Field(
        default=None,
        description="Shortest duration of the trace, in milliseconds, itself included. "
        "Default: this policy does not ask for durations.",
        examples=["1000"],
    )


def clause(policy: DurationCriterion, table: PredicateTable) -> DurationAtLeast | None:
    """No bit: the core knows the first start and the last end of every trace."""
    del table
    if policy.duration_threshold_ms is None:
        return None
    return DurationAtLeast(ns=policy.duration_threshold_ms * _NS_IN_MS)


def words(policy: DurationCriterion) -> str | None:
    """``trace takes 1000 ms or longer``."""
    if policy.duration_threshold_ms is None:
        return None
    return f"trace takes {policy.duration_threshold_ms} ms or longer"


def covers(earlier: DurationCriterion, later: DurationCriterion) -> bool:
    """Whether every trace long enough for ``later`` is long enough for ``earlier``."""
    if not earlier.duration_threshold_ms:  # absent, or 0, which every trace reaches
        return True
    least = later.duration_threshold_ms
    return least is not None and least >= earlier.duration_threshold_ms
