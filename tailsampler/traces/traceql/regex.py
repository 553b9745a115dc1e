"""Regular expressions, in time linear in the text: a query must not be able to hang the gateway.

RE2 itself, which is also what the expressions of Tempo are written for.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import re2  # type: ignore[import-untyped]

# Memory for one compiled expression; RE2 refuses the ones that would need more.
_MAX_BYTES: Final = 1 << 20
_REMEMBERED: Final = 1_024
_SHORT: Final = 256


def compile_regex(pattern: str) -> Callable[[str], bool]:
    """Whether the whole of a text matches; ``ValueError`` says what RE2 does not like."""
    options = re2.Options()
    options.max_mem = _MAX_BYTES
    options.dot_nl = True
    options.never_capture = True
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else b""
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(text) from None
    return _remembering(lambda text: compiled.fullmatch(text) is not None)


def _remembering(matches: Callable[[str], bool]) -> Callable[[str], bool]:
    """Spans repeat their names and routes; what is long is seldom seen twice."""
    known = lru_cache(_REMEMBERED)(matches)
    return lambda text: known(text) if len(text) <= _SHORT else matches(text)
