"""What a check says: one sentence, the evidence, the knobs, and what turning them does."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Severity(enum.IntEnum):
    """How soon somebody should act; the largest is the worst."""

    HINT = 1
    """Allowed, and perhaps meant."""
    WILL_HURT = 2
    """Nothing is lost yet; it will be under load, at a fault, or in a backend's numbers."""
    HARM_NOW = 3
    """Spans, verdicts or money are being lost while you read this."""

    @property
    def words(self) -> str:
        """As people read it."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A number that was read, with its unit, and where it was read."""

    say: str
    source: str


@dataclass(frozen=True, slots=True)
class Change:
    """A knob: what it is, what it says now, what to set."""

    setting: str
    """A key of this configuration; ``Collector: ...``, ``SDK: ...``, ``Tempo: ...`` elsewhere."""
    now: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that will hurt."""

    id: str
    """A stable slug, fit to be matched by a program."""
    severity: Severity
    what: str
    """One sentence."""
    evidence: tuple[Evidence, ...]
    changes: tuple[Change, ...] = ()
    effect: str
    """What follows from the changes."""

    def as_json(self) -> dict[str, object]:
        """Plain data."""
        return {
            "id": self.id,
            "severity": self.severity.name.lower(),
            "what": self.what,
            "evidence": [{"say": one.say, "source": one.source} for one in self.evidence],
            "changes": [
                {"setting": one.setting, "now": one.now, "to": one.to} for one in self.changes
            ],
            "effect": self.effect,
        }
