"""What converters take: arguments turned into the type they ask for, or an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from struct import pack

from tests.contrib.model.ottl.paths import Context
from tests.contrib.model.ottl.text import as_text
from tests.contrib.model.ottl.values import (
    Duration,
    OttlError,
    SpanId,
    Time,
    TraceId,
    Value,
    raw_text,
)

_WHOLE = re.compile(r"[-+]?[0-9]+")
_DOUBLE = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?(inf(inity)?|nan)", re.IGNORECASE)
_HEX = re.compile(r"[-+]?0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][-+]?[0-9]+")


_WORDS = dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True)
_WORDS |= dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False)


@dataclass(frozen=True)
class Argument:
    """A parameter: its name, what it makes of a value, and its value when it is left out."""

    name: str
    convert: Callable[[Value], Value]
    optional: bool = False
    default: Value = None


@dataclass(frozen=True)
class Converter:
    """A function of a condition.

    ``check`` sees the arguments that are literals (the others as None) before there is any
    traffic; its errors, like those of converting a literal, are errors at start.
    """

    arguments: Sequence[Argument]
    run: Callable[..., Value]  # the context, then one value for each argument
    check: Callable[..., object] | None = None
    spans_only: bool = False


def simple(run: Callable[..., Value], *arguments: Argument) -> Converter:
    """A converter that looks at nothing but its arguments."""

    def of_arguments(_: Context, *values: Value) -> Value:
        return run(*values)

    return Converter(arguments, of_arguments)


def wrong(value: Value, wanted: str) -> OttlError:
    """The error of a value of the wrong kind."""
    kind = "nil" if value is None else type(value).__name__
    return OttlError(f"expected {wanted} but got {kind}")


def anything(value: Value) -> Value:
    """The value as it is."""
    return value


def text(value: Value) -> Value:
    """A text, nothing else."""
    if isinstance(value, str):
        return value
    raise wrong(value, "string")


def texts(value: Value) -> Value:
    """A list of values, each as text; nil is written ``<nil>``."""
    if isinstance(value, list):
        written = (as_text(item) for item in value)
        return ["<nil>" if item is None else item for item in written]
    raise wrong(value, "a list")


def whole(value: Value) -> Value:
    """A whole number, nothing else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise wrong(value, "int64")


def whole_like(value: Value) -> Value:
    """Whatever can be a whole number; nil is nil, unreadable text an error."""
    match value:
        case None:
            return None
        case bool() | int():
            return int(value)
        case float():
            fits = isfinite(value) and -(2.0**63) <= value < 2.0**63
            return int(value) if fits else -(1 << 63)  # what the processor's instruction returns
        case str():
            number = int(value) if _WHOLE.fullmatch(value) else 1 << 63
            if -(1 << 63) <= number < 1 << 63:
                return number
    raise wrong(value, "a number")


def whole_like_or_nil(value: Value) -> Value:
    """The same up to v0.159: unreadable text is nil."""
    try:
        return whole_like(value)
    except OttlError:
        if isinstance(value, str):
            return None
        raise


def double_like(value: Value) -> Value:
    """Whatever can be a double; nil is nil, unreadable text an error."""
    match value:
        case None:
            return None
        case bool() | int() | float():
            return float(value)
        case str() if _DOUBLE.fullmatch(value) or _SPECIAL.fullmatch(value):
            number = float(value)
            if isfinite(number) or _SPECIAL.fullmatch(value):
                return number
        case str() if _HEX.fullmatch(value):
            return float.fromhex(value)
    raise wrong(value, "a double")


def bool_like(value: Value) -> Value:
    """Whatever can be a boolean; nil is nil, unreadable text an error."""
    match value:
        case None | bool():
            return value
        case int() | float():
            return value != 0
        case str() if value in _WORDS:
            return _WORDS[value]
    raise wrong(value, "a boolean")


def bytes_like(value: Value) -> Value:
    """Whatever has bytes: numbers big-endian in eight, a boolean in one."""
    match value:
        case None | bytes():
            return value
        case TraceId() | SpanId():
            return value.raw
        case str():
            return raw_text(value)
        case bool():
            return bytes([value])
        case int():
            return pack(">q", value)
        case float():
            return pack(">d", value)
    raise wrong(value, "bytes")


def items(value: Value) -> Value:
    """A list, nothing else."""
    if isinstance(value, list):
        return value
    raise wrong(value, "a list")


def duration(value: Value) -> Value:
    """A duration, nothing else."""
    if isinstance(value, Duration):
        return value
    raise wrong(value, "time.Duration")


def time(value: Value) -> Value:
    """A point in time, nothing else."""
    if isinstance(value, Time):
        return value
    raise wrong(value, "time.Time")
