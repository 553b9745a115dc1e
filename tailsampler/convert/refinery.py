"""Refinery's ``rules.yaml``, version 2: samplers by environment, each a rate or a list of rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tailsampler.convert.notes import Note, Notes
from tailsampler.errors import Place, Problem, SettingsError
from tailsampler.settings.base import Loc, did_you_mean
from tailsampler.settings.document import Document
from tailsampler.settings.values import shown

DEFAULT: Final = "__default__"
VERSION: Final = 2
RULES: Final = "RulesBasedSampler"
RATES: Final = {
    "DeterministicSampler": "SampleRate",
    "DynamicSampler": "SampleRate",
    "EMADynamicSampler": "GoalSampleRate",
    "EMAThroughputSampler": "",
    "WindowedThroughputSampler": "",
    "TotalThroughputSampler": "",
}
"""Samplers, and the key of the rate that each aims at; empty for those that aim at a throughput."""

OPERATORS: Final = (
    "=", "!=", ">", "<", ">=", "<=", "starts-with", "contains", "does-not-contain", "exists",
    "not-exists", "has-root-span", "matches", "in", "not-in",
)  # fmt: skip
_LARGEST: Final = 1 << 56
"""A rate; shares are no smaller here."""
# YAML 1.1 has a type of its own for a lone equals sign, which nobody means.
_EQUALS: Final = re.compile(r"(?<=Operator:)(\s+)=(?=\s*(?:[,}#\n]|$))")
_RULE: Final = ("Name", "SampleRate", "Drop", "Scope", "Conditions", "Sampler")
_CONDITION: Final = ("Field", "Fields", "Operator", "Value", "Datatype")
_DATATYPES: Final = ("", "string", "int", "float", "bool")


@dataclass(frozen=True, slots=True)
class Sampler:
    """One that is not a list of rules. ``rate``: 1 in so many; None: it aims at a throughput."""

    kind: str
    rate: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition of a rule."""

    fields: tuple[str, ...]
    operator: str
    value: Any
    datatype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule; without conditions it matches every trace."""

    at: Place
    name: str
    of_one_span: bool
    """All conditions must hold of one span."""
    conditions: tuple[Condition, ...]
    sampler: Sampler
    """What decides; a rule with ``Drop``, or without any rate, has rate 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is read of a file."""

    environment: str
    at: Place
    sampler: Sampler | None
    """None: the rules decide."""
    rules: tuple[Rule, ...] = ()


def quoted(text: str) -> str:
    """The same text with ``Operator: =``, which Refinery takes, as YAML 1.2 has to write it."""
    return _EQUALS.sub(r"\1'='", text)


def is_refinery(data: object) -> bool:
    """Whether this looks like one."""
    return isinstance(data, Mapping) and bool({"RulesVersion", "Samplers"} & data.keys())


def from_refinery(document: Document, name: str | None, notes: Notes) -> Rules:
    """Read the sampler of the environment ``name``, or the one for all others.

    Raises:
        SettingsError: Refinery would not start with it, or there is no such environment.
    """
    reader = _Reader(document)
    data = reader.mapping(document.data, ())
    version = data.get("RulesVersion")
    if isinstance(version, bool) or not isinstance(version, int) or version != VERSION:
        say = "only RulesVersion: 2 is read; let Refinery's own converter make it"
        reader.wrong("unknown_rules_version", say, ("RulesVersion",))
    samplers = reader.mapping(data.get("Samplers"), ("Samplers",))
    reader.end()
    chosen = _chosen(samplers, name, document)
    for other in samplers:
        if other != chosen:
            what = (
                f"there is one chain for all traces, and it is that of {chosen}; "
                f"--processor {other} converts this one"
            )
            at = document.place(("Samplers", other), at_key=True)
            notes.left_out.append(Note(at, other, what, "changes data"))
    loc: Loc = ("Samplers", chosen)
    found = reader.only(samplers[chosen], loc, (*RATES, RULES))
    if found is None:
        reader.end()
        raise AssertionError(loc)
    kind, block = found
    at = document.place((*loc, kind), at_key=True)
    if kind != RULES:
        sampler = reader.sampler(kind, block, (*loc, kind))
        reader.end()
        return Rules(environment=chosen, at=at, sampler=sampler)
    rules = tuple(reader.rules(block, (*loc, kind), notes))
    reader.end()
    return Rules(environment=chosen, at=at, sampler=None, rules=rules)


def _chosen(samplers: Mapping[str, Any], name: str | None, document: Document) -> str:
    if name in samplers:
        return str(name)
    at = document.place(("Samplers",))
    if name is not None:
        meant = did_you_mean(name, samplers)
        hint = f"did you mean {meant}?" if meant else f"write one of {', '.join(samplers)}"
        say = f"there is no environment {name}; {hint}"
        raise SettingsError([Problem("unknown_sampler", at, say)])
    if DEFAULT in samplers:
        return DEFAULT
    if len(samplers) == 1:
        return next(iter(samplers))
    say = f"there are {len(samplers)} samplers and no {DEFAULT}; write --processor with a name"
    raise SettingsError([Problem("several_samplers", at, say)])


class _Reader:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._problems: list[Problem] = []

    def wrong(self, code: str, say: str, loc: Loc) -> None:
        self._problems.append(Problem(code, self._document.place(loc), say))

    def end(self) -> None:
        if self._problems:
            raise SettingsError(self._problems)

    def mapping(self, value: object, loc: Loc) -> Mapping[str, Any]:
        if isinstance(value, Mapping):
            return value
        say = f"{loc[-1] if loc else 'the file'} is a mapping; write it as key: value"
        self.wrong("not_a_mapping", say, loc)
        return {}

    def _listed(self, value: object, loc: Loc) -> list[Any]:
        if value is None:
            return []
        if isinstance(value, list):
            return value
        self.wrong("not_a_list", f"{loc[-1]} is a list; write - before each of its items", loc)
        return []

    def _known(self, data: Mapping[str, Any], known: tuple[str, ...], loc: Loc) -> None:
        for key in data:
            if key not in known:
                meant = did_you_mean(key, known)
                hint = f"did you mean {meant}?" if meant else f"write one of {', '.join(known)}"
                self.wrong("unknown_key", f"there is no {key} here; {hint}", (*loc, key))

    def only(self, value: object, loc: Loc, known: tuple[str, ...]) -> tuple[str, Any] | None:
        """The one sampler in a mapping that names it."""
        data = self.mapping(value, loc)
        self._known(data, known, loc)
        kinds = [kind for kind in known if kind in data]
        if len(kinds) != 1:
            say = f"one sampler stands here, and these are {len(kinds)}; write one of "
            self.wrong("not_one_sampler", say + ", ".join(known), loc)
            return None
        return kinds[0], data[kinds[0]]

    def sampler(self, kind: str, value: object, loc: Loc) -> Sampler:
        data, key = self.mapping(value, loc), RATES[kind]
        if not key:
            return Sampler(kind, None)
        least = 1
        return Sampler(kind, self._rate(data, key, loc, least))

    def _rate(self, data: Mapping[str, Any], key: str, loc: Loc, least: int) -> int:
        rate = data.get(key, least)
        if isinstance(rate, int) and not isinstance(rate, bool) and least <= rate <= _LARGEST:
            return rate
        say = f"{shown(rate)} is no rate; write a whole number, 10 to keep 1 in 10"
        self.wrong("bad_rate", say, (*loc, key))
        return least

    def rules(self, value: object, loc: Loc, notes: Notes) -> Iterator[Rule]:
        data = self.mapping(value, loc)
        self._known(data, ("Rules", "CheckNestedFields"), loc)
        if data.get("CheckNestedFields"):
            at = self._document.place((*loc, "CheckNestedFields"))
            what = "fields inside of other fields are not looked at"
            notes.changed.append(Note(at, "CheckNestedFields", what, "keeps more or less"))
        for number, one in enumerate(self._listed(data.get("Rules"), (*loc, "Rules"))):
            yield self._rule(one, (*loc, "Rules", number), number + 1)

    def _rule(self, value: object, loc: Loc, number: int) -> Rule:
        data = self.mapping(value, loc)
        self._known(data, _RULE, loc)
        scope = self._word(data, "Scope", ("trace", "span"), loc) or "trace"
        conditions = self._listed(data.get("Conditions"), (*loc, "Conditions"))
        return Rule(
            at=self._document.place(loc),
            name=str(data.get("Name") or f"rule {number}"),
            of_one_span=scope == "span",
            conditions=tuple(
                self._condition(one, (*loc, "Conditions", at)) for at, one in enumerate(conditions)
            ),
            sampler=self._decides(data, loc),
        )

    def _decides(self, data: Mapping[str, Any], loc: Loc) -> Sampler:
        if data.get("Sampler") is not None:
            found = self.only(data["Sampler"], (*loc, "Sampler"), tuple(RATES))
            if found is None:
                return Sampler("", 0)
            return self.sampler(*found, (*loc, "Sampler", found[0]))
        drop = data.get("Drop", False)
        if not isinstance(drop, bool):
            self.wrong("not_a_switch", f"{shown(drop)} is not true or false", (*loc, "Drop"))
        return Sampler("", 0 if drop is True else self._rate(data, "SampleRate", loc, 0))

    def _word(self, data: Mapping[str, Any], key: str, words: tuple[str, ...], loc: Loc) -> str:
        value = data.get(key) or ""
        if value and value not in words:
            known = ", ".join(filter(None, words))
            self.wrong(
                "unknown_word", f"{shown(value)} is not known; write one of {known}", (*loc, key)
            )
        return str(value)

    def _condition(self, value: object, loc: Loc) -> Condition:
        data = self.mapping(value, loc)
        self._known(data, _CONDITION, loc)
        one, several = data.get("Field"), self._listed(data.get("Fields"), (*loc, "Fields"))
        fields = tuple(str(each) for each in (several or ([one] if one else [])))
        operator = self._word(data, "Operator", OPERATORS, loc)
        if not operator:
            self.wrong("no_operator", "the condition has no operator; write Operator: =", loc)
        elif one and several:
            self.wrong("two_fields", "Field and Fields are one too many; keep one of them", loc)
        elif not fields and operator != "has-root-span":
            self.wrong("no_field", "the condition has no field; write Field: http.route", loc)
        return Condition(
            fields=fields,
            operator=operator,
            value=data.get("Value"),
            datatype=self._word(data, "Datatype", _DATATYPES, loc),
        )
