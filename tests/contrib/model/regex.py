"""Regular expressions as Go reads them: RE2's, less what only the C++ library accepts."""

from __future__ import annotations

import re
from functools import cache

import re2  # type: ignore[import-untyped] # it ships no types

_QUOTED = re.compile(r"\\Q.*?(?:\\E|\Z)", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_GROUP = re.compile(r"\(\?P?<([^>=!][^>]*)>")


class BadRegexError(Exception):
    """A pattern that Go refuses."""


class Regex:
    """One compiled pattern; it matches anywhere in a text."""

    def __init__(self, pattern: str) -> None:
        """Compile.

        Raises:
            BadRegexError: if Go would not.
        """
        options = re2.Options()
        options.log_errors = False
        bare = _QUOTED.sub("", pattern)
        if "C" in _ESCAPE.findall(bare):
            raise BadRegexError(
                f"error parsing regexp: invalid escape sequence in {pattern!r}: \\C"
            )
        if not all(name.isascii() for name in _GROUP.findall(_ESCAPE.sub("", bare))):
            raise BadRegexError(f"error parsing regexp: invalid named capture in {pattern!r}")
        try:
            self._compiled = re2.compile(pattern, options)
        except re2.error as error:
            raise BadRegexError(f"error parsing regexp {pattern!r}: {error}") from error

    def matches(self, text: str) -> bool:
        """Whether the pattern occurs in the text."""
        return self._compiled.search(text.encode("utf-8", "surrogateescape")) is not None


@cache
def compiled(pattern: str) -> Regex:
    """The pattern, compiled once.

    Raises:
        BadRegexError: if Go would refuse it.
    """
    return Regex(pattern)
