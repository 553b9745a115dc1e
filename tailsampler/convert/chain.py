"""Policies that vote, as a chain in which the first match decides.

A trace is kept by contrib if any policy says yes. Policies of one share after another, the largest
first, give each trace the largest share of those that match it, which is what contrib gives, since
its shares of one ``hash_salt`` are nested. Policies that drop stand before all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any, Final

from tailsampler.convert.conditions import Cannot, Never, asked
from tailsampler.convert.match import EVERYTHING, Match, both
from tailsampler.convert.notes import EITHER, LESS, MORE, NONE, OTHERS, Note, Piece, sided
from tailsampler.convert.source import Source, Voter
from tailsampler.decide.dialects.contrib import blocks
from tailsampler.decide.dialects.contrib.compat import NEWEST, behaviour
from tailsampler.decide.dialects.contrib.nested import And, Drop
from tailsampler.decide.dialects.contrib.policy import Policy
from tailsampler.decide.dialects.contrib.shares import DEFAULT_SALT
from tailsampler.decide.threshold import SMALLEST_RATE

_PER_CENT: Final = 100.0


@dataclass(frozen=True, slots=True)
class Term:
    """One policy: traces that match, and the share of them that it keeps, or drops."""

    voter: Voter
    match: Match
    shares: dict[str, float] = field(default_factory=dict)
    """By salt: all of them must be drawn. Without any, all traces that match."""

    @property
    def name(self) -> str:
        """Of its policy."""
        return self.voter.name

    @property
    def share(self) -> float:
        """What it keeps on its own."""
        return prod(self.shares.values(), start=1.0)

    @property
    def salts(self) -> frozenset[str]:
        """What it draws with."""
        return frozenset(self.shares)


class Chain:
    """A chain in the making; what becomes of each policy goes into the notes of the source."""

    def __init__(self, source: Source) -> None:
        """``source``: read, and nothing else."""
        self._notes = source.notes
        self._version = behaviour(NEWEST if source.compat is None else source.compat)
        self._voters = source.voters

    def pieces(self) -> list[tuple[Voter, Piece]]:
        """Its policies, in order, before those that are never reached are taken out."""
        drops = [term for one in self._voters if one.drops for term in self._drop(one)]
        keeps = [term for one in self._voters if not one.drops for term in self._keep(one)]
        always = [term for term in keeps if term.match.everything]
        base = _union(always)
        wide = {id(term): self._share(term, always) for term in keeps}
        keeps.sort(key=lambda term: (-wide[id(term)], term.match.everything))
        chain = [(term.voter, self._dropped(term)) for term in drops]
        rest = [term for term in keeps if not term.match.everything]
        for term in rest:
            if base and wide[id(term)] <= base:
                self._needless(term, f"{always[0].name} keeps as much of every trace")
                continue
            chain.append((term.voter, self._kept(term, wide[id(term)], [*rest, *always])))
        if always:
            first = max(always, key=lambda term: term.share)
            for term in always:
                if term is not first:
                    self._needless(term, f"{first.name} stands for every policy without condition")
            chain.append((first.voter, self._kept(first, base, ())))
        return chain

    def _share(self, term: Term, always: list[Term]) -> float:
        return _union([term, *(one for one in always if one is not term)])

    def _needless(self, term: Term, why: str) -> None:
        what = f"needs no policy of its own: {why}"
        self._notes.carried.append(Note(term.voter.at, term.name, what))

    def _keep(self, voter: Voter) -> Iterator[Term]:
        term = self._term(voter)
        if isinstance(term, Never):
            what = f"keeps nothing there and needs no policy here: {term.why}"
            self._notes.carried.append(Note(voter.at, voter.name, what))
        elif isinstance(term, Cannot):
            what = f"{term.what}, and no native policy can"
            self._notes.left_out.append(Note(voter.at, voter.name, what, LESS))
        else:
            yield term

    def _drop(self, voter: Voter) -> Iterator[Term]:
        """Only if nothing is dropped that was not: what is widened would lose traces."""
        term = self._term(voter)
        if isinstance(term, Never):
            what = f"drops nothing there and needs no policy here: {term.why}"
            self._notes.carried.append(Note(voter.at, voter.name, what))
            return
        why = term.what if isinstance(term, Cannot) else ""
        if isinstance(term, Term) and term.match.wider:
            why = f"would drop also {'; '.join(term.match.wider)}"
        elif isinstance(term, Term) and term.shares:
            why = "drops a share, and lets other policies decide about the rest"
        if why or isinstance(term, Cannot):
            what = f"{why}; what it drops is judged by the other policies"
            self._notes.left_out.append(Note(voter.at, voter.name, what, MORE))
            return
        yield term

    def _term(self, voter: Voter) -> Term | Never | Cannot:
        match, shares = EVERYTHING, dict[str, float]()
        missing: list[str] = []
        for sub in _subs(voter.policy):
            if isinstance(sub.settings, blocks.Probabilistic):
                share = sub.settings.sampling_percentage / _PER_CENT
                if share < SMALLEST_RATE:
                    return Never("its share is 0")
                if share < 1:
                    salt = sub.settings.hash_salt or DEFAULT_SALT
                    shares[salt] = min(share, shares.get(salt, share))
                continue
            found = asked(sub, self._version)
            if isinstance(found, Never):
                return found
            if isinstance(found, Cannot):
                missing.append(found.what)
            else:
                match = both(match, found)
        if missing and match.everything:
            return Cannot("; ".join(missing))
        for what in missing:
            match = match.but(f"traces for which one of its conditions does not hold: it {what}")
        return Term(voter, match, shares)

    def _dropped(self, term: Term) -> Piece:
        effect = MORE if term.match.narrower else NONE
        words = tuple(f"not dropped are {each}" for each in term.match.narrower)
        return self._piece(term, 0.0, words, effect)

    def _kept(self, term: Term, share: float, others: Iterable[Term]) -> Piece:
        match = term.match
        words = [f"kept are also {each}" for each in match.wider]
        words += [f"not kept are {each}" for each in match.narrower]
        effect = sided(wider=bool(match.wider), narrower=bool(match.narrower))
        if share < 1:
            words.append("the same share, of other traces: contrib draws by a hash of its own")
            effect = OTHERS if effect == NONE else effect
            for one in others:
                if not _draws_apart(term, one):
                    continue
                words.append(
                    f"its hash_salt is not that of {one.name}, and contrib's share of traces that "
                    "match both is another"
                )
                apart = not term.salts & one.salts
                effect = LESS if effect in {OTHERS, LESS} and apart else EITHER
        return self._piece(term, share, tuple(words), effect)

    def _piece(self, term: Term, share: float, words: tuple[str, ...], effect: str) -> Piece:
        data: dict[str, Any] = {
            "name": term.voter.policy.name,
            **term.match.criteria(),
            "sample_rate": share,
        }
        what = "; ".join(words) or "the same"
        note = Note(term.voter.at, term.name, what, effect)
        (self._notes.changed if words else self._notes.carried).append(note)
        return Piece(data, (was(term.voter), *words), bool(term.match.narrower))


def was(voter: Voter) -> str:
    """What a policy is called in comments: its name, its type and where it stood."""
    return f"{voter.name} ({voter.policy.type}, line {voter.at.line})"


def _subs(policy: Policy) -> tuple[Policy, ...]:
    block = policy.settings
    return block.policies if isinstance(block, And | Drop) else (policy,)


def _draws_apart(one: Term, other: Term) -> bool:
    """Whether what contrib keeps of traces that match both is not worked out here."""
    if not one.salts or not other.salts or one.salts == other.salts:
        return False
    return not other.match.everything or bool(one.salts & other.salts)


def _union(terms: Iterable[Term]) -> float:
    """What is kept of a trace that matches all of these; what has the same salts is nested."""
    largest: dict[frozenset[str], float] = {}
    for term in terms:
        largest[term.salts] = max(term.share, largest.get(term.salts, 0.0))
    if len(largest) == 1:
        return next(iter(largest.values()))  # and not what 1 - (1 - share) makes of it
    return float(f"{1.0 - prod(1.0 - share for share in largest.values()):.15g}")
