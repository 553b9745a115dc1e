"""What a query speaks of."""

from collections.abc import Iterator

from tailsampler.traces.traceql.tree import (
    And,
    Both,
    Compare,
    Condition,
    Either,
    Exists,
    Field,
    Filter,
    Not,
    Operand,
    Or,
    Query,
    Regex,
    Spanset,
    Truth,
)


def fields_of(query: Query) -> tuple[Field, ...]:
    """Every field of a query once, in the order of the text."""
    return tuple(dict.fromkeys(each for each in _operands(query.root) if isinstance(each, Field)))


def _operands(node: Spanset | Condition) -> Iterator[Operand]:
    match node:
        case Filter(part) | Not(part):
            yield from _operands(part)
        case Both(parts) | Either(parts):
            for spanset in parts:
                yield from _operands(spanset)
        case And(conditions) | Or(conditions):
            for condition in conditions:
                yield from _operands(condition)
        case Compare(_, left, right):
            yield left
            yield right
        case Regex(operand) | Exists(operand) | Truth(operand):
            yield operand
