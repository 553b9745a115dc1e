"""Plain words to YAML 1.2 values: the core schema, for files and for ``${...}`` alike."""

from __future__ import annotations

import re

LONGEST = 1_000
"""Letters of a number."""

_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip


def scalar(text: str) -> str | int | float | bool | None:
    """What an unquoted word in a YAML file means."""
    if text in _WORDS or len(text) > LONGEST:
        # No setting takes so long a number, and Python refuses to read yet longer ones.
        return _WORDS.get(text, text)
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return float("nan") if text in {".nan", ".NaN", ".NAN"} else text
