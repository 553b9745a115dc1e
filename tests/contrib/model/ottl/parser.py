"""A recursive descent over the tokens of a condition, with one function per rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tests.contrib.model.ottl.lexer import Token, tokens, unquoted
from tests.contrib.model.ottl.syntax import (
    All,
    Arithmetic,
    Bare,
    Call,
    Comparison,
    Condition,
    Either,
    Enum,
    Field,
    ListOf,
    Literal,
    MapOf,
    Minus,
    Node,
    Not,
    Path,
)
from tests.contrib.model.ottl.values import SyntaxFault

T = TypeVar("T")


def parse(text: str) -> Condition:
    """A condition taken apart.

    Raises:
        SyntaxFault: if contrib would refuse it at start.
    """
    parser = _Parser(tokens(text))
    condition = parser.either()
    parser.take("end")
    return condition


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.at = 0

    # Tokens

    def next_is(self, kind: str, text: str | None = None) -> bool:
        token = self.tokens[self.at]
        return token.kind == kind and text in {None, token.text}

    def accept(self, kind: str, text: str | None = None) -> Token | None:
        if not self.next_is(kind, text):
            return None
        self.at += 1
        return self.tokens[self.at - 1]

    def take(self, kind: str, text: str | None = None) -> Token:
        token = self.accept(kind, text)
        if token is None:
            got = self.tokens[self.at].text
            raise SyntaxFault(f"unexpected token {got!r} (expected {text or kind})")
        return token

    def first_of(self, *rules: Callable[[], T]) -> T:
        """The first rule that fits here; none looks at what follows it."""
        start = self.at
        faults = []
        for rule in rules:
            try:
                return rule()
            except SyntaxFault as fault:
                faults.append((self.at, fault))
                self.at = start
        raise max(faults, key=lambda pair: pair[0])[1]  # whoever came furthest knows best

    # Conditions

    def either(self) -> Condition:
        parts = [self.all()]
        while self.accept("or"):
            parts.append(self.all())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def all(self) -> Condition:
        parts = [self.term()]
        while self.accept("and"):
            parts.append(self.term())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def term(self) -> Condition:
        """One ``not`` at most, before a comparison, a bare boolean or a parenthesis."""
        negated = self.accept("not")
        inner = self.first_of(self.comparison, self.bare, self.parenthesis)
        return Not(inner) if negated else inner

    def comparison(self) -> Condition:
        left = self.value()
        operator = self.take("comparison").text
        return Comparison(left, operator, self.value())

    def bare(self) -> Condition:
        literal = self.accept("bool")
        if literal:
            return Bare(Literal(literal.text == "true"))
        return Bare(self.call())

    def parenthesis(self) -> Condition:
        self.take("punctuation", "(")
        inner = self.either()
        self.take("punctuation", ")")
        return inner

    # Values

    def value(self) -> Node:
        for kind, read in _LITERALS.items():
            token = self.accept(kind)
            if token:
                return Literal(read(token.text))
        if self.accept("lower", "nil"):
            return Literal(None)
        if self.next_is("punctuation", "["):
            return ListOf(tuple(self.sequence("[", "]", self.value)))
        if self.next_is("punctuation", "{"):
            return MapOf(tuple(self.sequence("{", "}", self.pair)))
        following = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        if self.next_is("upper") and following != Token("punctuation", "("):
            return Enum(self.take("upper").text)
        return self.sum()

    def pair(self) -> tuple[str, Node]:
        key = unquoted(self.take("string").text)
        self.take("punctuation", ":")
        return key, self.value()

    def sequence(self, start: str, end: str, item: Callable[[], T]) -> list[T]:
        self.take("punctuation", start)
        found: list[T] = []
        while not self.accept("punctuation", end):
            if found:
                self.take("punctuation", ",")
            found.append(item())
        return found

    def sum(self) -> Node:
        left = self.product()
        while operator := self.accept("sum"):
            left = Arithmetic(left, operator.text, self.product())
        return left

    def product(self) -> Node:
        left = self.factor()
        while operator := self.accept("product"):
            left = Arithmetic(left, operator.text, self.factor())
        return left

    def factor(self) -> Node:
        sign = self.accept("sum")
        inner = self.unsigned()
        return Minus(inner) if sign and sign.text == "-" else inner

    def unsigned(self) -> Node:
        if self.accept("punctuation", "("):
            inner = self.sum()
            self.take("punctuation", ")")
            return inner
        for kind, read in (("float", float), ("int", _int64)):
            token = self.accept(kind)
            if token:
                return Literal(read(token.text))
        return self.call() if self.next_is("upper") else self.path()

    def call(self) -> Call:
        name = self.take("upper").text
        arguments = self.sequence("(", ")", self.argument)
        return Call(name, tuple(arguments), self.keys())

    def argument(self) -> tuple[str | None, Node]:
        if self.next_is("lower") and self.tokens[self.at + 1].kind == "equal":
            name = self.take("lower").text
            self.take("equal")
            return name, self.value()
        return None, self.value()

    def path(self) -> Path:
        if self.next_is("lower", "nil"):
            raise SyntaxFault("nil is no number")
        fields = [self.field()]
        while self.accept("punctuation", "."):
            fields.append(self.field())
        return Path(tuple(fields))

    def field(self) -> Field:
        return Field(self.take("lower").text, self.keys())

    def keys(self) -> tuple[Node, ...]:
        found = []
        while self.accept("punctuation", "["):
            found.append(self.value())
            self.take("punctuation", "]")
        return tuple(found)


def _int64(text: str) -> int:
    number = int(text)
    if abs(number) >= 1 << 63:
        raise SyntaxFault(f"{text} is out of range")
    return number


def _bytes(text: str) -> bytes:
    if len(text) % 2:
        raise SyntaxFault(f"odd number of digits in {text}")
    return bytes.fromhex(text[2:])


# Numbers are no part of it: they may begin a sum.
_LITERALS: dict[str, Callable[[str], bool | str | bytes]] = {
    "bytes": _bytes,
    "string": unquoted,
    "bool": lambda text: text == "true",
}
