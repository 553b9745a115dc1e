"""The kinds of value that a condition can meet, and how attributes become values.

nil is None, text is str (bytes that are no UTF-8 as lone surrogates), lists and maps are Python's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

SECOND = 1_000_000_000


class OttlError(Exception):
    """A condition that failed while it was evaluated; the error mode says what that means."""


class SyntaxFault(Exception):  # noqa: N818 - the operator's fault, not ours
    """A condition that contrib refuses at start."""


class Panic(Exception):  # noqa: N818 - the real process ends here; not an error one can handle
    """The real processor would crash at this point."""


@dataclass(frozen=True, slots=True)
class TraceId:
    """A trace id; equal to nothing but trace ids."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class SpanId:
    """A span id; equal to nothing but span ids."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Time:
    """A point in time, in nanoseconds since 1970."""

    ns: int


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time in nanoseconds."""

    ns: int


class StringList(list["Value"]):
    """What ``Split`` returns: Go's ``[]string``, which cannot be compared with its own kind."""


@dataclass(frozen=True, slots=True)
class Opaque:
    """A whole object, such as ``resource``, that no operator understands.

    ``members``: how many, of those that ``Len`` and ``IsList`` understand.
    """

    what: str
    members: int | None = None


Value: TypeAlias = (
    "bool | int | float | str | bytes | list[Value] | dict[str, Value]"
    " | TraceId | SpanId | Time | Duration | Opaque | None"
)


def raw_text(text: str) -> bytes:
    """The bytes of a text, as Go sees them."""
    return text.encode("utf-8", "surrogateescape")


def text_of(raw: bytes) -> str:
    """The text of bytes that need not be UTF-8."""
    return raw.decode("utf-8", "surrogateescape")


def wrapped(number: int) -> int:
    """A whole number as 64 signed bits hold it."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


def value_of(value: AnyValue) -> Value:  # noqa: PLR0911 - one for each kind
    """An attribute's value; one that is not set is nil."""
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case "bytes_value":
            return value.bytes_value
        case "array_value":
            return [value_of(item) for item in value.array_value.values]
        case "kvlist_value":
            return map_of(value.kvlist_value.values)
        case _:
            return None


def map_of(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    """A map of attributes; of a key that occurs twice the first value counts."""
    found: dict[str, Value] = {}
    for pair in pairs:
        found.setdefault(pair.key, value_of(pair.value))
    return found


def indexed(value: Value, key: Value, *, missing_is_nil: bool) -> Value:
    """One step into a map or a list.

    Raises:
        OttlError: for anything but a map with a text key or a list with a whole number within it;
            for a key that the map lacks only if ``missing_is_nil`` is false.
    """
    if isinstance(value, Mapping) and isinstance(key, str):
        if key in value or missing_is_nil:
            return value.get(key)
        raise OttlError(f"key {key!r} not found in map")
    if isinstance(value, list) and isinstance(key, int) and not isinstance(key, bool):
        if 0 <= key < len(value):
            return value[key]
        raise OttlError(f"index {key} out of bounds")
    raise OttlError(f"{type(value).__name__} does not support indexing with {key!r}")
