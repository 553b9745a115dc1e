"""A query as a value."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, TypeAlias

Op: TypeAlias = Literal["=", "!=", ">", ">=", "<", "<="]
Scope: TypeAlias = Literal["any", "span", "resource", "intrinsic"]
"""``any``: the span's attributes, then its resource's."""


class Type(Enum):
    """Of a literal or an intrinsic; an attribute's is known when its value is seen."""

    STRING = "text"
    INT = "a whole number"
    FLOAT = "a number"
    DURATION = "a duration"
    BOOL = "true or false"
    STATUS = "a status"
    KIND = "a kind"

    @property
    def is_number(self) -> bool:
        """Whether it compares with numbers."""
        return self in {Type.INT, Type.FLOAT, Type.DURATION}


@dataclass(frozen=True, slots=True)
class Symbol:
    """A status or a kind: a word that is no text."""

    type: Type
    word: str


Plain: TypeAlias = str | bool | int | float | Symbol
"""What compares; durations are whole ns."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A value as it stands in the query."""

    type: Type
    value: Plain


@dataclass(frozen=True, slots=True)
class Field:
    """An attribute (``type`` is None) or an intrinsic, ``key`` in its canonical spelling."""

    scope: Scope
    key: str
    type: Type | None = None


Operand: TypeAlias = Constant | Field


@dataclass(frozen=True, slots=True)
class Compare:
    """``left op right``; a lone constant stands on the right."""

    op: Op
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Regex:
    """``left =~ "pattern"``, or ``!~`` if ``negated``; the whole value must match."""

    left: Operand
    pattern: str
    negated: bool
    matches: Callable[[str], bool] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Exists:
    """``field != nil``, or ``field = nil`` if ``negated``."""

    field: Field
    negated: bool


@dataclass(frozen=True, slots=True)
class Truth:
    """An operand that stands alone: whether it is true."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Not:
    """``!part``."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class And:
    """All of the parts hold for the span."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of the parts holds for the span."""

    parts: tuple["Condition", ...]


Condition: TypeAlias = Compare | Regex | Exists | Truth | Not | And | Or


@dataclass(frozen=True, slots=True)
class Filter:
    """``{ condition }``: the spans of a trace for which it holds."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Both:
    """``{...} && {...}``: the spans of all parts, if every part has some."""

    parts: tuple["Spanset", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """``{...} || {...}``: the spans of all parts."""

    parts: tuple["Spanset", ...]


Spanset: TypeAlias = Filter | Both | Either


@dataclass(frozen=True, slots=True)
class Query:
    """A query that can be answered."""

    text: str
    root: Spanset
