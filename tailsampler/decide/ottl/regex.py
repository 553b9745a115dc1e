r"""Whether a pattern is one for Go, whose dialect is RE2's but for a few differences."""

from __future__ import annotations

import re
from typing import Final

import re2  # type: ignore[import-untyped]

from tailsampler.decide.go_regex import differences

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
    differences(pattern)
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else b""
        said = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        advice = next((say for mark, say in _ADVICE if re.search(mark, said)), "")
        raise ValueError(f"{said}; {advice}" if advice else said) from None
