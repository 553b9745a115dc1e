"""Rules of Refinery as a native chain: in both the first match decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tailsampler.convert.match import EVERYTHING, Match, both
from tailsampler.convert.notes import EITHER, LESS, MORE, NONE, OTHERS, Note, Notes, Piece
from tailsampler.convert.refinery import Rule, Rules, Sampler
from tailsampler.convert.refinery_conditions import held
from tailsampler.convert.settle import settled
from tailsampler.errors import Place

_WAITS = {"decision_wait": "60s", "decision_wait_after_root_received": "2s"}
_ONE_SPAN = "traces in which its conditions hold of different spans"


def native(rules: Rules, notes: Notes) -> tuple[dict[str, Any], list[Piece]]:
    """The options of ``sampling:``, and its policies."""
    what = (
        "60s, and 2s after the root: Refinery's defaults of TraceTimeout and SendDelay, since its "
        "own stand in its config.yaml; write what stands there"
    )
    notes.changed.append(Note(rules.at, "decision_wait", what, EITHER))
    pieces: list[tuple[Place, Piece]] = []
    if rules.sampler is not None:
        pieces.append(
            (rules.at, _decided(rules.environment, rules.at, {}, rules.sampler, notes, _Told()))
        )
        return dict(_WAITS), settled(pieces, notes)
    for at, rule in enumerate(rules.rules):
        piece = _piece(rule, rules.rules[at + 1 :], notes)
        pieces += [] if piece is None else [(rule.at, piece)]
        if not rule.conditions:
            for later in rules.rules[at + 1 :]:
                words = f"needs no policy of its own: {rule.name} before it has no condition"
                notes.carried.append(Note(later.at, later.name, words))
            return dict(_WAITS), settled(pieces, notes)
    remark = "no rule matched: Refinery keeps such traces"
    pieces.append((rules.at, Piece({"name": "default", "sample_rate": 1.0}, (remark,))))
    return dict(_WAITS), settled(pieces, notes)


@dataclass(frozen=True, slots=True)
class _Told:
    """How a rule differs, so far."""

    words: Sequence[str] = ()
    effect: str = NONE
    narrower: bool = False


@dataclass(frozen=True, slots=True)
class _Shares:
    """What decides if a rule does not match."""

    least: float
    most: float

    def if_wider(self, share: float) -> str:
        """The effect of a rule that matches more traces than it should."""
        if self.least == self.most == share:
            return NONE
        return MORE if share >= self.most else LESS if share <= self.least else EITHER

    def if_narrower(self, share: float) -> str:
        """The effect of one that matches fewer, or is not there."""
        return {MORE: LESS, LESS: MORE}.get(self.if_wider(share), self.if_wider(share))


def _shares(later: Sequence[Rule]) -> _Shares:
    shares = []
    for rule in later:
        shares.append(_share(rule.sampler))
        if not rule.conditions:
            break
    else:
        shares.append(1.0)
    return _Shares(min(shares), max(shares))


def _share(sampler: Sampler) -> float:
    """Of a throughput nobody knows what share it is; everything errs on the side of keeping."""
    if sampler.rate is None:
        return 1.0
    return 1 / sampler.rate if sampler.rate else 0.0


def _piece(rule: Rule, later: Sequence[Rule], notes: Notes) -> Piece | None:
    share, shares = _share(rule.sampler), _shares(later)
    match, loose, missing = _asked(rule)
    why = "; ".join(missing)
    if missing and match.everything:
        _leave(rule, why, shares.if_narrower(share), notes)
        return None
    for what in missing:
        match = match.but(f"traces for which one of its conditions does not hold: it {what}")
    effect = shares.if_wider(share) if match.wider else NONE
    # Wider is worth it only if no trace is lost by it; a drop is never made wider.
    if (loose or missing or not share) and match.wider and effect not in {MORE, NONE}:
        more = "; ".join(match.wider)
        _leave(rule, f"would decide also about {more}", shares.if_narrower(share), notes)
        return None
    words = [f"decides also about {each}" for each in match.wider]
    words += [f"does not decide about {each}" for each in match.narrower]
    if match.narrower:
        other = shares.if_narrower(share)
        effect = other if effect in {NONE, other} else effect if other == NONE else EITHER
    told = _Told(words, effect, bool(match.narrower))
    return _decided(rule.name, rule.at, match.criteria(), rule.sampler, notes, told)


def _asked(rule: Rule) -> tuple[Match, bool, list[str]]:
    match, loose = EVERYTHING, False
    missing: list[str] = []
    for condition in rule.conditions:
        found = held(condition, of_one_span=rule.of_one_span)
        if isinstance(found, str):
            missing.append(found)
            continue
        match, loose = both(match, found.match), loose or found.loose
    if rule.of_one_span and len(rule.conditions) > 1:
        match, loose = match.but(_ONE_SPAN), True
    return match, loose, missing


def _leave(rule: Rule, why: str, effect: str, notes: Notes) -> None:
    what = f"{why}; its traces go to the rules after it"
    notes.left_out.append(Note(rule.at, rule.name, what, effect))


def _decided(
    name: str, at: Place, criteria: dict[str, Any], sampler: Sampler, notes: Notes, told: _Told
) -> Piece:
    share, words, effect = _share(sampler), list(told.words), told.effect
    if sampler.rate is None:
        words.append(
            f"all of them are kept: {sampler.kind} aims at a throughput, and a rate here is fixed; "
            "write the share that you need"
        )
        effect = MORE if effect in {NONE, MORE} else EITHER
    elif sampler.rate > 1:
        each = "a share for each key" if "Dynamic" in sampler.kind else "dice or a hash of its own"
        words.append(f"the same share, of other traces: Refinery draws by {each}")
        effect = OTHERS if effect == NONE else effect
    note = Note(at, name, "; ".join(words) or "the same", effect)
    (notes.changed if words else notes.carried).append(note)
    data = {"name": name, **criteria, "sample_rate": share}
    return Piece(data, (f"{name} (line {at.line})", *words), told.narrower)
