"""The block of Alloy's tail sampler, as the block of the processor that it wraps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tailsampler.convert.alloy.syntax import Attribute, Block
from tailsampler.convert.alloy.values import UnknownError, Values
from tailsampler.convert.notes import EITHER, LESS, MORE, NONE, Note, Notes
from tailsampler.errors import Place, Problem, SettingsError
from tailsampler.settings.base import Loc
from tailsampler.settings.expand import Expanded

_BESIDE: Final = ("output", "debug_metrics")
_REPEATED: Final = {
    "policy": "policies",
    "and_sub_policy": "and_sub_policy",
    "drop_sub_policy": "drop_sub_policy",
    "composite_sub_policy": "composite_sub_policy",
    "rate_allocation": "rate_allocation",
}
_LISTS: Final = frozenset({"values", "status_codes", "span", "spanevent", "policy_order"})
_TEXTS: Final = frozenset({"name", "type", "key", "hash_salt", "policy", "error_mode"})
_WAITS: Final = frozenset({"decision_wait", "decision_wait_after_root_received"})
_SWITCHES: Final = frozenset(
    {
        "invert_match", "enabled_regex_matching", "block_on_overflow", "sample_on_first_match",
        "drop_pending_traces_on_shutdown",
    }
)  # fmt: skip


class SamplerBlock:
    """One ``otelcol.processor.tail_sampling``, with the place of everything in it."""

    def __init__(self, block: Block, values: Values, notes: Notes) -> None:
        """``notes``: of what cannot be known, and of what Alloy does not pass on."""
        self._values = values
        self._notes = notes
        self._problems: list[Problem] = []
        self._places: dict[Loc, Place] = {(): block.at}
        self.raw: dict[str, Any] = {}
        """As contrib spells it."""
        self._options(block)
        self._policies(block)
        if self._problems:
            raise SettingsError(self._problems)

    def place(self, loc: Loc) -> Place:
        """Where it stands, or the nearest thing around it."""
        near = loc
        while near not in self._places:
            near = near[:-1]
        at = self._places[near]
        return Place(at.file, at.line, at.column, _path(loc))

    def _options(self, block: Block) -> None:
        for one in block.attributes:
            self._places[(one.name,)] = one.at
            try:
                self.raw[one.name] = self._typed(one)
            except UnknownError as unknown:
                self._default(one.name, unknown)
        for inner in block.blocks:
            if inner.name in {*_BESIDE, "policy"}:
                continue
            self._places[(inner.name,)] = inner.at
            try:
                self.raw[inner.name] = self._mapping(inner, (inner.name,))
            except UnknownError as unknown:
                self._default(inner.name, unknown)
        wait = self.raw.get("decision_wait")
        if isinstance(wait, str) and wait.startswith(("-", "0s")):
            say = "Alloy refuses a wait of 0 or less; write e.g. 30s"
            self._wrong("out_of_range", say, ("decision_wait",))

    def _default(self, option: str, unknown: UnknownError) -> None:
        what = f"{unknown.what} is known only to Alloy, so the default stands; write it"
        self._notes.changed.append(Note(unknown.at, option, what, EITHER))

    def _policies(self, block: Block) -> None:
        policies: list[dict[str, Any]] = []
        for inner in block.named("policy"):
            loc = ("policies", len(policies))
            self._places[loc] = inner.at
            try:
                policy = self._mapping(inner, loc)
            except UnknownError as unknown:
                self._left(inner, unknown)
                continue
            self._forget_inverted(policy, inner)
            policies.append(policy)
        self.raw["policies"] = policies

    def _left(self, policy: Block, unknown: UnknownError) -> None:
        name = policy.value("name")
        kind = policy.value("type")
        drops = kind is not None and self._values.source(kind.value) == '"drop"'
        called = self._values.source(name.value).strip('"') if name else "policy"
        at = unknown.at
        where = f"line {at.line}, column {at.column}"
        what = f"{unknown.what} ({where}) is known only to Alloy; write what it stands for"
        self._notes.left_out.append(Note(policy.at, called, what, MORE if drops else LESS))

    def _forget_inverted(self, policy: dict[str, Any], block: Block) -> None:
        """Alloy reads ``invert_match`` of a switch, and does not pass it on."""
        for found in _named("boolean_attribute", policy):
            if found.pop("invert_match", False):
                what = (
                    "Alloy takes invert_match of boolean_attribute and does not pass it on, so it "
                    "is not written; add it, or a policy of type not, if you mean it"
                )
                name = str(policy.get("name", "policy"))
                self._notes.changed.append(Note(block.at, name, what, NONE))

    def _mapping(self, block: Block, loc: Loc) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for one in block.attributes:
            self._places[(*loc, one.name)] = one.at
            data[one.name] = self._typed(one)
        for inner in block.blocks:
            key = _REPEATED.get(inner.name)
            if key is not None and inner.name != "policy":
                listed = data.setdefault(key, [])
                here: Loc = (*loc, key, len(listed))
                self._places[here] = inner.at
                listed.append(self._mapping(inner, here))
            elif inner.name in data:
                say = f"{inner.name} stands here a second time; keep one of them"
                self._problems.append(Problem("duplicate_key", inner.at, say))
            else:
                here = (*loc, inner.name)
                self._places[here] = inner.at
                data[inner.name] = self._mapping(inner, here)
        return data

    def _typed(self, one: Attribute) -> Any:
        """A number for a text, and a text for a number, as Alloy converts them."""
        value = self._values.of(one.value)
        if one.name in _LISTS:
            if value is not None and not isinstance(value, list):
                say = f"{one.name} is a list; write {one.name} = [...]"
                self._problems.append(Problem("not_a_list", one.at, say))
                return []
            return [_text(item) for item in value or []]
        if one.name in _WAITS and isinstance(value, int | float):
            say = f'{one.name} is a duration; write {one.name} = "30s"'
            self._problems.append(Problem("not_a_duration", one.at, say))
            return None
        if one.name in _TEXTS:
            return _text(value)
        whole = one.name not in {*_WAITS, *_SWITCHES, "value"}
        return _number(value) if whole and isinstance(value, str) else value

    def _wrong(self, code: str, say: str, loc: Loc) -> None:
        self._problems.append(Problem(code, self.place(loc), say))


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _number(value: str) -> Any:
    if isinstance(value, Expanded):
        return value  # read as a number where it is used
    try:
        return float(value) if set(value) & set(".eE") else int(value)
    except ValueError:
        return value


def _named(key: str, data: Any) -> Iterator[dict[str, Any]]:
    if isinstance(data, dict):
        for name, inner in data.items():
            if name == key and isinstance(inner, dict):
                yield inner
            yield from _named(key, inner)
    elif isinstance(data, list):
        for inner in data:
            yield from _named(key, inner)


def _path(loc: Loc) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
