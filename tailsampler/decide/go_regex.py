r"""Where Go's regular expressions, as far as accepting them goes, are not RE2's.

Go has no ``\C``, allows only ASCII in the names of groups, and nests 1,000 deep.
"""

from __future__ import annotations

import re
from typing import Final

DEEPEST: Final = 1_000
_PIECE: Final = re.compile(
    r"\\Q(?P<quoted>.*?)(?:\\E|$)|\\(?P<escape>.)|\(\?P?<(?P<name>[^=!>][^>]*)>|(?P<mark>[()\[])",
    re.DOTALL,
)
# A bracket that stands first in a class is a member, and so is what stands in [: :].
_CLASS: Final = re.compile(r"\[\^?\]?(?:\[:[^\]]*:\]|\\.|[^\]\\])*\]?", re.DOTALL)


def differences(pattern: str) -> None:
    """Nothing, or ``ValueError`` with what Go does not take although RE2 does."""
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
