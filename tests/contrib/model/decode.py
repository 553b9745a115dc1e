"""One block of YAML, read the way the Collector reads it.

A float given for a whole number is cut off, and one text given for a list is a list of what
stands between its commas.
A number or boolean in quotes, a number among texts and a key that nobody asked for are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, TypeVar

from tests.contrib.model.ottl.converters.times import parse_duration
from tests.contrib.model.ottl.values import OttlError
from tests.contrib.model.settings import StartError

T = TypeVar("T")


class Reader:
    """A mapping that is read key by key; ``at`` says where it stands, for messages."""

    def __init__(self, source: Any, at: str) -> None:
        """Begin.

        Raises:
            StartError: if it is no mapping; null is an empty one.
        """
        if source is not None and not isinstance(source, Mapping):
            raise StartError(f"'{at}' expected a map or struct, got {_kind(source)!r}")
        self.source: Mapping[Any, Any] = source or {}
        self.at = at
        self.read: set[str] = set()

    def value(self, key: str, default: T, convert: Callable[[Any, str], T]) -> T:
        """The value under a key; a missing key and null are the default."""
        self.read.add(key)
        found = self.source.get(key)
        return default if found is None else convert(found, f"{self.at}.{key}".lstrip("."))

    def whole(self, key: str, default: int = 0) -> int:
        """A whole number."""
        return self.value(key, default, _whole)

    def natural(self, key: str, default: int = 0) -> int:
        """A whole number that is not negative."""
        return self.value(key, default, _natural)

    def double(self, key: str) -> float:
        """A number."""
        return self.value(key, 0.0, _double)

    def flag(self, key: str) -> bool:
        """A boolean."""
        return self.value(key, False, _flag)

    def text(self, key: str, default: str = "") -> str:
        """A text."""
        return self.value(key, default, _text)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        return self.value(key, (), _texts)

    def duration_ns(self, key: str, default: int) -> int:
        """A duration such as ``30s``, in nanoseconds."""
        return self.value(key, default, _duration)

    def block(self, key: str) -> Reader:
        """The mapping under a key."""
        self.read.add(key)
        return Reader(self.source.get(key), f"{self.at}.{key}".lstrip("."))

    def blocks(self, key: str) -> list[Reader]:
        """The mappings in the list under a key."""
        items: list[Any] = self.value(key, [], _list)
        return [Reader(item, f"{self.at}.{key}[{n}]".lstrip(".")) for n, item in enumerate(items)]

    def done(self, *, maps_allowed: bool = False) -> None:
        """Refuse keys that were not read; beside name and type, a map is an extension's.

        Raises:
            StartError: naming them.
        """
        unknown = [
            str(key)
            for key, value in self.source.items()
            if key not in self.read and not (maps_allowed and isinstance(value, Mapping))
        ]
        if unknown:
            raise StartError(f"'{self.at}' has invalid keys: {', '.join(sorted(unknown))}")


def _kind(value: Any) -> str:
    return type(value).__name__


def _refuse(value: Any, at: str, wanted: str) -> StartError:
    got = f"got unconvertible type '{_kind(value)}', value: {value!r}"
    return StartError(f"'{at}' expected type '{wanted}', {got}")


def _whole(value: Any, at: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise _refuse(value, at, "int64")
    return int(value)


def _natural(value: Any, at: str) -> int:
    number = _whole(value, at)
    if number < 0:
        raise StartError(f"cannot parse '{at}', {number} overflows uint")
    return number


def _double(value: Any, at: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refuse(value, at, "float64")
    return float(value)


def _flag(value: Any, at: str) -> bool:
    if not isinstance(value, bool):
        raise _refuse(value, at, "bool")
    return value


def _text(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise _refuse(value, at, "string")
    return value


def _list(value: Any, at: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise StartError(f"'{at}': source data must be an array or slice, got {_kind(value)}")
    return [*value]


def _texts(value: Any, at: str) -> tuple[str, ...]:
    if isinstance(value, str):  # the Collector takes one text for a list apart at its commas
        return tuple(value.split(",")) if value else ()
    return tuple(_text(item, f"{at}[{n}]") for n, item in enumerate(_list(value, at)))


def _duration(value: Any, at: str) -> int:
    if not isinstance(value, str):
        return _whole(value, at)  # a bare number is of nanoseconds
    try:
        return parse_duration(value).ns
    except OttlError as error:
        raise StartError(f"'{at}': {error}") from error
