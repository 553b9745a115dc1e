"""A finished chain: names that are its own, and no policy that is never reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from tailsampler.convert.notes import Note, Notes, Piece
from tailsampler.convert.references import written
from tailsampler.decide.policy import Policy, covers, is_catch_all
from tailsampler.errors import Place, Problem, SettingsError

MOST_POLICIES: Final = 500
"""Each is compared with all before it, and nobody has so many in earnest."""

NOTHING: Final = Piece({"name": "nothing", "sample_rate": 0.0}, ("no policy keeps anything",))


def settled(pieces: Iterable[tuple[Place, Piece]], notes: Notes) -> list[Piece]:
    """The policies that are written out; at least one, since a chain has one.

    Raises:
        SettingsError: there are too many.
    """
    pieces = tuple(pieces)
    if len(pieces) > MOST_POLICIES:
        say = f"there are {len(pieces):,} policies, and a chain takes {MOST_POLICIES}; join some"
        raise SettingsError([Problem("too_many_policies", pieces[MOST_POLICIES][0], say)])
    chain: list[Piece] = []
    read: list[Policy] = []
    names: set[str] = set()
    for at, piece in pieces:
        name = _own(piece.data["name"], names)
        policy = Policy.model_validate({**piece.data, "name": name})
        before = next((one for one in read if is_catch_all(one) or covers(one, policy)), None)
        if before is not None:
            if not piece.narrower:  # else what it no longer matches is still to be said
                _unreached(notes, at, before.name)
            continue
        names.add(name)
        read.append(policy)
        kept = name == piece.data["name"]
        data = piece.data if kept else {**piece.data, "name": name}
        chain.append(replace(piece, data=data))
    return chain or [NOTHING]


def _own(name: str, taken: set[str]) -> str:
    base = name if name.strip() else "policy"
    if base not in taken and base == name:
        return base
    number = next(n for n in range(2, len(taken) + 3) if f"{base} {n}" not in taken)
    return base if base not in taken else f"{base} {number}"


def _unreached(notes: Notes, at: Place, before: str) -> None:
    """Whatever was said of it is void: it decides about nothing."""
    name = next(
        note.name for told in (notes.carried, notes.changed) for note in told if note.at == at
    )
    for told in (notes.carried, notes.changed):
        told[:] = [note for note in told if (note.at, note.name) != (at, name)]
    what = f"needs no policy of its own: {written(before)} before it decides about its traces"
    notes.carried.append(Note(at, name, what))
