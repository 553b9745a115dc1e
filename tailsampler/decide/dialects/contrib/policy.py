"""One policy: a name, and the block that its type reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import InitErrorDetails

from tailsampler.decide.dialects.contrib.blocks import SIMPLE, Block
from tailsampler.decide.dialects.contrib.values import parse_text
from tailsampler.settings.base import BadValueError, Loc, did_you_mean, found
from tailsampler.settings.values import shown

if TYPE_CHECKING:
    from tailsampler.decide.dialects.contrib.nested import Settings

NESTED: Final = ("and", "not", "drop", "composite")
"""The types that hold other policies."""

_FORM: Final = "write - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}"
# Words that people try, and what is close by spelling is not what they mean.
_MEANT: Final = {
    "error": "write status_code",
    "errors": "write status_code",
    "ottl": "write ottl_condition",
    "always": "write always_sample",
    "duration": "write latency",
    "or": "policies that stand side by side are alternatives already",
}

Types = Mapping[str, type[Block]]
"""The types that may stand somewhere, and their blocks."""


class Policy(BaseModel):
    """One policy, wherever it stands. Sub-policies may have no name: then it is empty."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str
    type: str
    settings: Settings
    """The block, or contrib's defaults where there is none."""
    unread: tuple[str, ...] = ()
    """Keys beside ``type`` that nothing reads: contrib takes them silently."""

    @property
    def stateful(self) -> bool:
        """As ``Block.stateful``."""
        return self.settings.stateful


def read_policy(value: object, allowed: Types, where: str = "") -> Policy:
    """A policy of one of the types in ``allowed``; ``where``: the type around it.

    Raises:
        pydantic.ValidationError: with every problem in it, located below the policy.
        BadValueError: it is no mapping.
    """
    if isinstance(value, Policy):
        return value
    if value is not None and not isinstance(value, dict):
        raise BadValueError("not_a_policy", f"{shown(value)} is not a policy; {_FORM}")
    return _Reader(value or {}, allowed, where).read()


class _Reader:
    def __init__(self, raw: dict[str, Any], allowed: Types, where: str) -> None:
        self._raw = raw
        self._allowed = allowed
        self._where = where
        self._problems: list[InitErrorDetails] = []

    def read(self) -> Policy:
        name, kind = self._word("name"), self._word("type")
        if name == "" and not self._where:
            say = "the policy has no name, and verdicts and metrics need one; write name: errors"
            self._problems.append(found("no_policy_name", say, ("name",)))
        if kind is not None and kind not in self._allowed:
            self._problems.append(self._wrong_type(kind))
        settings = self._settings(kind or "")
        if self._problems or settings is None:
            raise ValidationError.from_exception_data("policy", self._problems)
        return Policy.model_construct(
            name=name or "",
            type=kind or "",
            # The models of every type make up the union.
            settings=cast("Settings", settings),
            unread=tuple(key for key in self._raw if key not in {"name", "type", kind}),
        )

    def _word(self, key: str) -> str | None:
        try:
            return parse_text(self._raw.get(key))
        except BadValueError as wrong:
            self._problems.append(found(wrong.type, wrong.message(), (key,)))
            return None

    def _settings(self, kind: str) -> Block | None:
        """The block of ``kind``, checked as contrib does when it builds the policy."""
        blocks: dict[str, Block | None] = {}
        for key in [key for key in self._raw if key not in {"name", "type"}]:
            try:
                blocks[key] = self._block(key, kind)
            except ValidationError as failed:
                self._problems += _below((key,), failed)
            except BadValueError as wrong:
                self._problems.append(found(wrong.type, wrong.message(), (key,)))
        model = self._allowed.get(kind)
        if model is None or (kind in self._raw and kind not in blocks):
            return None  # and that is reported
        settings = blocks.get(kind) or model.model_validate({})
        for error in settings.start_errors():
            at = (kind,) if kind in self._raw else ()
            self._problems.append({**error, "loc": (*at, *error.get("loc", ()))})
        return settings

    def _block(self, key: str, kind: str) -> Block | None:
        """One block; contrib decodes those that the type does not read, too, and forgets them."""
        model, value = self._allowed.get(key), self._raw[key]
        if value is None:
            return None
        if model is None or not model.model_fields:
            # Taken for the block of an extension, whatever is in it.
            if not isinstance(value, dict):
                raise self._unknown_key(key, value, kind)
            return None
        if key != kind and key in NESTED:
            if not isinstance(value, dict):
                raise BadValueError("not_a_section", f"{key} is a mapping; leave it out")
            return None
        return model.model_validate(value)

    def _unknown_key(self, key: str, value: object, kind: str) -> BadValueError:
        for owner in (kind, *self._allowed):
            if owner in self._allowed and key in self._allowed[owner].model_fields:
                say = f"{key} stands one level too high; write {owner}: {{{key}: {shown(value)}}}"
                return BadValueError("unknown_key", say)
        meant = did_you_mean(key, ["name", "type", *self._allowed])
        hint = f"did you mean {meant}?" if meant else "write name, type and the block of the type"
        return BadValueError("unknown_key", f"a policy has no key {key}; {hint}")

    def _wrong_type(self, kind: str) -> InitErrorDetails:
        if not kind:
            likely = next((key for key in self._raw if key in self._allowed), "always_sample")
            say = f"the policy has no type; write type: {likely}"
            return found("no_policy_type", say, ("type",))
        if kind in NESTED:
            more = [other for other in self._allowed if other not in SIMPLE]
            say = f"{kind} cannot stand inside of {self._where}; write "
            say += " or ".join(["a type that holds no other policies", *more])
            return found("policy_not_allowed_here", say, ("type",))
        if "/" in kind or isinstance(self._raw.get(kind), dict):
            say = (
                f"{shown(kind)} is a policy of an extension, whose code runs inside of a Collector "
                "only; write ottl_condition, or another type that is built in"
            )
            return found("extension_policy", say, ("type",))
        meant = did_you_mean(kind, self._allowed)
        hint = _MEANT.get(kind.lower()) or (f"did you mean {meant}?" if meant else None)
        hint = hint or f"write one of {', '.join(self._allowed)}"
        say = f"there is no policy type {shown(kind)}; {hint}"
        return found("unknown_policy_type", say, ("type",))


def _below(loc: Loc, failed: ValidationError) -> Iterator[InitErrorDetails]:
    for error in failed.errors(include_url=False):
        yield found(error["type"], error["msg"], (*loc, *error["loc"]))
