"""What can be chosen of the trace store, and what it answers to a write. Cheap to import."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

PolicyOf: TypeAlias = Callable[[bytes], "tuple[str, str] | None"]
"""Policy and reason of the verdict on a trace id; None if it is not known."""


def unknown(_: bytes) -> None:
    """A ``PolicyOf`` that knows none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Bounds, and what is indexed."""

    max_age: timedelta = timedelta(hours=24)
    """Since it was stored."""
    max_bytes: int = 1 << 30
    """On disk, the log of the database included."""
    max_trace_bytes: int = 32 << 20
    indexed: frozenset[str] = frozenset()
    """Attributes by which traces are found without reading them."""
    policy_of: PolicyOf = unknown
    """Asked where the spans do not say it."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a payload; it is on the disk."""

    traces: int
    """Traces that it brought or added to."""
    spans: int
    """Spans that are new."""
    rejected: int = 0
    """Spans that would have made their trace too large."""
    message: str = ""
    """Why, where some were rejected."""


class StoreUnavailableError(OSError):
    """The store cannot be used now: locked, full, not readable. What was not written may be later.

    The words name the file.
    """
