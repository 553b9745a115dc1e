"""Terms as the database knows them: numbers that stand for a value of a key.

The dictionary is bounded. Of a key that has too many values, and of a value that is too long, the
rest share ``BUCKETS`` terms, so that a search by such a value still looks at few traces, and never
passes over one that has it.
"""

from __future__ import annotations

import math
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from tailsampler.store.query import Scope, Term
from tailsampler.store.schema import terms

TEXT, NUMBER, FLAG, BUCKET = 0, 1, 2, 3
SCOPES: Final[tuple[Scope, ...]] = ("intrinsic", "resource", "span")
INTRINSIC, RESOURCE, SPAN = 0, 1, 2
INTRINSICS: Final = ("name", "rootName", "rootServiceName", "kind", "status", "policy")
BUCKETS: Final = 1_024
LONGEST: Final = 256
"""Characters of a value that gets a term of its own."""
MOST_VALUES: Final = 10_000
"""Values of a key that get terms of their own."""
# Of the writer, in memory: some 200 bytes each.
_CACHED: Final = 100_000
# SQLite takes 32,766 parameters in a statement; fewer keep statements short.
_AT_ONCE: Final = 500
_I64: Final = 1 << 63

Key: TypeAlias = "tuple[int, str, int, str | int | float]"
"""Scope, key, kind and value. A number equals itself as int and as float; a flag is 0 or 1."""


def key_of(scope: int, key: str, value: object) -> Key | None:
    """The key of an attribute's value; None if no term can stand for it."""
    if isinstance(value, str):
        return scope, key, TEXT, value
    if isinstance(value, bool):
        return scope, key, FLAG, int(value)
    if isinstance(value, int):
        if -_I64 <= value < _I64:
            return scope, key, NUMBER, value
        # No attribute is such an int, but one may be a float that equals it.
        value = float(value) if abs(value) < 1 << 1023 and float(value) == value else math.nan
    if isinstance(value, float) and not math.isnan(value):
        return scope, key, NUMBER, value
    return None


def term_of(scope: int, key: str, kind: int, value: str | float) -> Term:
    """The term that a key stands for."""
    return Term(SCOPES[scope], key, bool(value) if kind == FLAG else value)


def bucket_of(key: Key) -> Key:
    """The term that stands for a value that has none of its own."""
    scope, name, kind, value = key
    # Of a number: the same in every process, and for 500 and 500.0.
    number = zlib.crc32(str(value).encode()) if kind == TEXT else hash(value)
    return scope, name, BUCKET, number % BUCKETS


def is_long(key: Key) -> bool:
    """Whether a value is too long for a term of its own."""
    return key[2] == TEXT and len(str(key[3])) > LONGEST


def look_up(connection: Connection, wanted: Iterable[Key]) -> dict[Key, tuple[int, int]]:
    """The id of each term that is there, and how many traces have it."""
    groups: defaultdict[tuple[int, str, int], list[str | int | float]] = defaultdict(list)
    for scope, key, kind, value in wanted:
        groups[scope, key, kind].append(value)
    found: dict[Key, tuple[int, int]] = {}
    for (scope, key, kind), values in groups.items():
        for first in range(0, len(values), _AT_ONCE):
            query = sa.select(terms.c.value, terms.c.id, terms.c.traces).where(
                terms.c.scope == scope,
                terms.c.key == key,
                terms.c.kind == kind,
                terms.c.value.in_(values[first : first + _AT_ONCE]),
            )
            for value, number, traces in connection.execute(query):
                found[scope, key, kind, value] = number, traces
    return found


@dataclass(slots=True)
class Dictionary:
    """The writer's view of the terms. Forget it when a transaction failed."""

    most_values: int = MOST_VALUES
    _ids: dict[Key, int] = field(default_factory=dict)
    _values: dict[tuple[int, str], int] = field(default_factory=dict)
    """How many values a key has terms for, buckets not counted."""

    def ids(self, connection: Connection, wanted: Collection[Key]) -> Mapping[Key, int]:
        """Ids of all the terms; those that are new are made, with no traces yet."""
        if len(self._ids) > _CACHED:
            self._ids.clear()
        short = {key for key in wanted if not is_long(key)}
        self._load(connection, short)
        new = [key for key in short if key not in self._ids]
        made = [key for key in new if self._has_room(connection, key)]
        self._make(connection, made)
        buckets = {key: bucket_of(key) for key in wanted if key not in self._ids}
        self._load(connection, set(buckets.values()))
        self._make(connection, {key for key in buckets.values() if key not in self._ids})
        return {key: self._ids[buckets.get(key, key)] for key in wanted}

    def forget(self, gone: Iterable[Key]) -> None:
        """Terms that were removed from the database."""
        for key in gone:
            self._ids.pop(key, None)
            if key[2] != BUCKET and key[:2] in self._values:
                self._values[key[:2]] -= 1

    def clear(self) -> None:
        """Know nothing."""
        self._ids.clear()
        self._values.clear()

    def _load(self, connection: Connection, wanted: Collection[Key]) -> None:
        missing = [key for key in wanted if key not in self._ids]
        if missing:
            for key, (number, _) in look_up(connection, missing).items():
                self._ids[key] = number

    def _has_room(self, connection: Connection, key: Key) -> bool:
        name = key[:2]
        if name not in self._values:
            query = sa.select(sa.func.count()).where(
                terms.c.scope == key[0], terms.c.key == key[1], terms.c.kind != BUCKET
            )
            self._values[name] = connection.execute(query).scalar_one()
        if self._values[name] >= self.most_values:
            return False
        self._values[name] += 1
        return True

    def _make(self, connection: Connection, new: Collection[Key]) -> None:
        if not new:
            return
        last = connection.execute(sa.select(sa.func.max(terms.c.id))).scalar_one() or 0
        rows = []
        for number, key in enumerate(new, start=last + 1):
            scope, name, kind, value = key
            rows.append(
                {"id": number, "scope": scope, "key": name, "kind": kind, "value": value}
                | {"traces": 0}
            )
            self._ids[key] = number
        connection.execute(sa.insert(terms), rows)
