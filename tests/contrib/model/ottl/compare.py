"""How two values compare: kinds never mix, only numbers do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from tests.contrib.model.ottl.values import (
    Duration,
    OttlError,
    Panic,
    StringList,
    Time,
    Value,
    raw_text,
)

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": eq,
    "!=": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
}


def is_number(value: Value) -> bool:
    """A whole number or a double; booleans are no numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def compare(left: Value, right: Value, operator: str) -> bool:
    """Whether ``left operator right`` holds; of different kinds only ``!=`` does.

    Raises:
        Panic: for two results of ``Split``, whose type Go cannot compare.
    """
    test = OPERATORS[operator]
    keys = _ordered(left, right)
    if keys is not None:
        return test(*keys)
    if isinstance(left, StringList) and isinstance(right, StringList) and operator in {"==", "!="}:
        raise Panic("comparing uncomparable type []string")
    if operator == "==":
        return same(left, right)
    return operator == "!=" and not same(left, right)


def _ordered(  # noqa: PLR0911 - one for each kind
    left: Value, right: Value
) -> tuple[Any, Any] | None:
    """What to compare of two values that have an order; None if they have none."""
    match left, right:
        case None, None:
            return 0, 0
        case bool(), bool():
            return left, right
        case str(), str():
            return raw_text(left), raw_text(right)
        case bytes(), bytes():
            return left, right
        case Time(), Time():
            return left.ns, right.ns
        case Duration(), Duration():
            return left.ns, right.ns
        case _ if is_number(left) and is_number(right):
            return _numbers(left, right)
    return None


def _numbers(left: Any, right: Any) -> tuple[Any, Any]:
    if isinstance(left, int) and isinstance(right, int):
        return left, right
    return float(left), float(right)


def same(left: Value, right: Value) -> bool:
    """Deep equality that is strict about types: 2 and 2.0 differ, and so do lists and ``Split``."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list) and isinstance(right, list):
        pairs = zip(left, right, strict=False)
        return len(left) == len(right) and all(same(*pair) for pair in pairs)
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return left == right


def truth(value: Value) -> bool:
    """The outcome of a converter that alone forms a condition.

    Raises:
        OttlError: if it returned no boolean.
    """
    if isinstance(value, bool):
        return value
    raise OttlError(f"value is not a bool but {type(value).__name__}")
