"""Whether a trace matches, and which of its spans."""

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, assert_never

from tailsampler.store.query import Deadline, Row
from tailsampler.traces.model import Span, Trace
from tailsampler.traces.traceql.fields import FieldValue, Seen, value_of
from tailsampler.traces.traceql.tree import (
    And,
    Compare,
    Condition,
    Constant,
    Either,
    Exists,
    Filter,
    Not,
    Op,
    Operand,
    Or,
    Query,
    Regex,
    Spanset,
    Symbol,
    Truth,
)

_OPERATORS: Final[Mapping[Op, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}

# Between two looks at the time; a query of 8 KiB costs a span some 0.5 ms.
_SPANS_AT_ONCE: Final = 64


class OutOfTimeError(Exception):
    """``stop`` said so: the trace is too large for the time that is left."""


def evaluate(
    query: Query, row: Row, trace: Trace, stop: Deadline | None = None
) -> tuple[Span, ...] | None:
    """The spans that match, in the order of the trace; None if the trace does not match.

    Raises ``OutOfTimeError`` if ``stop`` is given and says so; it is asked every few spans.
    """
    seen = [Seen(span, row, trace) for span in trace.spans]
    matched = _spans(query.root, seen, stop)
    return tuple(trace.spans[index] for index in sorted(matched)) if matched else None


def _spans(node: Spanset, trace: list[Seen], stop: Deadline | None) -> set[int]:
    if isinstance(node, Filter):
        return set(_matching(node.condition, trace, stop))
    parts = [_spans(part, trace, stop) for part in node.parts]
    if isinstance(node, Either) or all(parts):
        return set().union(*parts)
    return set()


def _matching(condition: Condition, trace: list[Seen], stop: Deadline | None) -> Iterator[int]:
    for index, seen in enumerate(trace):
        if stop is not None and index % _SPANS_AT_ONCE == 0 and stop():
            raise OutOfTimeError
        if holds(condition, seen):
            yield index


def holds(condition: Condition, seen: Seen) -> bool:  # noqa: PLR0911 - one case a kind
    """Whether a condition holds for a span."""
    match condition:
        case And(parts):
            return all(holds(part, seen) for part in parts)
        case Or(parts):
            return any(holds(part, seen) for part in parts)
        case Not(part):
            return not holds(part, seen)
        case Compare(op, left, right):
            return compare(op, _value(left, seen), _value(right, seen))
        case Regex(left, _, negated, matches):
            text = _value(left, seen)
            return isinstance(text, str) and matches(text) is not negated
        case Exists(field, negated):
            return (value_of(field, seen) is None) is negated
        case Truth(operand):
            return _value(operand, seen) is True
        case _:  # pragma: no cover - the type checker sees that there is no other
            assert_never(condition)


def compare(op: Op, left: FieldValue, right: FieldValue) -> bool:
    """Values of different types do not compare: false, also for ``!=``.

    Whole numbers and floats are one type. Lists, maps and bytes compare with nothing.
    """
    if isinstance(left, Symbol) and isinstance(right, Symbol):
        same = left.type is right.type
        return same and op in {"=", "!="} and _OPERATORS[op](left, right)
    if isinstance(left, bool) and isinstance(right, bool):
        return op in {"=", "!="} and _OPERATORS[op](left, right)
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    texts = isinstance(left, str) and isinstance(right, str)
    return (numbers or texts) and _OPERATORS[op](left, right)


def _value(operand: Operand, seen: Seen) -> FieldValue:
    return operand.value if isinstance(operand, Constant) else value_of(operand, seen)
