"""From a condition taken apart to a function of a span.

What is known before there is traffic is worked out then: literals, arithmetic and comparisons of
literals, and ``and false`` / ``or true``, which decide whatever stands beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.contrib.model.ottl.arithmetic import calculate, negated
from tests.contrib.model.ottl.calls import bound
from tests.contrib.model.ottl.compare import compare, truth
from tests.contrib.model.ottl.getter import Getter, constant, folded, unfailing
from tests.contrib.model.ottl.parser import parse
from tests.contrib.model.ottl.paths import ENUMS, Context, reader_of, trace_state_member
from tests.contrib.model.ottl.syntax import (
    All,
    Arithmetic,
    Bare,
    Call,
    Comparison,
    Condition,
    Either,
    Enum,
    ListOf,
    Literal,
    MapOf,
    Minus,
    Node,
    Not,
    Path,
)
from tests.contrib.model.ottl.values import OttlError, SyntaxFault, Value, indexed


@dataclass(frozen=True)
class Outcome:
    """A compiled condition; ``known`` is its outcome if no span can change it."""

    run: Callable[[Context], bool]
    known: bool | None = None


def compile_condition(text: str, *, within: str, nil_ints: bool = False) -> Outcome:
    """A condition, compiled for ``span`` or ``spanevent``; ``nil_ints``: as up to v0.159.

    Raises:
        SyntaxFault: if contrib would refuse it at start.
    """
    return _Compiler(within, nil_ints).test(parse(text))


class _Compiler:
    def __init__(self, within: str, nil_ints: bool) -> None:
        self.within = within
        self.nil_ints = nil_ints

    def test(self, condition: Condition) -> Outcome:
        match condition:
            case Comparison(left, operator, right):
                getter = folded(
                    lambda a, b: compare(a, b, operator), self.getter(left), self.getter(right)
                )
                return _test_of(getter)
            case Bare(value):
                return _test_of(self.getter(value))
            case Not(of):
                inner = self.test(of)
                known = None if inner.known is None else not inner.known
                return Outcome(lambda context: not inner.run(context), known)
            case All(parts):
                return _joined([self.test(part) for part in parts], decisive=False)
            case Either(parts):
                return _joined([self.test(part) for part in parts], decisive=True)

    def getter(self, node: Node) -> Getter:  # noqa: PLR0911 - one for each kind
        match node:
            case Literal(value):
                return constant(value)
            case Enum(name):
                if name not in ENUMS:
                    raise SyntaxFault(f"enum symbol not found: {name}")
                return constant(ENUMS[name])
            case ListOf(items):
                return folded(lambda *values: [*values], *map(self.getter, items))
            case MapOf(items):
                keys = [key for key, _ in items]
                getters = [self.getter(item) for _, item in items]
                return folded(lambda *values: dict(zip(keys, values, strict=True)), *getters)
            case Minus(of):
                return folded(negated, self.getter(of))
            case Arithmetic(left, operator, right):
                return unfailing(
                    lambda a, b: calculate(a, b, operator), self.getter(left), self.getter(right)
                )
            case Call(name, arguments, keys):
                given = [(key, self.getter(value)) for key, value in arguments]
                result = bound(name, given, within=self.within, nil_ints=self.nil_ints)
                return self.indexed(result, keys, missing_is_nil=False)
            case Path():
                return self.path(node)

    def path(self, path: Path) -> Getter:
        *before, last = path.fields
        if any(field.keys for field in before):
            raise SyntaxFault(f"{path.fields[0].name} cannot be followed by a field")
        name, read = reader_of(tuple(field.name for field in path.fields), within=self.within)
        if not last.keys:
            return Getter(read)
        if name == "trace_state" and len(last.keys) == 1:
            return self.trace_state(last.keys[0])
        if name not in {"attributes", "cache"}:
            raise SyntaxFault(f"{name} cannot be indexed")
        return self.indexed(Getter(read), last.keys, missing_is_nil=True)

    def trace_state(self, node: Node) -> Getter:
        key = self.getter(node)

        def read(context: Context) -> Value:
            name = key.get(context)
            if not isinstance(name, str):
                raise OttlError("a member of the tracestate has a text as its name")
            return trace_state_member(context, name)

        return Getter(read)

    def indexed(self, of: Getter, keys: Sequence[Node], *, missing_is_nil: bool) -> Getter:
        if not keys:
            return of
        getters = [self.getter(key) for key in keys]

        def read(context: Context) -> Value:
            value = of.get(context)
            for getter in getters:
                key = getter.get(context)
                # A key that is not there ends the path; one whose value is empty cannot be indexed.
                lacks = isinstance(value, Mapping) and isinstance(key, str) and key not in value
                value = indexed(value, key, missing_is_nil=missing_is_nil)
                if lacks:
                    return None
            return value

        return Getter(read)


def _test_of(getter: Getter) -> Outcome:
    known = truth(getter.value) if getter.literal else None
    return Outcome(lambda context: truth(getter.get(context)), known)


def _joined(parts: Sequence[Outcome], *, decisive: bool) -> Outcome:
    """``and`` (false decides) or ``or`` (true decides), left to right with short circuit."""
    if any(part.known is decisive for part in parts):
        return Outcome(lambda _: decisive, decisive)
    known = None if any(part.known is None for part in parts) else not decisive

    def run(context: Context) -> bool:
        return decisive if any(part.run(context) is decisive for part in parts) else not decisive

    return Outcome(run, known)
