"""A value of a condition, which may be known before there is traffic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.contrib.model.ottl.paths import Context
from tests.contrib.model.ottl.values import OttlError, SyntaxFault, Value


@dataclass(frozen=True)
class Getter:
    """How to read a value; a literal's ``value`` is already there."""

    get: Callable[[Context], Value]
    literal: bool = False
    value: Value = None


def constant(value: Value) -> Getter:
    """A literal."""
    return Getter(lambda _: value, literal=True, value=value)


def folded(combine: Callable[..., Value], *parts: Getter) -> Getter:
    """A value made of others: a literal if they all are.

    Raises:
        SyntaxFault: if literals cannot be combined so.
    """
    if all(part.literal for part in parts):
        try:
            return constant(combine(*(part.value for part in parts)))
        except OttlError as error:
            raise SyntaxFault(str(error)) from error
    return Getter(lambda context: combine(*(part.get(context) for part in parts)))


def unfailing(combine: Callable[..., Value], *parts: Getter) -> Getter:
    """The same, but literals that cannot be combined fail where they are asked for."""
    try:
        return folded(combine, *parts)
    except SyntaxFault:
        return Getter(lambda context: combine(*(part.get(context) for part in parts)))
