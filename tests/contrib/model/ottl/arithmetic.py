"""Arithmetic of conditions: two numbers, or times and durations."""

from __future__ import annotations

from tests.contrib.model.ottl.compare import is_number
from tests.contrib.model.ottl.values import Duration, OttlError, Time, Value, wrapped


def calculate(left: Value, right: Value, operator: str) -> Value:
    """``left operator right`` for ``+ - * /``; whole numbers stay whole and wrap at 64 bits.

    Raises:
        OttlError: for any other kind of value, and for a division by zero.
    """
    if is_number(left) and is_number(right):
        if isinstance(left, int) and isinstance(right, int):
            return _whole(left, right, operator)
        return _double(float(left), float(right), operator)  # type: ignore[arg-type] # numbers both
    return _temporal(left, right, operator)


def _whole(left: int, right: int, operator: str) -> int:
    match operator:
        case "+":
            return wrapped(left + right)
        case "-":
            return wrapped(left - right)
        case "*":
            return wrapped(left * right)
    if right == 0:
        raise OttlError("attempted to divide by 0")
    quotient = abs(left) // abs(right)  # towards zero, where Python rounds down
    return wrapped(quotient if (left < 0) == (right < 0) else -quotient)


def _double(left: float, right: float, operator: str) -> float:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
    if right == 0:
        raise OttlError("attempted to divide by 0")
    return left / right


def _temporal(left: Value, right: Value, operator: str) -> Value:
    match left, operator, right:
        case Time(), "-", Time():
            return Duration(_saturated(left.ns - right.ns))
        case Time(), "+" | "-", Duration():
            return Time(left.ns + right.ns if operator == "+" else left.ns - right.ns)
        case Duration(), "+", Time():
            return Time(left.ns + right.ns)
        case Duration(), "+" | "-", Duration():
            return Duration(wrapped(left.ns + right.ns if operator == "+" else left.ns - right.ns))
    raise OttlError(f"{type(left).__name__} {operator} {type(right).__name__} is not possible")


def _saturated(ns: int) -> int:
    """A difference of times; Go stops at the longest duration instead of wrapping."""
    return max(-(1 << 63), min((1 << 63) - 1, ns))


def negated(value: Value) -> Value:
    """A value with a minus before it.

    Raises:
        OttlError: for anything but a number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise OttlError(f"unary minus of {type(value).__name__}")
    return wrapped(-value) if isinstance(value, int) else -value
