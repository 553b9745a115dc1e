"""What single values look like to contrib: how Go's YAML reader and its decoder take them.

A float where a whole number is asked for is cut, ``50_000`` is a number, a text where a list of
texts is asked for is split at its commas, a bare number is a duration in nanoseconds. Quoted
numbers and switches, and numbers in a list of texts, are refused there and here.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, PlainValidator

from tailsampler.settings.base import BadValueError
from tailsampler.settings.expand import Expanded
from tailsampler.settings.values import parse_flag, resolved, shown

SECOND: Final = 1_000_000_000
"""In nanoseconds, as Go counts durations."""

_MOST: Final = (1 << 63) - 1
_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,  # the micro sign
    "\u03bcs": 1_000,  # the Greek letter, which looks the same
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3_600 * SECOND,
}
_PART: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)", re.ASCII)
_DURATION: Final = re.compile(rf"[+-]?(?:{_PART.pattern})+", re.ASCII)
# Our reader follows YAML 1.2, where this is text; Go's takes the underscores out.
_GROUPED: Final = re.compile(r"[+-]?\d[\d_]*", re.ASCII)
_DIGITS: Final = re.compile(r"[+-]?[\d.]+", re.ASCII)


def _plain(value: object) -> object:
    plain = resolved(value)
    if isinstance(plain, str) and "_" in plain and _GROUPED.fullmatch(plain):
        return int(plain.replace("_", ""))
    return plain


def _refuse_quotes(value: object, plain: object) -> None:
    if isinstance(plain, str) and _DIGITS.fullmatch(plain):
        say = f'"{shown(value)}" is text; write it without quotes'
        raise BadValueError("number_in_quotes", say)


def _whole(value: object, least: int, most: int) -> int:
    plain = _plain(value)
    if plain is None:
        return 0  # a reference to an empty variable
    if isinstance(plain, float) and math.isfinite(plain):
        plain = math.trunc(plain)
    if isinstance(plain, bool) or not isinstance(plain, int):
        _refuse_quotes(value, plain)
        say = f"{shown(value)} is not a whole number; write e.g. 100"
        raise BadValueError("not_a_whole_number", say)
    if plain < least:
        say = "this is negative; write 0 or more" if least == 0 else "this is too small for contrib"
        raise BadValueError("out_of_range", f"{say}; the smallest is {least}")
    if plain > most:
        raise BadValueError("out_of_range", f"this is too large; write {most} at most")
    return plain


def parse_whole(value: object) -> int:
    """A whole number of 64 bits; a float is cut."""
    return _whole(value, -_MOST - 1, _MOST)


def parse_short(value: object) -> int:
    """A whole number of 32 bits; contrib would wrap around beyond, which nobody can mean."""
    return _whole(value, -(1 << 31), (1 << 31) - 1)


def parse_count(value: object) -> int:
    """A whole number from 0."""
    return _whole(value, 0, _MOST)


def parse_number(value: object) -> float:
    """A finite number."""
    plain = _plain(value)
    if plain is None:
        return 0.0
    if isinstance(plain, int | float) and not isinstance(plain, bool):
        try:
            number = float(plain)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    _refuse_quotes(value, plain)
    raise BadValueError("not_a_number", f"{shown(value)} is not a number; write e.g. 10 or 0.5")


def parse_switch(value: object) -> bool:
    """``true`` or ``false``, without quotes."""
    plain = resolved(value)
    if plain is None:
        return False
    if isinstance(plain, str) and plain.lower() in {"true", "false"}:
        say = f'"{shown(value)}" is text; write {plain.lower()} without quotes'
        raise BadValueError("switch_in_quotes", say)
    return parse_flag(value)


def parse_text(value: object) -> str:
    """Text, possibly empty. What came from outside still says so, for messages."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        say = f'{shown(value)} is not text; write it in quotes: "{shown(value)}"'
        raise BadValueError("not_text", say)
    raise BadValueError("not_text", f"{shown(value)} is not text; write a single word or line")


def split_texts(value: object) -> object:
    """One text for a list of texts is split at its commas, without trimming, as Go does."""
    if not isinstance(value, str):
        return value
    parts = str(value).split(",") if value else []
    if not isinstance(value, Expanded):
        return parts
    if value.lstrip().startswith("["):
        say = f"{shown(value)} is a list, which is not read from a reference; write it in the file"
        raise BadValueError("list_in_reference", say)
    return [Expanded.of(part, value.source) for part in parts]


def parse_nanoseconds(value: object) -> int:
    """A Go duration in nanoseconds; a bare number is one already, and may be negative."""
    plain = _plain(value)
    if isinstance(plain, int | float) and not isinstance(plain, bool):
        return _whole(plain, -_MOST - 1, _MOST)
    if plain is None:
        return 0
    text = plain if isinstance(plain, str) else ""
    if text.lstrip("+-") == "0" and len(text) <= 2:
        return 0
    if not _DURATION.fullmatch(text):
        say = f"{shown(value)} is not a duration; write e.g. 30s, 500ms or 1m30s"
        raise BadValueError("not_a_duration", say)
    total = sum(int(Fraction(number) * _UNITS[unit]) for number, unit in _PART.findall(text))
    if total > _MOST:
        raise BadValueError("out_of_range", f"{shown(value)} is too long; write e.g. 30s")
    return -total if text.startswith("-") else total


def duration_text(ns: int) -> str:
    """The shortest spelling that reads back as the same; in words of Go."""
    rest, parts = abs(ns), []
    for unit in ("h", "m", "s", "ms", "us", "ns"):
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return ("-" if ns < 0 else "") + ("".join(parts) or "0s")


Whole = Annotated[int, PlainValidator(parse_whole)]
Short = Annotated[int, PlainValidator(parse_short)]
Count = Annotated[int, PlainValidator(parse_count)]
Number = Annotated[float, PlainValidator(parse_number)]
Switch = Annotated[bool, PlainValidator(parse_switch)]
Text = Annotated[str, PlainValidator(parse_text)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(split_texts)]
Nanoseconds = Annotated[
    int, PlainValidator(parse_nanoseconds), PlainSerializer(duration_text, return_type=str)
]
