"""Literals as Go writes them: strings, whole numbers, durations."""

import re
from typing import Final

_UNITS_NS: Final = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60 * 1_000_000_000,
    "h": 3_600 * 1_000_000_000,
    "d": 86_400 * 1_000_000_000,
    "w": 7 * 86_400 * 1_000_000_000,
    "y": 365 * 86_400 * 1_000_000_000,
}
_PART: Final = re.compile(r"([0-9]+)(?:\.([0-9]*))?([a-z\u00b5\u03bc]+)")
_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL
)
_PLAIN: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
}


def duration_ns(text: str) -> int:
    """``1h1.5s`` as ns; ``ValueError`` if a unit is not known."""
    total, end = 0, 0
    for part in _PART.finditer(text):
        if part.start() != end or part[3] not in _UNITS_NS:
            break
        unit, fraction = _UNITS_NS[part[3]], part[2] or ""
        total += int(part[1]) * unit + int(fraction or 0) * unit // 10 ** len(fraction)
        end = part.end()
    if end != len(text) or not text:
        raise ValueError(f"{text[:64]!r} is no duration; write e.g. 100ms, 1.5s or 1h")
    return total


def unquote(text: str) -> str:
    r"""A string in double quotes (with ``\n``, ``\u00e9`` and the like) or in backticks.

    ``ValueError`` names an escape that does not exist.
    """
    if text.startswith("`"):
        return text[1:-1].replace("\r", "")
    return _ESCAPE.sub(_escaped, text[1:-1])


def unquote_key(text: str) -> str:
    r"""An attribute's name; within double quotes, ``\"`` and ``\\`` are escapes."""
    return re.sub(
        r'"((?:[^"\\]|\\["\\])*)"', lambda found: re.sub(r'\\(["\\])', r"\1", found[1]), text
    )


def _escaped(found: re.Match[str]) -> str:
    octet, short, long, octal, plain = found.groups()
    if plain is not None:
        if plain not in _PLAIN:
            raise ValueError(
                f"\\{plain} is no escape; write \\\\ for a backslash, or use backticks"
            )
        return _PLAIN[plain]
    number = int(octal, 8) if octal else int(octet or short or long, 16)
    # Above 7f, \x and octal mean bytes in Go, and half a character is none.
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF or ((octal or octet) and number > 0x7F):
        raise ValueError(
            f"{found[0]} is no character; write it as it is, or as \\u and four digits"
        )
    return chr(number)
