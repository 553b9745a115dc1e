"""From a tree to an expression: every name, literal and argument is checked on the way."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Final, TypeVar

from lark import Token, Tree

from tailsampler.decide.ottl import fold, literals
from tailsampler.decide.ottl.calls import lower_call
from tailsampler.decide.ottl.errors import Code, OttlError
from tailsampler.decide.ottl.expression import (
    BoolValue,
    BytesValue,
    DoubleValue,
    Entry,
    Expression,
    IntValue,
    ListValue,
    MapValue,
    Math,
    Negate,
    NilValue,
    Path,
    StringValue,
)
from tailsampler.decide.ottl.paths import (
    COUNTED,
    FIELDS,
    Context,
    NotHereError,
    UnknownPathError,
    resolve,
)
from tailsampler.decide.ottl.syntax import DEEPEST, Node, is_tree, keyword_meant, place, source

ENUMS: Final = {
    "SPAN_KIND_UNSPECIFIED": 0,
    "SPAN_KIND_INTERNAL": 1,
    "SPAN_KIND_SERVER": 2,
    "SPAN_KIND_CLIENT": 3,
    "SPAN_KIND_PRODUCER": 4,
    "SPAN_KIND_CONSUMER": 5,
    "STATUS_CODE_UNSET": 0,
    "STATUS_CODE_OK": 1,
    "STATUS_CODE_ERROR": 2,
}
_CONDITIONS: Final = frozenset({"any", "all", "not", "comparison"})
_ARITHMETIC: Final = frozenset(
    {"sum", "product", "signed", "path", "call", "editor", "INT", "FLOAT"}
)
T = TypeVar("T")


class Builder:
    """Reads the trees of one condition."""

    def __init__(self, text: str, context: Context) -> None:
        """``text``: the condition, for messages. ``context``: what a bare path is of."""
        self.text = text
        self.context: Context = context
        # Each makes the expression one deeper: a + b + c is (a + b) + c.
        self._operators = 0

    def wrong(self, code: Code, say: str, node: Node) -> OttlError:
        """The condition cannot be used because of what stands at ``node``."""
        return OttlError(code, say, self.text, *place(node))

    def condition(self, node: Node) -> Expression:
        """What is true or false."""
        if isinstance(node, Token):
            if node.type != "BOOLEAN":
                raise self._no_condition(node)
            return BoolValue(value=str(node) == "true")
        match node.data:
            case "any":
                found = fold.disjunction([self.condition(child) for child in node.children])
            case "all":
                found = fold.conjunction([self.condition(child) for child in node.children])
            case "not":
                found = fold.negation(self.condition(node.children[0]))
            case "group":
                found = self.condition(node.children[0])
            case "comparison":
                left, op, right = node.children
                found = fold.comparison(str(op), self.value(left), self.value(right))
            case "call" | "editor":
                found = lower_call(self, node)
            case _:
                raise self._no_condition(node)
        return found

    def _no_condition(self, node: Node) -> OttlError:
        what = source(node, self.text)
        say = f"{what} is a value, not a condition; compare it, e.g. {what} != nil"
        return self.wrong("ottl_syntax", say, node)

    def value(self, node: Node, *, counted: bool = False) -> Expression:
        """What can be compared. ``counted``: the paths ``events`` and ``links`` will do, too."""
        if isinstance(node, Token):
            return self._literal(node)
        match node.data:
            case "path":
                found = self._path(node, counted=counted)
            case "call" | "editor":
                found = lower_call(self, node)
            case "enum":
                found = self._enum(node)
            case "list":
                found = ListValue(items=tuple(self.value(child) for child in node.children))
            case "map":
                found = self._map(node)
            case "group":
                found = self._operand(node)
            case "signed":
                found = self._signed(node)
            case "sum" | "product":
                found = self._row(node)
            case _:
                raise self._no_value(node)
        return found

    def _no_value(self, node: Node) -> OttlError:
        say = (
            f"{source(node, self.text)} is a condition, and a value is expected here; "
            "join conditions with and and or, and compare values only"
        )
        return self.wrong("ottl_syntax", say, node)

    def key(self, node: Tree[Token]) -> Expression:
        """What stands in square brackets behind a path."""
        (inner,) = node.children
        if isinstance(inner, Token) and inner.type == "STRING":
            return self.value(inner)
        return self._operand(inner)

    def read(self, function: Callable[[], T], node: Node) -> T:
        """What ``function`` reads; its ``ValueError`` becomes an error at ``node``."""
        try:
            return function()
        except ValueError as error:
            raise self.wrong("ottl_bad_literal", str(error), node) from None

    def _literal(self, token: Token) -> Expression:
        match token.type:
            case "NIL":
                return NilValue()
            case "BOOLEAN":
                return BoolValue(value=str(token) == "true")
            case "INT":
                return IntValue(value=self.read(lambda: literals.integer(token), token))
            case "FLOAT":
                return DoubleValue(value=self.read(lambda: literals.double(token), token))
            case "BYTES":
                return BytesValue(value=self.read(lambda: literals.octets(token), token))
            case _:
                return StringValue(value=self.read(lambda: literals.unquote(token), token))

    def _enum(self, node: Tree[Token]) -> Expression:
        name = str(node.children[0])
        if name in ENUMS:
            return IntValue(value=ENUMS[name])
        near = difflib.get_close_matches(name, list(ENUMS), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else "write e.g. STATUS_CODE_ERROR"
        if said := keyword_meant(name):
            hint = said
        elif not name.isupper():
            hint = f'write {name}(...) for a converter, "{name}" for a text'
        raise self.wrong("ottl_unknown_enum", f"there is no enum {name}; {hint}", node)

    def _path(self, node: Tree[Token], *, counted: bool) -> Expression:
        segments = [child for child in node.children if is_tree(child)]
        words = tuple(str(segment.children[0]) for segment in segments)
        try:
            owner, field = resolve(words, self.context)
        except UnknownPathError as error:
            meant = keyword_meant(words[0]) if len(words) == 1 else None
            say = f"there is no path {words[0]}; {meant}" if meant else str(error)
            raise self.wrong("ottl_unknown_path", say, node) from None
        except NotHereError as error:
            raise self.wrong("ottl_unsupported", str(error), node) from None
        shown = ".".join(words)
        if owner == "span" and field in COUNTED and not counted:
            say = (
                f"the path {shown} has no value to compare; write Len({shown}), or put a "
                "condition on single events under spanevent"
            )
            raise self.wrong("ottl_unsupported", say, node)
        keys = [[key for key in segment.children[1:] if is_tree(key)] for segment in segments]
        indexed = FIELDS[owner][field].indexed
        early = next((key for row in keys[:-1] for key in row), None)
        if early is not None or (keys[-1] and indexed == "no"):
            say = f"{shown} cannot be indexed; write e.g. attributes[...]"
            raise self.wrong("ottl_unknown_path", say, early or keys[-1][0])
        if indexed == "text" and len(keys[-1]) > 1:
            raise self.wrong("ottl_unknown_path", f"{shown} takes one key", keys[-1][1])
        found = tuple(self.key(key) for key in keys[-1])
        if found and fold.is_literal(found[0]) and not isinstance(found[0], StringValue):
            say = f'a key of {shown} is a text; write {shown}["..."]'
            raise self.wrong("ottl_bad_literal", say, keys[-1][0])
        return Path(context=owner, field=field, keys=found)

    def _map(self, node: Tree[Token]) -> Expression:
        entries: dict[str, Expression] = {}
        for pair in node.children:
            if is_tree(pair):
                name, value = pair.children
                key = self._literal(name) if isinstance(name, Token) else self.value(name)
                if isinstance(key, StringValue):
                    entries[key.value] = self.value(value)
        return MapValue(entries=tuple(Entry(key=key, value=at) for key, at in entries.items()))

    def _row(self, node: Tree[Token]) -> Expression:
        """Operators of one precedence, from the left."""
        self._operators += len(node.children) // 2
        if self._operators > DEEPEST:
            say = f"the condition has over {DEEPEST} arithmetic operators; write fewer"
            raise self.wrong("ottl_too_large", say, node)
        left = self._operand(node.children[0])
        for op, right in zip(node.children[1::2], node.children[2::2], strict=True):
            parts = {"op": str(op), "left": left, "right": self._operand(right)}
            left = Math.model_validate(parts)
        return left

    def _signed(self, node: Tree[Token]) -> Expression:
        sign, inner = node.children
        minus = sign == "-"
        if isinstance(inner, Token) and inner.type == "INT":
            return IntValue(value=self.read(lambda: literals.integer(inner, negative=minus), inner))
        if isinstance(inner, Token) and inner.type == "FLOAT":
            number = self.read(lambda: literals.double(inner), inner)
            return DoubleValue(value=-number if minus else number)
        value = self._operand(inner)
        return Negate(of=value) if minus else value

    def _operand(self, node: Node) -> Expression:
        """A side of arithmetic: numbers, paths, converters, and these in parentheses."""
        if is_tree(node) and node.data == "group":
            return self._operand(node.children[0])
        what = node.type if isinstance(node, Token) else node.data
        if what in _ARITHMETIC:
            return self.value(node)
        if is_tree(node) and node.data in _CONDITIONS:
            raise self._no_value(node)
        say = f"{source(node, self.text)} cannot be calculated with; write numbers or paths"
        raise self.wrong("ottl_syntax", say, node)
