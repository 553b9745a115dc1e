"""Converters that ask for the kind of a value, or make another kind of it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.contrib.model.ottl.compare import compare
from tests.contrib.model.ottl.converters.arguments import (
    Argument,
    Converter,
    anything,
    bool_like,
    double_like,
    items,
    simple,
    text,
    whole_like,
    whole_like_or_nil,
    wrong,
)
from tests.contrib.model.ottl.paths import Context
from tests.contrib.model.ottl.text import as_text
from tests.contrib.model.ottl.values import Opaque, OttlError, Value, raw_text


def _is(*kinds: type) -> Converter:
    def test(_: Context, value: Value) -> bool:
        counted = isinstance(value, Opaque) and value.members is not None
        return type(value) in kinds or (list in kinds and (counted or isinstance(value, list)))

    def check(literal: Value) -> None:
        if literal is not None and type(literal) not in kinds:
            raise wrong(literal, kinds[0].__name__)

    return Converter([Argument("target", anything)], test, check)


def length(value: Value) -> Value:
    """Bytes of a text, elements of a list or map."""
    if isinstance(value, str):
        return len(raw_text(value))
    if isinstance(value, bytes | list | dict):
        return len(value)
    if isinstance(value, Opaque) and value.members is not None:
        return value.members
    raise OttlError(f"Len of {type(value).__name__}")


def parse_json(source: str) -> Value:
    """A JSON object or list; every number becomes a double."""

    def refuse(constant: str) -> float:
        raise ValueError(constant)

    try:
        value = json.loads(source, parse_int=float, parse_constant=refuse)
    except ValueError as error:
        raise OttlError(f"ParseJSON: {error}") from error
    if isinstance(value, dict | list):
        return value
    raise OttlError("ParseJSON: neither an object nor a list")


def contains(target: list[Value], item: Value) -> bool:
    """Whether one element equals the item, as a condition compares."""
    return any(compare(each, item, "==") for each in target)


CONVERTERS: Mapping[str, Converter] = {
    "Bool": simple(anything, Argument("target", bool_like)),
    "ContainsValue": simple(contains, Argument("target", items), Argument("item", anything)),
    "Double": simple(anything, Argument("target", double_like)),
    "Int": simple(anything, Argument("target", whole_like)),
    "IsBool": _is(bool),
    "IsDouble": _is(float),
    "IsInt": _is(int),
    "IsList": _is(list),
    "IsMap": _is(dict),
    "IsString": _is(str),
    "Len": simple(length, Argument("target", anything)),
    "ParseJSON": simple(parse_json, Argument("target", text)),
    "String": simple(anything, Argument("target", as_text)),
}
UP_TO_0_159: Mapping[str, Converter] = {
    "Int": simple(anything, Argument("target", whole_like_or_nil)),
}
