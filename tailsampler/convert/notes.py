"""What became of each part of a configuration: carried, changed, or left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tailsampler.errors import Place

NONE: Final = "none"
MORE: Final = "keeps more"
LESS: Final = "keeps less"
OTHERS: Final = "keeps others"
"""The same share, and not the same traces."""
EITHER: Final = "keeps more or less"


def sided(*, wider: bool, narrower: bool) -> str:
    """What it does to a policy that keeps, to match more traces, or fewer."""
    if wider and narrower:
        return EITHER
    return MORE if wider else LESS if narrower else NONE


@dataclass(frozen=True, slots=True)
class Note:
    """One part of the source, and what became of it."""

    at: Place
    name: str
    """Of the policy, rule, option or component."""
    what: str
    """What it is now, or what it asked for that is missing."""
    effect: str = NONE
    """How the outcome differs: one of the words above, or for components how they matter."""

    def as_json(self) -> dict[str, object]:
        """The same as plain data."""
        at = {"file": self.at.file, "line": self.at.line, "column": self.at.column}
        at["key"] = self.at.key
        return {"at": at, "name": self.name, "what": self.what, "effect": self.effect}


@dataclass(slots=True)
class Notes:
    """All of them, each list in the order of the source."""

    carried: list[Note] = field(default_factory=list)
    """The same as before, or of no meaning here."""
    changed: list[Note] = field(default_factory=list)
    """There, and not quite the same."""
    left_out: list[Note] = field(default_factory=list)
    """Not there."""

    @property
    def exact(self) -> bool:
        """Whether the outcome is the same, as far as a configuration decides it."""
        return not self.changed and not self.left_out

    def as_json(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "carried": [note.as_json() for note in self.carried],
            "changed": [note.as_json() for note in self.changed],
            "left_out": [note.as_json() for note in self.left_out],
        }


@dataclass(frozen=True, slots=True)
class Piece:
    """A policy as it is written out, and what is said above it."""

    data: dict[str, Any]
    remarks: tuple[str, ...]
    narrower: bool = False
    """Whether it does not match every trace that it was about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """The outcome."""

    config: str
    """YAML, as it may be written to a file."""
    notes: Notes
    kind: str
    """``contrib``, ``alloy`` or ``refinery``."""
    sampler: str
    """What was read: ``tail_sampling/edge``, a label, an environment."""
    plan: str
    """JSON for the data plane, which has the last word on it."""
    unset: Sequence[str] = ()
    """References that stand in ``config`` and have no value where it was made."""
