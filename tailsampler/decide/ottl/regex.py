r"""Whether a pattern is one for Go, whose dialect is RE2's but for a few differences.

Where they differ, as far as accepting goes: Go has no ``\C``, allows only ASCII in the names of
groups, and nests 1,000 deep.
"""

from __future__ import annotations

import re
from typing import Final

import re2  # type: ignore[import-untyped]

DEEPEST: Final = 1_000
_PIECE: Final = re.compile(
    r"\\Q(?P<quoted>.*?)(?:\\E|$)|\\(?P<escape>.)|\(\?P?<(?P<name>[^=!>][^>]*)>|(?P<mark>[()\[])",
    re.DOTALL,
)
# A bracket that stands first in a class is a member, and so is what stands in [: :].
_CLASS: Final = re.compile(r"\[\^?\]?(?:\[:[^\]]*:\]|\\.|[^\]\\])*\]?", re.DOTALL)
# What to write stands as it does in a condition, where a backslash is doubled.
_ADVICE: Final = (
    (r"\(\?<?[=!]", "Go has no look-around; match what surrounds it, or use not"),
    (r"\\[1-9]|\(\?P=", "Go has no back-references"),
    (r"\+\+|\*\+|\?\+|\(\?>", "Go has no possessive or atomic groups; leave the + out"),
    (r"\\Z", r"write \\z for the end of the text"),
    (r"\\[uhRGXe]", r"write a character by its number as \\x{e9}"),
    (r"\{", "a repetition counts to 1000 at most"),
)


def check(pattern: str) -> None:
    """Nothing, or ``ValueError`` with what Go would not like about the pattern."""
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    _differences(pattern)
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else b""
        said = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        advice = next((say for mark, say in _ADVICE if re.search(mark, said)), "")
        raise ValueError(f"{said}; {advice}" if advice else said) from None


def _differences(pattern: str) -> None:
    at, depth = 0, 0
    while match := _PIECE.search(pattern, at):
        at = match.end()
        if match["escape"] == "C":
            raise ValueError(r"invalid escape sequence: \C; write (?s:.) for any character")
        if (name := match["name"]) and not name.isascii():
            raise ValueError(f"invalid named capture: {match[0]}; write ASCII letters and digits")
        mark = match["mark"]
        if name or mark:
            depth += -1 if mark == ")" else mark != "["
            at = match.end() if name else match.start() + 1
        if mark == "[" and (closed := _CLASS.match(pattern, match.start())):
            at = closed.end()
        if depth > DEEPEST:
            raise ValueError("expression nests too deeply; use fewer parentheses")
