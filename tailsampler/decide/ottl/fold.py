"""What is known before any span is seen.

contrib takes literals out of ``and`` and ``or`` when it reads a condition: ``x and false`` is false
though x would be an error, wherever the false stands. That is part of the meaning, not a saving, so
exactly these are folded and nothing more: ``true``, ``false``, and comparisons whose both sides are
written out (numbers, texts, bytes, bools, nil, enums, and lists and maps of them). Arithmetic and
converters are not, even of literals: ``x or 1 + 1 == 2`` is an error where x is.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

from tailsampler.decide.ottl.expression import (
    And,
    BoolValue,
    BytesValue,
    Compare,
    DoubleValue,
    Expression,
    IntValue,
    ListValue,
    MapValue,
    NilValue,
    Not,
    Or,
    StringValue,
)

_SCALARS: Final = (NilValue, BoolValue, IntValue, DoubleValue, StringValue, BytesValue)
_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EQUAL: Final = frozenset({"==", "<=", ">="})


def is_literal(node: Expression) -> bool:
    """Whether it is written out in the condition, down to the last member."""
    match node:
        case ListValue(items=items):
            return all(is_literal(item) for item in items)
        case MapValue(entries=entries):
            return all(is_literal(entry.value) for entry in entries)
        case _:
            return isinstance(node, _SCALARS)


def conjunction(terms: list[Expression]) -> Expression:
    """``and`` of the terms, one or more."""
    return _joined(terms, And, neutral=True)


def disjunction(terms: list[Expression]) -> Expression:
    """``or`` of the terms, one or more."""
    return _joined(terms, Or, neutral=False)


def negation(term: Expression) -> Expression:
    """``not`` of the term."""
    return BoolValue(value=not term.value) if isinstance(term, BoolValue) else Not(term=term)


def comparison(op: str, left: Expression, right: Expression) -> Expression:
    """The comparison, or what comes of it if both sides are literals."""
    if is_literal(left) and is_literal(right):
        return BoolValue(value=compare(op, left, right))
    return Compare.model_validate({"op": op, "left": left, "right": right})


def _joined(terms: list[Expression], kind: type[And | Or], *, neutral: bool) -> Expression:
    known = [term.value for term in terms if isinstance(term, BoolValue)]
    if (not neutral) in known:
        return BoolValue(value=not neutral)
    rest = tuple(term for term in terms if not isinstance(term, BoolValue))
    if len(rest) > 1:
        return kind(terms=rest)
    return rest[0] if rest else BoolValue(value=neutral)


def compare(op: str, left: Expression, right: Expression) -> bool:
    """The rules of ``compare`` in ``expression.py``, for literals."""
    if isinstance(left, NilValue) and isinstance(right, NilValue):
        return op in _EQUAL
    if isinstance(left, ListValue | MapValue) and isinstance(right, ListValue | MapValue):
        return same(left, right) if op == "==" else op == "!=" and not same(left, right)
    sides = _ordered(left, right)
    return _ORDER[op](*sides) if sides else op == "!="


def _ordered(left: Expression, right: Expression) -> tuple[Any, Any] | None:
    """The two in the form in which they compare; None for different kinds."""
    match left, right:
        case IntValue(value=one), DoubleValue(value=two):
            found: tuple[Any, Any] | None = (float(one), two)
        case DoubleValue(value=one), IntValue(value=two):
            found = (one, float(two))
        case StringValue(value=text), StringValue(value=other):
            found = (text.encode(), other.encode())
        case (
            (BoolValue(value=one), BoolValue(value=two))
            | (IntValue(value=one), IntValue(value=two))
            | (DoubleValue(value=one), DoubleValue(value=two))
        ):
            found = (one, two)
        case BytesValue(value=octets), BytesValue(value=others):
            found = (octets, others)
        case _:
            found = None
    return found


def same(left: Expression, right: Expression) -> bool:
    """Whether members of lists and maps are equal: 2 and 2.0 are not."""
    match left, right:
        case ListValue(items=one), ListValue(items=two):
            return len(one) == len(two) and all(map(same, one, two))
        case MapValue(entries=one), MapValue(entries=two):
            those = {entry.key: entry.value for entry in two}
            return len(one) == len(two) and all(
                entry.key in those and same(entry.value, those[entry.key]) for entry in one
            )
        case _:
            return left.kind == right.kind and compare("==", left, right)
