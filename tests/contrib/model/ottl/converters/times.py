"""Converters of durations and points in time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

from tests.contrib.model.ottl.converters.arguments import (
    Argument,
    Converter,
    duration,
    simple,
    text,
    time,
    whole,
)
from tests.contrib.model.ottl.values import SECOND, Duration, OttlError, Time, Value

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
UNITS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,  # micro sign
    "\u03bcs": 1_000,  # Greek mu
    "ms": 1_000_000,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")


def parse_duration(source: str) -> Duration:
    """A duration such as ``1h2m3.5s``; every number has a unit, but for a lone 0.

    Raises:
        OttlError: if it is not one, or does not fit into 64 bits of nanoseconds.
    """
    sign = -1 if source.startswith("-") else 1
    rest = source[1:] if source[:1] in {"-", "+"} else source
    if rest == "0":
        return Duration(0)
    if not re.fullmatch(f"(?:{_PART.pattern})+", rest):
        raise OttlError(f"time: invalid duration {source!r}")
    parts = _PART.findall(rest)
    ns = sign * sum(int(Fraction(number.rstrip(".")) * UNITS[unit]) for number, unit in parts)
    if not -(1 << 63) <= ns < 1 << 63:
        raise OttlError(f"time: invalid duration {source!r}")
    return Duration(ns)


def _truncated(unit: int) -> Converter:
    def of(value: Duration) -> Value:
        count = abs(value.ns) // unit
        return count if value.ns >= 0 else -count

    return simple(of, Argument("duration", duration))


def _fraction(unit: int) -> Converter:
    def of(value: Duration) -> Value:
        count, rest = divmod(abs(value.ns), unit)
        result = count + rest / unit  # two roundings, as Go's: not the same as one division
        return float(result if value.ns >= 0 else -result)

    return simple(of, Argument("duration", duration))


def _unix(unit: int) -> Converter:
    def of(value: Time) -> Value:
        return value.ns // unit

    return simple(of, Argument("time", time))


CONVERTERS: Mapping[str, Converter] = {
    "Duration": simple(parse_duration, Argument("duration", text)),
    "Hours": _fraction(HOUR),
    "Microseconds": _truncated(1_000),
    "Milliseconds": _truncated(1_000_000),
    "Minutes": _fraction(MINUTE),
    "Nanoseconds": _truncated(1),
    "Seconds": _fraction(SECOND),
    "Unix": simple(
        lambda seconds, nanoseconds: Time(seconds * SECOND + nanoseconds),
        Argument("seconds", whole),
        Argument("nanoseconds", whole, optional=True, default=0),
    ),
    "UnixMicro": _unix(1_000),
    "UnixMilli": _unix(1_000_000),
    "UnixNano": _unix(1),
    "UnixSeconds": _unix(SECOND),
}
