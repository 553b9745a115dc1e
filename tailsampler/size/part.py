"""One line of an answer: a number, how it comes about, and which cases measured it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """What something takes of one gateway."""

    what: str
    value: float
    """In cores, bytes or bytes a second, as its section says."""
    how: str
    cases: tuple[str, ...]


def total(parts: tuple[Part, ...]) -> float:
    """Of all of them."""
    return sum(part.value for part in parts)
