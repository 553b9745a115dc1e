"""The memory of decisions beyond the traces that are held."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Remembered(NamedTuple):
    """What is remembered of a decision; the threshold is T of 56 bits, None without the gate."""

    policy: str | None
    threshold: int | None


@dataclass
class DecisionCache:
    """The ``size`` trace ids that were put or asked for last; a size of 0 remembers nothing.

    ``by_half`` finds a trace by the second half of its id only.
    """

    size: int
    by_half: bool
    entries: dict[bytes, Remembered] = field(default_factory=dict)

    def get(self, trace_id: bytes) -> Remembered | None:
        """What is remembered, which makes it the newest."""
        key = self._key(trace_id)
        found = self.entries.pop(key, None)
        if found is not None:
            self.entries[key] = found
        return found

    def put(self, trace_id: bytes, remembered: Remembered) -> None:
        """Remember, and forget the oldest if there are too many."""
        if self.size <= 0:
            return
        key = self._key(trace_id)
        self.entries.pop(key, None)
        self.entries[key] = remembered
        if len(self.entries) > self.size:
            del self.entries[next(iter(self.entries))]

    def _key(self, trace_id: bytes) -> bytes:
        return trace_id[8:] if self.by_half else trace_id
