"""Durations (``10s``, ``1h30m``: Go's spelling) and sizes (``8GiB``, ``64MB``, bytes)."""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer, PlainValidator

from tailsampler.settings.base import BadValueError
from tailsampler.settings.values import resolved, shown

_MS = {"h": Fraction(3_600_000), "m": Fraction(60_000), "s": Fraction(1000), "ms": Fraction(1)}
_FINER = {"us": Fraction(1, 1000), "\u00b5s": Fraction(1, 1000), "ns": Fraction(1, 1_000_000)}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|\u00b5s|ns)")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")

_SIZES = {
    "B": 1,
    "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)")
_BINARY = ("TiB", "GiB", "MiB", "KiB")


def parse_duration(value: object) -> timedelta:
    """A duration in whole milliseconds."""
    if isinstance(value, timedelta):
        return value
    plain = resolved(value)
    if isinstance(plain, int | float) and not isinstance(plain, bool):
        say = f"{shown(value)} has no unit; write {_with_unit(value, 's')} for seconds, or ms, m, h"
        raise BadValueError("duration_without_unit", say)
    text = plain.strip() if isinstance(plain, str) else ""
    if text.startswith("-"):
        raise BadValueError("negative_duration", f"{shown(value)} is negative; write e.g. 10s")
    if not _DURATION.fullmatch(text):
        say = f"{shown(value)} is not a duration; write e.g. 10s, 500ms or 1h30m"
        raise BadValueError("not_a_duration", say)
    ms = sum(
        (Fraction(number) * (_MS | _FINER)[unit] for number, unit in _PART.findall(text)),
        start=Fraction(0),
    )
    if ms.denominator != 1:
        raise BadValueError(
            "duration_too_fine", f"{shown(value)} is no whole number of ms; write e.g. 5ms"
        )
    try:
        return timedelta(milliseconds=int(ms))
    except OverflowError:
        raise BadValueError("out_of_range", f"{shown(value)} is too long; write e.g. 10s") from None


def parse_size(value: object) -> int:
    """A number of bytes."""
    plain = resolved(value)
    if isinstance(plain, int) and not isinstance(plain, bool):
        if plain < 0:
            raise BadValueError("negative_size", f"{shown(value)} is negative; write e.g. 64MiB")
        return plain
    match = _SIZE.fullmatch(plain.strip()) if isinstance(plain, str) else None
    if match is None:
        say = f"{shown(value)} is not a size; write bytes, or e.g. 64MiB or 8GiB"
        raise BadValueError("not_a_size", say)
    factor = _SIZES.get(match[2])
    if factor is None:
        likely = next((unit for unit in _BINARY if unit[0] == match[2][0].upper()), "MiB")
        say = f"{shown(value)} has no known unit; write {_with_unit(match[1], likely)}"
        raise BadValueError("unknown_size_unit", say if plain is value else _units_for(value))
    size = Fraction(match[1]) * factor
    if size.denominator != 1:
        raise BadValueError(
            "size_too_fine", f"{shown(value)} is no whole number of bytes; write e.g. 1MiB"
        )
    return int(size)


def _with_unit(value: object, unit: str) -> str:
    # `shown` names a reference, and a reference with a unit glued on is no advice.
    text = shown(value)
    return f"a number with a unit, e.g. 10{unit}" if text.startswith("the value") else text + unit


def _units_for(value: object) -> str:
    return f"{shown(value)} has no known unit; write e.g. 64MiB"


def duration_text(value: timedelta) -> str:
    """The shortest spelling that ``parse_duration`` reads back as the same."""
    rest = milliseconds(value)
    parts = []
    for unit in ("h", "m", "s", "ms"):
        count, rest = divmod(rest, int(_MS[unit]))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def size_text(value: int) -> str | int:
    """The size in the largest binary unit that divides it, or bytes."""
    for unit in _BINARY:
        if value and value % _SIZES[unit] == 0:
            return f"{value // _SIZES[unit]}{unit}"
    return value


def milliseconds(value: timedelta) -> int:
    """A duration as the data plane takes it."""
    return value // timedelta(milliseconds=1)


def lasting(least: str, most: str) -> AfterValidator:
    """A duration in this range, both ends included."""
    low, high = parse_duration(least), parse_duration(most)

    def check(value: timedelta) -> timedelta:
        if low <= value <= high:
            return value
        side = f"shorter than {least}" if value < low else f"longer than {most}"
        say = f"this is {side}; write a duration from {least} to {most}"
        raise BadValueError("out_of_range", say)

    return AfterValidator(check)


def sized(least: str, most: str) -> AfterValidator:
    """A size in this range, both ends included."""
    low, high = parse_size(least), parse_size(most)

    def check(value: int) -> int:
        if low <= value <= high:
            return value
        side = f"under {least}" if value < low else f"over {most}"
        say = f"this is {side}; write a size from {least} to {most}"
        raise BadValueError("out_of_range", say)

    return AfterValidator(check)


Duration = Annotated[
    timedelta, PlainValidator(parse_duration), PlainSerializer(duration_text, return_type=str)
]
Size = Annotated[int, PlainValidator(parse_size), PlainSerializer(size_text)]
