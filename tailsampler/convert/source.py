"""Policies that vote, as they were read: from a Collector's configuration, or from Alloy's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from tailsampler.convert.notes import LESS, MORE, Note, Notes
from tailsampler.convert.references import Environment, halves, written
from tailsampler.decide.dialects.contrib.block import TailSampling
from tailsampler.decide.dialects.contrib.policy import Policy
from tailsampler.errors import Place, Problem, SettingsError
from tailsampler.settings.base import Loc
from tailsampler.settings.expand import Expanded

# What contrib runs and this program does not; anything else that is wrong is wrong there, too.
_NOT_HERE: Final = frozenset({"ottl_unsupported", "extension_policy"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Voter:
    """One policy, and where it stands."""

    policy: Policy
    at: Place
    raw: Mapping[str, Any]
    """As it was written, with what references stand for."""

    @property
    def name(self) -> str:
        """Its name as it was written: what a reference stands for is shown to nobody."""
        return str(written(self.policy.name))

    @property
    def drops(self) -> bool:
        """Whether it drops what it says yes to."""
        return self.policy.type == "drop"


@dataclass(slots=True, kw_only=True)
class Source:
    """A sampler whose policies vote, and what stands around it."""

    kind: str
    sampler: str
    block: TailSampling
    """Its options; its policies are in ``voters``."""
    voters: tuple[Voter, ...]
    raw: Mapping[str, Any]
    """The options as they were written, with what references stand for."""
    place: Callable[[Loc], Place]
    """Of what stands in the block."""
    environment: Environment
    compat: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    """``receive``, ``export`` and whatever else is ours already."""
    notes: Notes = field(default_factory=Notes)


def voters(
    raw: Mapping[str, Any],
    place: Callable[[Loc], Place],
    environment: Environment,
    notes: Notes,
) -> tuple[TailSampling, tuple[Voter, ...]]:
    """The block ``raw``, read as contrib reads it, without policies that only a Collector can run.

    Raises:
        SettingsError: contrib would not start with it; all problems, in its order.
    """
    say = "half of a character stands here; write the whole one, or leave it out"
    if problems := [Problem("half_a_character", place(at), say) for at in halves(raw)]:
        raise SettingsError(problems)
    policies = raw.get("policies")
    listed = list(policies) if isinstance(policies, list | tuple) else None
    left: dict[int, str] = {}
    while True:
        kept = [at for at in range(len(listed or ())) if at not in left]
        data = dict(raw) if listed is None else {**raw, "policies": [listed[at] for at in kept]}
        try:
            block = TailSampling.model_validate(data)
        except ValidationError as failed:
            more, problems = _sorted_out(failed, kept, raw, place, environment)
            if problems or not more:
                raise SettingsError(problems) from None
            left |= more
            continue
        break
    for at in sorted(left):
        one = listed[at] if listed else None
        policy = one if isinstance(one, dict) else {}
        name = str(written(policy.get("name")) or f"policy {at + 1}")
        effect = MORE if policy.get("type") == "drop" else LESS
        notes.left_out.append(Note(place(("policies", at)), name, left[at], effect))
    return block, tuple(
        Voter(policy=policy, at=place(("policies", at)), raw=(listed or [])[at])
        for policy, at in zip(block.policies, kept, strict=True)
    )


def _sorted_out(
    failed: ValidationError,
    kept: list[int],
    raw: Mapping[str, Any],
    place: Callable[[Loc], Place],
    environment: Environment,
) -> tuple[dict[int, str], list[Problem]]:
    """Policies to leave out, by their place in the file, and what is wrong beyond them."""
    left: dict[int, str] = {}
    problems = []
    for error in failed.errors(include_url=False, include_input=False):
        loc = tuple(error["loc"])
        if loc[:1] == ("policies",) and len(loc) > 1 and isinstance(loc[1], int):
            at = kept[loc[1]]
            loc = ("policies", at, *loc[2:])
            if error["type"] in _NOT_HERE:
                left.setdefault(at, error["msg"])
                continue
        missing = environment.without_value(_value(raw, loc))
        if missing is None:
            problems.append(Problem(error["type"], place(loc), error["msg"]))
        else:
            say = f"{missing} has no value here, and one is needed; set it while you convert"
            problems.append(Problem("variable_not_set", place(loc), say))
    return left, problems


def _value(data: object, loc: Loc) -> object:
    for part in loc:
        if isinstance(data, Mapping) and part in data:
            data = data[str(part)]
        elif isinstance(data, list | tuple) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data


def references(data: object) -> Iterator[str]:
    """Every reference in plain data, as it was written."""
    if isinstance(data, Expanded):
        yield data.source
    elif isinstance(data, Mapping):
        for value in data.values():
            yield from references(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from references(value)
