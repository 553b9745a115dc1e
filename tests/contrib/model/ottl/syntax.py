"""A condition taken apart: what the parser builds and the compiler reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from tests.contrib.model.ottl.values import Value


@dataclass(frozen=True)
class Literal:
    """A number, text, boolean, nil or bytes as written."""

    value: Value


@dataclass(frozen=True)
class Enum:
    """A name in capitals for a whole number."""

    name: str


@dataclass(frozen=True)
class ListOf:
    """A list of values."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class MapOf:
    """A map of values."""

    items: tuple[tuple[str, Node], ...]


@dataclass(frozen=True)
class Field:
    """One part of a path, with what stands in brackets behind it."""

    name: str
    keys: tuple[Node, ...]


@dataclass(frozen=True)
class Path:
    """Fields with dots between them."""

    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Call:
    """A converter, its arguments with their names if given, and what stands in brackets behind."""

    name: str
    arguments: tuple[tuple[str | None, Node], ...]
    keys: tuple[Node, ...]


@dataclass(frozen=True)
class Minus:
    """A value with a minus before it."""

    of: Node


@dataclass(frozen=True)
class Arithmetic:
    """Two values with one of ``+ - * /`` between them."""

    left: Node
    operator: str
    right: Node


@dataclass(frozen=True)
class Comparison:
    """Two values with a comparison between them."""

    left: Node
    operator: str
    right: Node


@dataclass(frozen=True)
class Bare:
    """A boolean or a converter that stands alone."""

    value: Literal | Call


@dataclass(frozen=True)
class Not:
    """A negation."""

    of: Condition


@dataclass(frozen=True)
class All:
    """Conditions with ``and`` between them."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Either:
    """Conditions with ``or`` between them."""

    parts: tuple[Condition, ...]


Node: TypeAlias = Literal | Enum | ListOf | MapOf | Path | Call | Minus | Arithmetic
Condition: TypeAlias = Comparison | Bare | Not | All | Either
