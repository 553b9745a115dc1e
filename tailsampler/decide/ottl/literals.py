"""What stands literally in a condition, read as Go reads it; ``ValueError`` says what is wrong."""

from __future__ import annotations

import math
import re
from typing import Final

MAX_INT: Final = (1 << 63) - 1
MIN_INT: Final = -(1 << 63)
_MAX_CHARACTER: Final = 0x10FFFF

_ESCAPE: Final = re.compile(
    r"\\(?:(?P<plain>[abfnrtv\\\"])|(?P<octal>[0-7]{3})"
    r"|x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})|(?P<bad>.))",
    re.DOTALL,
)
_PLAIN: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_DIGITS: Final = r"[0-9](?:_?[0-9])*"
_DECIMAL: Final = re.compile(
    rf"[+-]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?"
)
_HEX_DIGITS: Final = r"[0-9a-f](?:_?[0-9a-f])*"
_HEXADECIMAL: Final = re.compile(
    rf"[+-]?0x_?(?:{_HEX_DIGITS}(?:\.(?:{_HEX_DIGITS})?)?|\.{_HEX_DIGITS})p[+-]?{_DIGITS}",
    re.IGNORECASE,
)
_NAMED: Final = re.compile(r"[+-]?(?:inf|infinity)|nan", re.IGNORECASE)
_UNIT_NS: Final = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_SPAN: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")


def unquote(token: str) -> str:
    r"""The text of a string with its quotes. ``\xff`` is the character U+00FF, not a byte."""
    return _ESCAPE.sub(_unescaped, token[1:-1])


def _unescaped(match: re.Match[str]) -> str:
    if plain := match["plain"]:
        return _PLAIN.get(plain, plain)
    if octal := match["octal"]:
        value = int(octal, 8)
        if value > 0xFF:
            raise ValueError(f"the escape {match[0]} is over \\377")
        return chr(value)
    if match["bad"] is not None:
        raise ValueError(
            f"{match[0]} is no escape of a text; write \\{match[0]} for a backslash, as in a regex"
        )
    value = int(match["x"] or match["u"] or match["U"], 16)
    if value > _MAX_CHARACTER or 0xD800 <= value <= 0xDFFF:
        raise ValueError(f"the escape {match[0]} is no character")
    return chr(value)


def integer(digits: str, *, negative: bool = False) -> int:
    """An int64. A leading 0 makes it octal, as in Go: ``010`` is 8."""
    octal = len(digits) > 1 and digits[0] == "0"
    try:
        value = int(digits, 8 if octal else 10)
    except ValueError:
        raise ValueError(f"{digits} is octal, for it begins with 0; leave the 0 out") from None
    value = -value if negative else value
    if not MIN_INT <= value <= MAX_INT:
        raise ValueError(f"{'-' if negative else ''}{digits} does not fit 64 bits")
    return value


def double(text: str) -> float:
    """A float64, as Go's ``strconv.ParseFloat`` reads it."""
    if _NAMED.fullmatch(text):
        return float(text)
    plain = text.replace("_", "")
    if _HEXADECIMAL.fullmatch(text):
        try:
            return float.fromhex(plain)
        except OverflowError:
            raise ValueError(f"{text} is too large for a double") from None
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f'"{text}" is no number')
    value = float(plain)
    if math.isinf(value):
        raise ValueError(f"{text} is too large for a double")
    return value


def boolean(text: str) -> bool:
    """As Go's ``strconv.ParseBool`` reads it."""
    if text in {"1", "t", "T", "true", "TRUE", "True"}:
        return True
    if text in {"0", "f", "F", "false", "FALSE", "False"}:
        return False
    raise ValueError(f'"{text}" is no bool; write "true" or "false"')


def octets(token: str) -> bytes:
    """Bytes written as ``0x`` and an even number of hex digits."""
    if len(token) % 2:
        raise ValueError(f"{token} has half a byte; write an even number of hex digits")
    return bytes.fromhex(token[2:])


def duration_ns(text: str) -> int:
    """Nanoseconds, as Go's ``time.ParseDuration`` reads them: ``1h30m``, ``-1.5s``, ``0``."""
    wrong = ValueError(f'"{text}" is no duration; write e.g. "300ms", "1.5s" or "2h45m"')
    unsigned = text[1:] if text[:1] in {"+", "-"} else text
    if unsigned == "0":
        return 0
    total, at = 0, 0
    while match := _SPAN.match(unsigned, at):
        whole, fraction, unit = match.groups()
        if not whole and not fraction:
            raise wrong
        total += int(whole or 0) * _UNIT_NS[unit]
        if fraction:
            # Go counts the fraction in doubles, and cuts.
            total += int(int(fraction) * (_UNIT_NS[unit] / 10 ** len(fraction)))
        at = match.end()
    if not unsigned or at != len(unsigned):
        raise wrong
    total = -total if text[0] == "-" else total
    if not MIN_INT <= total <= MAX_INT:
        raise ValueError(f'"{text}" is longer than 292 years')
    return total
