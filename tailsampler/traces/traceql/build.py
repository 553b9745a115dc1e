"""Conditions within braces, from the parser's tree: names looked up, types checked."""

from typing import Final, cast

from lark import Token, Tree

from tailsampler.traces.traceql.errors import Code, TraceQLError
from tailsampler.traces.traceql.fields import ID_DIGITS
from tailsampler.traces.traceql.operands import operand_of
from tailsampler.traces.traceql.regex import compile_regex
from tailsampler.traces.traceql.shape import Node, first_token, fold, is_tree
from tailsampler.traces.traceql.tree import (
    And,
    Compare,
    Condition,
    Constant,
    Exists,
    Field,
    Not,
    Op,
    Operand,
    Or,
    Regex,
    Truth,
    Type,
)

_FLIPPED: Final[dict[Op, Op]] = {
    "=": "=",
    "!=": "!=",
    ">": "<",
    ">=": "<=",
    "<": ">",
    "<=": ">=",
}
_ALWAYS: Final = Truth(Constant(Type.BOOL, value=True))


def condition_of(node: Node | None) -> Condition:
    """What stands between braces; nothing holds for every span."""
    if node is None:
        return _ALWAYS
    if not is_tree(node):
        return _truth(node)
    match node.data:
        case "either":
            operators = [str(token) for token in node.children[1::2]]
            return fold([condition_of(part) for part in node.children[::2]], operators, And, Or)
        case "negation":
            return Not(condition_of(node.children[1]))
        case "comparison":
            return _comparison(node)
        case "sum":
            raise _arithmetic(node)
        case _:
            return _truth(node)


def _comparison(node: Tree[Token]) -> Condition:
    left, sign, right = node.children[:3]
    at = first_token(sign)
    if len(node.children) > 3:
        raise _error("unsupported", "comparisons in a row; use && between them", node.children[3])
    if _is_nil(left) or _is_nil(right):
        return _exists(left, at, right)
    one, other = _operand(left), _operand(right)
    _check_types(at, one.type, other.type)
    if at in {"=~", "!~"}:
        return _regex(at, one, other, right)
    op = cast("Op", str(at))
    if isinstance(one, Constant) and isinstance(other, Field):
        one, other, op = other, one, _FLIPPED[op]
    return Compare(op, one, _padded(one, other))


def _operand(node: Node) -> Operand:
    if is_tree(node):
        if node.data == "sum":
            raise _arithmetic(node)
        if node.data == "negation":
            say = "! binds tighter than a comparison; write !(...) around the whole"
            raise _error("unsupported", say, node)
        if node.data in {"comparison", "either"}:
            raise _error("unsupported", "comparing what is true; use &&, || and !", node)
    return operand_of(node)


def _check_types(sign: Token, left: Type | None, right: Type | None) -> None:
    if left and right and left is not right and not (left.is_number and right.is_number):
        say = f"{left.value} does not compare with {right.value}"
        raise _error("wrong_type", f"{say}; write values of one type on both sides", sign)
    for side in (left, right):
        if side is None or sign in {"=", "!="} or (side.is_number and "~" not in sign):
            continue
        if side is not Type.STRING:
            say = f"{sign} does not work on {side.value}; write = or !="
            raise _error("wrong_type", say, sign)


def _regex(sign: Token, left: Operand, right: Operand, at: Node) -> Condition:
    if not isinstance(right, Constant) or not isinstance(right.value, str):
        say = f'behind {sign} stands a regular expression, e.g. "GET|POST"'
        raise _error("wrong_type", say, at)
    try:
        matches = compile_regex(right.value)
    except ValueError as error:
        say = f"the regular expression cannot be used: {error}; RE2 says what can be written"
        raise _error("bad_regex", say, at) from None
    return Regex(left, right.value, sign == "!~", matches)


def _exists(left: Node, sign: Token, right: Node) -> Condition:
    if sign not in {"=", "!="}:
        raise _error("wrong_type", f"{sign} does not work on nil; write = nil or != nil", sign)
    if _is_nil(left) and _is_nil(right):
        return Truth(Constant(Type.BOOL, value=False))
    operand = _operand(right if _is_nil(left) else left)
    if isinstance(operand, Constant):
        raise _error("wrong_type", "only a field can be nil; write e.g. span.x = nil", sign)
    never = operand.scope == "intrinsic" or operand == Field("resource", "service.name")
    if never and sign == "=":
        say = f"{operand.key} is never nil; compare it with a value"
        raise _error("wrong_type", say, sign)
    return Exists(operand, sign == "=")


def _truth(node: Node) -> Condition:
    operand = _operand(node)
    if operand.type not in {None, Type.BOOL}:
        say = "what stands alone must be true or false; compare it with something"
        raise _error("wrong_type", say, node)
    return Truth(operand)


def _padded(field: Operand, other: Operand) -> Operand:
    """Ids as we keep them, however they were pasted: lower case, leading zeros there."""
    digits = ID_DIGITS.get(field.key) if isinstance(field, Field) else None
    if digits is None or not isinstance(other, Constant) or not isinstance(other.value, str):
        return other
    return Constant(other.type, other.value.lower().zfill(digits) if other.value else "")


def _is_nil(node: Node) -> bool:
    return isinstance(node, Token) and node.type == "WORD" and node == "nil"


def _arithmetic(node: Tree[Token]) -> TraceQLError:
    return _error("unsupported", "arithmetic; write the result", node.children[1])


def _error(code: Code, say: str, at: Node) -> TraceQLError:
    token = first_token(at)
    return TraceQLError(code, say, token.line or 1, token.column or 1)
