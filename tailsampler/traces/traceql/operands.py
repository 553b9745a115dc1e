"""What stands on a side of a comparison: a field or a value."""

import math
from typing import Final

from lark import Token

from tailsampler.traces.model import KINDS, STATUSES
from tailsampler.traces.traceql.errors import Code, TraceQLError
from tailsampler.traces.traceql.fields import UNSUPPORTED, intrinsic
from tailsampler.traces.traceql.literals import duration_ns, unquote, unquote_key
from tailsampler.traces.traceql.shape import Node, first_token, is_tree
from tailsampler.traces.traceql.tree import Constant, Field, Operand, Symbol, Type

_MAX_INT: Final = (1 << 63) - 1
_BOOLS: Final = {"true": True, "false": False}


def operand_of(node: Node) -> Operand:
    """A field or a value; ``TraceQLError`` if the name is not known or not supported."""
    if is_tree(node):
        return _negative(node.children[1], first_token(node))
    token = first_token(node)
    match token.type:
        case "ATTRIBUTE":
            return _attribute(token)
        case "SCOPED":
            return _intrinsic(token)
        case "WORD":
            return _word(token)
        case "STRING":
            return _string(token)
        case _:
            return _number(token)


def _attribute(token: Token) -> Field:
    scope, _, name = token.partition(".")
    if scope not in {"", "span", "resource"}:
        say = f"{scope}. attributes; write span.name, resource.name or .name"
        raise _error("unsupported", say, token)
    key = unquote_key(name)
    if not scope:
        return Field("any", key)
    return Field("span" if scope == "span" else "resource", key)


def _intrinsic(token: Token) -> Field:
    if token in UNSUPPORTED:
        raise _error("unsupported", f"the intrinsic {token}", token)
    found = intrinsic(token)
    if found is None:
        say = (
            f"{token[:64]} is no intrinsic; write e.g. span:duration, or span.name for an attribute"
        )
        raise _error("syntax", say, token)
    return found


def _word(token: Token) -> Operand:
    if token in _BOOLS:
        return Constant(Type.BOOL, _BOOLS[token])
    if token in STATUSES:
        return Constant(Type.STATUS, Symbol(Type.STATUS, str(token)))
    if token in KINDS:
        return Constant(Type.KIND, Symbol(Type.KIND, str(token)))
    if token in UNSUPPORTED or token in {"minInt", "maxInt"}:
        raise _error("unsupported", f"the name {token}", token)
    found = intrinsic(token)
    if found is None:
        name = token[:64]
        say = (
            f"{name} is no intrinsic and no value; write span.{name}, resource.{name} or "
            f'.{name} for an attribute, "{name}" for a text'
        )
        raise _error("syntax", say, token)
    return found


def _string(token: Token) -> Constant:
    try:
        return Constant(Type.STRING, unquote(token))
    except ValueError as error:
        raise _error("syntax", str(error), token) from None


def _number(token: Token, sign: int = 1) -> Constant:
    if token.type == "DURATION":
        try:
            return _whole(Type.DURATION, sign * duration_ns(token), token)
        except ValueError as error:
            raise _error("syntax", str(error), token) from None
    if token.isdigit():
        return _whole(Type.INT, sign * int(token), token)
    number = sign * float(token)
    if math.isinf(number):
        raise _error("too_large", "the number is too large; write a smaller one", token)
    return Constant(Type.FLOAT, number)


def _whole(kind: Type, number: int, token: Token) -> Constant:
    if not -_MAX_INT <= number <= _MAX_INT:
        raise _error("too_large", "the number does not fit 64 bits; write a smaller one", token)
    return Constant(kind, number)


def _negative(node: Node, at: Token) -> Constant:
    if isinstance(node, Token) and node.type in {"NUMBER", "DURATION"}:
        return _number(node, -1)
    raise _error("unsupported", "a minus before anything but a number", at)


def _error(code: Code, say: str, at: Token) -> TraceQLError:
    return TraceQLError(code, say, at.line or 1, at.column or 1)
