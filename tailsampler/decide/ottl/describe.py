"""A condition in a short English sentence, where there is one."""

from __future__ import annotations

import json
from typing import Final

from tailsampler.decide.ottl.expression import (
    And,
    BoolValue,
    Call,
    Compare,
    Condition,
    DoubleValue,
    DurationValue,
    Expression,
    IntValue,
    NilValue,
    Not,
    Or,
    Path,
    StringValue,
)

_MOST_TERMS: Final = 4
_OPERATORS: Final = {
    "==": "is",
    "!=": "is not",
    "<": "is under",
    "<=": "is at most",
    ">": "is over",
    ">=": "is at least",
}
_KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES: Final = ("unset", "ok", "error")
_OWNERS: Final = {"span": "", "event": "event ", "resource": "resource ", "scope": "scope "}
_TESTS: Final = {
    "IsMatch": "matches",
    "HasPrefix": "begins with",
    "HasSuffix": "ends with",
    "ContainsValue": "contains",
}
_TYPES: Final = {
    "IsString": "a string",
    "IsInt": "an int",
    "IsDouble": "a double",
    "IsBool": "a bool",
    "IsMap": "a map",
    "IsList": "a list",
}


def describe(condition: Condition) -> str:
    """``attribute http.method is "GET"``; the source text if there is no short way to say it."""
    if isinstance(condition.expression, BoolValue):
        what = "span" if condition.context == "span" else "event"
        return f"{'every' if condition.expression.value else 'no'} {what}"
    return _words(condition.expression) or " ".join(condition.text.split())


def _words(node: Expression) -> str | None:
    if isinstance(node, And | Or):
        parts = [_single(term) for term in node.terms[: _MOST_TERMS + 1]]
        known = [part for part in parts if part]
        if len(known) < len(node.terms) or len(known) > _MOST_TERMS:
            return None
        return (" and " if isinstance(node, And) else ", or ").join(known)
    return _single(node)


def _single(node: Expression) -> str | None:
    match node:
        case Compare(op=op, left=Path() as path, right=right):
            words: str | None = _compared(path, op, right)
        case Call(function="IsRootSpan"):
            words = "the span is a root"
        case Not(term=Call(function="IsRootSpan")):
            words = "the span is no root"
        case Call(function=name, arguments=(Path() as path, value)) if name in _TESTS:
            words = _joined(path, _TESTS[name], _value(value))
        case Call(function=name, arguments=(Path() as path,)) if name in _TYPES:
            words = _joined(path, "is", _TYPES[name])
        case _:
            words = None
    return words


def _compared(path: Path, op: str, right: Expression) -> str | None:
    if isinstance(right, NilValue):
        words = {"==": "is absent", "!=": "is set"}.get(op)
        subject = _subject(path)
        return f"{subject} {words}" if subject and words else None
    names = {"kind": _KINDS, "status.code": _STATUSES}.get(path.field)
    if names and isinstance(right, IntValue) and op in {"==", "!="}:
        if 0 <= right.value < len(names):
            return _joined(path, _OPERATORS[op], names[right.value])
        return None
    return _joined(path, _OPERATORS[op], _value(right))


def _joined(path: Path, verb: str, value: str | None) -> str | None:
    subject = _subject(path)
    return f"{subject} {verb} {value}" if subject and value else None


def _subject(path: Path) -> str | None:
    owner = _OWNERS[path.context]
    match path.field, path.keys:
        case "attributes", (StringValue(value=key),):
            return f"{owner}attribute {key}"
        case "trace_state", (StringValue(value=key),):
            return f"trace state {key}"
        case "attributes", _:
            return None
        case field, ():
            whose = owner or ("span " if field in {"name", "kind", "kind.string"} else "")
            return whose + field.replace(".string", "").replace(".", " ").replace("_", " ")
        case _:
            return None


def _value(node: Expression) -> str | None:
    match node:
        case StringValue(value=text):
            return json.dumps(text, ensure_ascii=False)
        case BoolValue(value=flag):
            return "true" if flag else "false"
        case IntValue(value=number) | DoubleValue(value=number):
            return str(number)
        case DurationValue(ns=ns):
            return f"{ns / 1e6:.12g} ms"
        case _:
            return None
