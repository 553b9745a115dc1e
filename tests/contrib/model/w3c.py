"""A ``tracestate`` header as the Go SDK reads it: one bad member spoils the whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

MEMBERS_AT_MOST = 32

_REST = r"[a-z0-9_\-*/]"
_KEY = re.compile(rf"[a-z]{_REST}{{0,255}}|[a-z0-9]{_REST}{{0,240}}@[a-z]{_REST}{{0,13}}")
# Printable ASCII without comma and equals sign; the last character is no blank.
_VALUE = re.compile(r"[ -+\--<>-~]{0,255}[!-+\--<>-~]")


@lru_cache(maxsize=1 << 16)
def parse(header: str) -> Mapping[str, str] | None:
    """The members in their order; None if the header is malformed. An empty header has none."""
    found: dict[str, str] = {}
    for member in header.split(","):
        if not member:
            continue
        key, equals, value = member.partition("=")
        key = key.lstrip(" \t")
        value = value.rstrip(" \t")
        if not equals or not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
            return None
        if key in found or len(found) == MEMBERS_AT_MOST:
            return None
        found[key] = value
    return found
