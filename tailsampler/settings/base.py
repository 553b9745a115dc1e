"""What every section of the configuration has in common."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Loc = tuple[str | int, ...]

# Problems that lie in a key, not in its value: they are shown where the key stands.
KEY_CODES = frozenset({"unknown_key", "key_not_supported", "missing_key"})


class BadValueError(PydanticCustomError):
    """Raised by validators; the loader adds the place."""

    def __new__(cls, code: str, say: str) -> Self:
        """``code``: a slug. ``say``: what is wrong and what to write instead."""
        return super().__new__(cls, code, say)


def found(code: str, say: str, loc: Loc = ()) -> InitErrorDetails:
    """A problem at ``loc`` below the section that reports it."""
    return InitErrorDetails(type=PydanticCustomError(code, say), loc=loc, input=None)


def did_you_mean(word: str, words: Iterable[str]) -> str | None:
    """The word that was probably meant, or None."""
    close = difflib.get_close_matches(word.lower(), list(words), n=1, cutoff=0.6)
    return close[0] if close else None


class Section(BaseModel):
    """A mapping in the file: frozen, every key known, and all problems reported at once."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    HINTS: ClassVar[Mapping[str, str]] = {}
    """What to write instead of keys that other programs have, and this section has not."""

    @model_validator(mode="wrap")
    @classmethod
    def _report_everything(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Unknown keys, wrong values and contradictions, together instead of the first of them."""
        if isinstance(data, cls):
            return data
        data = {} if data is None else data
        if not isinstance(data, dict):
            raise BadValueError("not_a_section", f"this is a section; {cls._form()}")
        problems = list(cls._unknown(data))
        problems += cls.problems_among(data)
        try:
            section = handler({key: data[key] for key in data if key in cls.model_fields})
        except ValidationError as failed:
            problems += (cls._reword(error) for error in failed.errors(include_url=False))
        else:
            problems += section.contradictions()
            if not problems:
                return section
        raise ValidationError.from_exception_data(cls.__name__, problems)

    @classmethod
    def problems_among(cls, data: dict[str, Any]) -> Iterator[InitErrorDetails]:
        """Problems that can be seen in the raw section even while some of its values are wrong."""
        del data
        yield from ()

    def contradictions(self) -> Iterator[InitErrorDetails]:
        """Values that are right each, and wrong together."""
        yield from ()

    @classmethod
    def _unknown(cls, data: dict[str, Any]) -> Iterator[InitErrorDetails]:
        for key in data:
            if key in cls.model_fields:
                continue
            if hint := cls.HINTS.get(key):
                yield found("key_not_supported", f"{key} is not known here; {hint}", (key,))
                continue
            meant = did_you_mean(key, cls.model_fields)
            known = ", ".join(cls.model_fields)
            instead = f"did you mean {meant}?" if meant else f"write one of {known}"
            yield found("unknown_key", f"there is no setting {key} here; {instead}", (key,))

    @classmethod
    def _form(cls) -> str:
        keys = list(cls.model_fields)
        return f"write it as a mapping with {', '.join(keys[:4])}{' and so on' if keys[4:] else ''}"

    @classmethod
    def _reword(cls, error: ErrorDetails) -> InitErrorDetails:
        """Our words for the few errors that pydantic finds by itself."""
        loc, code, say = error["loc"], error["type"], error["msg"]
        field = cls.model_fields.get(str(loc[0])) if len(loc) == 1 else None
        example = field.examples[0] if field is not None and field.examples else None
        if code == "missing":
            code = "missing_key"
            say = f"{loc[-1]} is missing; write {loc[-1]}: {example or '...'}"
        elif code in {"tuple_type", "list_type"}:
            code = "not_a_list"
            say = f"{loc[-1]} is a list; write {loc[-1]}: {example or '[...]'}"
        elif code == "dict_type":
            code = "not_a_mapping"
            say = f"{loc[-1]} is a mapping; write {loc[-1]}: {example or '{key: value}'}"
        return found(code, say, loc)
