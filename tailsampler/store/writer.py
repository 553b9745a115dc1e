"""One payload, one transaction: rows, terms, postings and sums change together or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from google.protobuf.message import DecodeError
from sqlalchemy.engine import Connection

from tailsampler.store import body
from tailsampler.store.fold import SERVICE, Fold, Part, Reader, words_of
from tailsampler.store.indexing import last_id
from tailsampler.store.options import Options, Written
from tailsampler.store.postings import Change
from tailsampler.store.schema import keys, sums, traces
from tailsampler.store.terms import INTRINSIC, MOST_VALUES, TEXT, Dictionary, Key

LONGEST_NAME: Final = 1_024
"""Characters of a service or a name in a row; the spans have it whole."""
LAST_NS: Final = (1 << 63) - 1
"""Times past 2262 are kept in rows as this."""
MOST_KEYS: Final = 2_000
LONGEST_KEY: Final = 256
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Old:
    """A trace that is stored already."""

    id: int
    start_ns: int
    spans: int
    stored_ns: int
    policy: str
    reason: str
    terms: frozenset[int]
    data: bytes | None
    """None if it is damaged; what comes now takes its place."""


@dataclass(slots=True)
class Writer:
    """The writing half of the store: one at a time, in a transaction of the caller's."""

    options: Options
    most_values: int = MOST_VALUES
    dictionary: Dictionary = field(init=False)
    _reader: Reader = field(init=False)
    _keys: set[tuple[int, str]] | None = None

    def __post_init__(self) -> None:
        self.dictionary = Dictionary(self.most_values)
        self._reader = Reader(self.options.indexed | {SERVICE})

    def write(self, connection: Connection, payload: bytes, now_ns: int) -> Written:
        """Store the spans. Raises ``ValueError`` if the payload is not ``TracesData``."""
        try:
            parts = self._reader.by_trace(payload)
        except DecodeError as error:
            raise ValueError(f"these bytes are no trace data: {error}") from error
        olds = self._stored(connection, parts)
        folds = {
            trace_id: self._fold(part, olds.get(trace_id), len(payload))
            for trace_id, part in parts.items()
        }
        new = {trace_id: fold for trace_id, fold in folds.items() if trace_id not in olds}
        grown = {
            trace_id: fold
            for trace_id, fold in folds.items()
            if trace_id in olds
            and (olds[trace_id].data is None or fold.spans > olds[trace_id].spans)
        }
        self._put(connection, new, grown, olds, parts, now_ns)
        rejected = sum(fold.rejected for fold in folds.values())
        added = sum(fold.spans for fold in new.values())
        added += sum(fold.spans - olds[trace_id].spans for trace_id, fold in grown.items())
        message = ""
        if rejected:
            message = f"their traces would be larger than {self.options.max_trace_bytes} bytes"
        return Written(len(folds), added, rejected, message)

    def forget(self) -> None:
        """Know nothing of the database: a transaction failed, or it is another one."""
        self.dictionary.clear()
        self._keys = None

    def _stored(self, connection: Connection, wanted: Iterable[bytes]) -> dict[bytes, _Old]:
        ids, found = list(wanted), dict[bytes, _Old]()
        for first in range(0, len(ids), _AT_ONCE):
            query = sa.select(traces).where(traces.c.trace_id.in_(ids[first : first + _AT_ONCE]))
            for one in connection.execute(query).mappings():
                found[one["trace_id"]] = _Old(
                    id=one["id"],
                    start_ns=one["start_ns"],
                    spans=one["spans"],
                    stored_ns=one["stored_ns"],
                    policy=one["policy"],
                    reason=one["reason"],
                    terms=body.unpack_ids(one["terms"]),
                    data=body.unpack(one["trace_id"], one["encoding"], one["body"]),
                )
        return found

    def _fold(self, part: Part, old: _Old | None, size: int) -> Fold:
        fold = Fold(self._reader, self.options.max_trace_bytes)
        before = 0
        if old is not None and old.data is not None:
            before = len(old.data)
            for stored in self._reader.by_trace(old.data).values():
                fold.add_stored(stored.spans, before)
        # Sizes of single spans are asked for only where they may matter.
        fold.add(part.spans, bounded=before + size > self.options.max_trace_bytes)
        return fold

    def _put(
        self,
        connection: Connection,
        new: Mapping[bytes, Fold],
        grown: Mapping[bytes, Fold],
        olds: Mapping[bytes, _Old],
        parts: Mapping[bytes, Part],
        now_ns: int,
    ) -> None:
        last = last_id(connection)
        rows: list[dict[str, Any]] = []
        wanted: list[set[Key]] = []
        kept = {trace_id: fold for trace_id, fold in new.items() if fold.spans}
        for trace_id, fold in (*kept.items(), *grown.items()):
            old = olds.get(trace_id)
            number = old.id if old else last + len(rows) + 1
            row = self._row(trace_id, fold, old, parts[trace_id])
            rows.append(row | {"id": number, "stored_ns": old.stored_ns if old else now_ns})
            wanted.append(fold.terms() | _terms_of(row, fold))
        ids = self.dictionary.ids(connection, set().union(*wanted))
        change = Change()
        for row, having in zip(rows, wanted, strict=True):
            numbers = frozenset(ids[key] for key in having)
            row["terms"] = body.pack_ids(numbers)
            old = olds.get(row["trace_id"])
            change.move(
                row["id"],
                row["start_ns"],
                numbers,
                was_ns=old.start_ns if old else None,
                before=old.terms if old else frozenset(),
            )
        change.carry_out(connection)
        if kept:
            connection.execute(sa.insert(traces), rows[: len(kept)])
        for row in rows[len(kept) :]:
            connection.execute(sa.update(traces).where(traces.c.id == row["id"]).values(**row))
        spans = sum(row["spans"] for row in rows)
        spans -= sum(olds[trace_id].spans for trace_id in grown)
        connection.execute(
            sa.update(sums).values(traces=sums.c.traces + len(kept), spans=sums.c.spans + spans)
        )
        self._note_keys(connection, folds=(*kept.values(), *grown.values()))

    def _row(self, trace_id: bytes, fold: Fold, old: _Old | None, part: Part) -> dict[str, Any]:
        source, first = fold.first
        policy, reason = words_of(first)
        if not policy:
            found = (old.policy, old.reason) if old and old.policy else None
            policy, reason = found or self.options.policy_of(trace_id) or ("", reason)
        data = fold.body(None if old else part)
        encoding, content = body.pack(data)
        return {
            "trace_id": trace_id,
            "service": source.origin.service[:LONGEST_NAME],
            "name": first.name[:LONGEST_NAME],
            "has_root": int(fold.has_root),
            "start_ns": min(fold.start_ns, LAST_NS),
            "duration_ns": min(max(0, fold.end_ns - fold.start_ns), LAST_NS),
            "errors": fold.errors,
            "policy": policy[:LONGEST_NAME],
            "reason": reason[:LONGEST_NAME],
            "spans": fold.spans,
            "bytes": len(data),
            "encoding": encoding,
            "body": content,
        }

    def _note_keys(self, connection: Connection, folds: Iterable[Fold]) -> None:
        if self._keys is None:
            query = sa.select(keys.c.scope, keys.c.key)
            self._keys = {(scope, key) for scope, key in connection.execute(query)}
        seen = set().union(*(fold.keys() for fold in folds)) - self._keys
        fit = sorted(pair for pair in seen if len(pair[1]) <= LONGEST_KEY)
        fit = fit[: max(0, MOST_KEYS - len(self._keys))]
        if fit:
            connection.execute(
                sa.insert(keys), [{"scope": scope, "key": key} for scope, key in fit]
            )
            self._keys.update(fit)


def _terms_of(row: Mapping[str, Any], fold: Fold) -> set[Key]:
    source, first = fold.first
    found: set[Key] = {
        (INTRINSIC, "rootName", TEXT, first.name),
        (INTRINSIC, "rootServiceName", TEXT, source.origin.service),
    }
    if row["policy"]:
        found.add((INTRINSIC, "policy", TEXT, row["policy"]))
    return found
