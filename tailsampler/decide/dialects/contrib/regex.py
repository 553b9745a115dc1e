"""Whether Go takes a regular expression; RE2 itself answers, but where both differ."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import re2  # type: ignore[import-untyped]

from tailsampler.decide.go_regex import differences

_INSTEAD: Final = {
    "(?=": "there is no look-ahead in Go; match what you want and use not or drop for the rest",
    "(?!": "there is no look-ahead in Go; match the opposite and use invert_match, not or drop",
    "(?<=": "there is no look-behind in Go; match the text before it, too",
    "(?<!": "there is no look-behind in Go; match the opposite and use not or drop",
}


@lru_cache(1_024)
def regex_problem(pattern: str) -> str | None:
    """What is wrong with it and what to write, without the expression; None: Go takes it."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else b""
        why = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        instead = next((say for start, say in _INSTEAD.items() if start in pattern), None)
        instead = instead or "write one in the syntax of RE2"
        return f"is no regular expression of Go ({why.partition(':')[0]}); {instead}"
    try:
        differences(pattern)
    except ValueError as error:
        return f"is no regular expression of Go ({error})"
    return None
