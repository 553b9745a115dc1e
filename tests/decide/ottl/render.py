"""Expressions as text, as ``parse`` would read them back."""

import json
from collections.abc import Sequence

from tailsampler.decide.ottl.expression import (
    And,
    BoolValue,
    BytesValue,
    Call,
    Compare,
    DoubleValue,
    DurationValue,
    Expression,
    Index,
    IntValue,
    ListValue,
    MapValue,
    Math,
    Negate,
    NilValue,
    Not,
    Or,
    Path,
    SpanIdValue,
    StringValue,
    TimeValue,
    TraceIdValue,
)

OWNERS = {"span": "span", "event": "spanevent", "resource": "resource", "scope": "scope"}


def text_of(node: Expression) -> str:
    match node:
        case And(terms=terms):
            return " and ".join(map(term_of, terms))
        case Or(terms=terms):
            return " or ".join(map(term_of, terms))
        case Not(term=term):
            return f"not {term_of(term)}"
        case Compare(op=op, left=left, right=right):
            return f"{value_of(left)} {op} {value_of(right)}"
        case _:
            return value_of(node)


def term_of(node: Expression) -> str:
    return f"({text_of(node)})"


def value_of(node: Expression) -> str:
    match node:
        case Path(context=context, field=field, keys=keys):
            text = f"{OWNERS[context]}.{field}" + keys_of(keys)
        case Call(function=function, arguments=arguments):
            text = f"{function}({', '.join(map(value_of, arguments))})"
        case Index(of=of, keys=keys):
            text = value_of(of) + keys_of(keys)
        case Math(op=op, left=left, right=right):
            text = f"({value_of(left)}) {op} ({value_of(right)})"
        case Negate(of=of):
            text = f"-({value_of(of)})"
        case ListValue(items=items):
            text = f"[{', '.join(map(value_of, items))}]"
        case MapValue(entries=entries):
            pairs = (f"{quoted(entry.key)}: {value_of(entry.value)}" for entry in entries)
            text = f"{{{', '.join(pairs)}}}"
        case _:
            text = literal_of(node)
    return text


def keys_of(keys: Sequence[Expression]) -> str:
    return "".join(f"[{value_of(key)}]" for key in keys)


def literal_of(node: Expression) -> str:
    match node:
        case NilValue():
            text = "nil"
        case BoolValue(value=flag):
            text = str(flag).lower()
        case IntValue(value=number):
            text = str(number)
        case DoubleValue(value=real):
            text = real_of(real)
        case StringValue(value=string):
            text = quoted(string)
        case BytesValue(value=octets):
            text = f"0x{octets.hex()}"
        case _:
            text = constant_of(node)
    return text


def real_of(real: float) -> str:
    mantissa, _, exponent = repr(real).partition("e")
    point = mantissa if "." in mantissa else f"{mantissa}.0"
    return f"{point}e{exponent}" if exponent else point


def constant_of(node: Expression) -> str:
    match node:
        case SpanIdValue(value=octets):
            return f"SpanID(0x{octets.hex()})"
        case TraceIdValue(value=octets):
            return f'TraceID("{octets.hex()}")'
        case DurationValue(ns=ns):
            return f'Duration("{ns}ns")'
        case TimeValue(seconds=seconds, nanos=nanos):
            return f"Unix({seconds}, nanoseconds={nanos})"
        case _:
            raise AssertionError(node)


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
