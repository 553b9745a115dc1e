"""A tiny evaluator, enough to tell what a folded condition means; not the core's twin."""

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from tailsampler.decide.ottl.expression import (
    And,
    BoolValue,
    Call,
    Compare,
    Expression,
    IntValue,
    Math,
    NilValue,
    Not,
    Or,
    Path,
    StringValue,
)

Value: TypeAlias = bool | int | str | None


class EvaluationError(Exception):
    """The third outcome."""


def truth(node: Expression, attributes: Mapping[str, Value]) -> bool:
    match node:
        case And(terms=terms):
            return all(truth(term, attributes) for term in terms)
        case Or(terms=terms):
            return any(truth(term, attributes) for term in terms)
        case Not(term=term):
            return not truth(term, attributes)
        case Compare(op=op, left=left, right=right):
            return compared(op, value(left, attributes), value(right, attributes))
        case _:
            found = value(node, attributes)
            if not isinstance(found, bool):
                raise EvaluationError(found)
            return found


def value(node: Expression, attributes: Mapping[str, Value]) -> Value:
    match node:
        case NilValue():
            return None
        case BoolValue(value=found) | IntValue(value=found) | StringValue(value=found):
            return found
        case Path(field="attributes", keys=(StringValue(value=key),)):
            return attributes.get(key)
        case Call(function="Len", arguments=(argument,)):
            text = value(argument, attributes)
            if not isinstance(text, str):
                raise EvaluationError(text)
            return len(text.encode())
        case Math(op=op, left=left, right=right):
            return calculated(op, value(left, attributes), value(right, attributes))
        case _:
            raise AssertionError(node)


def compared(op: str, left: Any, right: Any) -> bool:
    if left is None and right is None:
        return op in {"==", "<=", ">="}
    if type(left) is not type(right):
        return op == "!="
    below, equal = left < right, left == right
    outcomes: dict[str, bool] = {
        "==": equal,
        "!=": not equal,
        "<": below,
        "<=": below or equal,
        ">": not (below or equal),
        ">=": not below,
    }
    return outcomes[op]


def calculated(op: str, left: Value, right: Value) -> int:
    numbers = [one for one in (left, right) if isinstance(one, int) and not isinstance(one, bool)]
    if len(numbers) < 2 or (op == "/" and numbers[1] == 0):
        raise EvaluationError(left, right)
    one, two = numbers
    if op == "/":
        return math.trunc(one / two)
    return {"+": one + two, "-": one - two, "*": one * two}[op]
