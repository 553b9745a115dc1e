"""What a trace must have to match, for the store's indexes: necessary, seldom sufficient."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tailsampler.store.query import Needs, Scope, Term
from tailsampler.traces.traceql.tree import (
    And,
    Both,
    Compare,
    Condition,
    Constant,
    Either,
    Field,
    Filter,
    Or,
    Query,
    Regex,
    Spanset,
    Symbol,
    Truth,
)

_Clause: TypeAlias = frozenset[Term]

_INDEXED: Final = {
    "span:name": "name",
    "span:status": "status",
    "span:kind": "kind",
    "trace:rootName": "rootName",
    "trace:rootService": "rootServiceName",
}
# Alternatives without any other sign of a regular expression: what Grafana makes of several values.
_WORDS: Final = re.compile(r"[^\\.+*?()\[\]{}^$]*")
_MAX_NS: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class _Bound:
    """A necessary condition: all clauses, and the duration of the trace within both ends."""

    clauses: tuple[_Clause, ...] = ()
    min_ns: int = 0
    max_ns: int | None = None


def needs(query: Query) -> Needs:
    """Fulfilled by every trace that matches; times are for the caller to add."""
    bound = _of_spanset(query.root)
    return Needs(
        clauses=tuple(dict.fromkeys(bound.clauses)),
        min_duration_ns=min(bound.min_ns, _MAX_NS),
        max_duration_ns=bound.max_ns if bound.max_ns is None or bound.max_ns < _MAX_NS else None,
    )


def _of_spanset(node: Spanset) -> _Bound:
    match node:
        case Filter(condition):
            return _of(condition)
        case Both(parts):
            return _all([_of_spanset(part) for part in parts])
        case Either(parts):
            return _any([_of_spanset(part) for part in parts])


def _of(condition: Condition) -> _Bound:  # noqa: PLR0911 - one case a kind of condition
    match condition:
        case And(parts):
            return _all([_of(part) for part in parts])
        case Or(parts):
            return _any([_of(part) for part in parts])
        case Compare("=", Field() as field, Constant(kind, value)) if not kind.is_number:
            return _terms(field, [value.word if isinstance(value, Symbol) else value])
        case Compare("=", Field(type=None) as field, Constant(_, int() | float() as value)):
            return _terms(field, [value])
        case Compare(op, Field(key="span:duration" | "trace:duration" as key), Constant(_, limit)):
            if isinstance(limit, int | float):
                return _duration(op, limit, whole_trace=key == "trace:duration")
        case Regex(Field() as field, pattern, False) if _WORDS.fullmatch(pattern):
            return _terms(field, pattern.split("|"))
        case Truth(Field() as field):
            return _terms(field, [True])
    return _Bound()


def _terms(field: Field, values: Sequence[str | int | float | bool]) -> _Bound:
    """One of the values stands in one of the field's scopes."""
    scopes: tuple[Scope, ...]
    match field.scope:
        case "any":
            scopes, key = ("span", "resource"), field.key
        case "intrinsic":
            if field.key not in _INDEXED:
                return _Bound()
            scopes, key = ("intrinsic",), _INDEXED[field.key]
        case "span" | "resource":
            scopes, key = (field.scope,), field.key
    return _Bound((frozenset(Term(scope, key, value) for scope in scopes for value in values),))


def _duration(op: str, limit: float, *, whole_trace: bool) -> _Bound:
    """A span lasts no longer than its trace; that a span is short says nothing of the trace."""
    match op:
        case ">":
            return _Bound(min_ns=max(0, math.floor(limit) + 1))
        case ">=":
            return _Bound(min_ns=max(0, math.ceil(limit)))
        case "<" | "<=" if whole_trace:
            return _Bound(max_ns=max(0, math.floor(limit)))
        case "=":
            least = max(0, math.ceil(limit))
            return _Bound(min_ns=least, max_ns=max(0, math.floor(limit)) if whole_trace else None)
        case _:
            return _Bound()


def _all(bounds: list[_Bound]) -> _Bound:
    most = [bound.max_ns for bound in bounds if bound.max_ns is not None]
    return _Bound(
        tuple(clause for bound in bounds for clause in bound.clauses),
        max(bound.min_ns for bound in bounds),
        min(most, default=None),
    )


def _any(bounds: list[_Bound]) -> _Bound:
    """Of each part the clause with the fewest terms, together; nothing if a part has none."""
    most = [bound.max_ns for bound in bounds]
    clauses: tuple[_Clause, ...] = ()
    if all(bound.clauses for bound in bounds):
        clauses = (frozenset().union(*(min(bound.clauses, key=len) for bound in bounds)),)
    return _Bound(
        clauses,
        min(bound.min_ns for bound in bounds),
        None if None in most else max(each for each in most if each is not None),
    )
