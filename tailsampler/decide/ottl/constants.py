"""Calls that are the same for every span, and become literals or other calls when they are read.

These have no use for a span, and reading them once spares the core a parser each. A literal that
stands for a call is not one that ``fold.py`` folds.
"""

from __future__ import annotations

import re
import struct

from tailsampler.decide.ottl import literals
from tailsampler.decide.ottl.converters import CASES
from tailsampler.decide.ottl.expression import (
    BoolValue,
    BytesValue,
    Call,
    DoubleValue,
    DurationValue,
    Expression,
    IntValue,
    NilValue,
    SpanIdValue,
    StringValue,
    TimeValue,
    TraceIdValue,
)
from tailsampler.decide.ottl.strptime import instant

_SECOND_NS = 1_000_000_000


def lowered(name: str, values: tuple[Expression, ...]) -> Expression | None:
    """What stands for the call, or None if it is needed; ``ValueError`` for what cannot be read."""
    match name, values:
        case "Duration", (StringValue(value=text),):
            found: Expression | None = DurationValue(ns=literals.duration_ns(text))
        case "Unix", (IntValue(value=seconds), IntValue(value=nanos)):
            found = _time(seconds * _SECOND_NS + nanos)
        case "SpanID", (value,) if (octets := _octets(value)) is not None:
            found = SpanIdValue(value=_id(octets, 8))
        case "TraceID", (value,) if (octets := _octets(value)) is not None:
            found = TraceIdValue(value=_id(octets, 16))
        case "ConvertCase", (target, StringValue(value=case)):
            found = Call(function=_case(case), arguments=(target,))
        case "Time", (StringValue(value=text), StringValue(value=layout), location, locale):
            found = _time(_instant(text, layout, location, locale))
        case _:
            found = None
    return found


def _case(case: str) -> str:
    if case not in CASES:
        raise ValueError(f'there is no case "{case}"; write one of {", ".join(CASES)}')
    return CASES[case]


def _octets(value: Expression) -> bytes | None:
    """As a parameter of kind ``bytes_like`` takes a literal; None if it is none."""
    match value:
        case BytesValue(value=octets):
            found: bytes | None = octets
        case StringValue(value=text):
            found = text.encode()
        case IntValue(value=number):
            found = struct.pack(">q", number)
        case DoubleValue(value=real):
            found = struct.pack(">d", real)
        case BoolValue(value=flag):
            found = bytes([flag])
        case NilValue():
            found = b""
        case _:
            found = None
    return found


def _id(found: bytes, size: int) -> bytes:
    if len(found) == size:
        return found
    if len(found) == 2 * size and re.fullmatch(rb"[0-9a-fA-F]*", found):
        return bytes.fromhex(found.decode())
    raise ValueError(f"an id is {size} bytes or {2 * size} hex digits; this is none")


def _instant(text: str, layout: str, location: Expression, locale: Expression) -> int:
    if isinstance(location, StringValue) and location.value not in {"", "UTC"}:
        raise ValueError(f"the location {location.value} is not supported; write the time in UTC")
    if isinstance(locale, StringValue) and locale.value not in {"", "en"}:
        raise ValueError(f"the locale {locale.value} is not supported; write English names")
    return instant(text, layout)


def _time(ns: int) -> TimeValue:
    seconds, nanos = divmod(ns, _SECOND_NS)
    return TimeValue(seconds=seconds, nanos=nanos)
