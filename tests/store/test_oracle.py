"""The store against a list: whatever was written, in whatever parts, both answer the same."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailsampler.store.query import Needs, Row, Term
from tailsampler.store.traces import TraceStore
from tailsampler.traces.model import Trace, decode
from tests.store import strategies as some
from tests.store.opened import opened
from tests.traces.memory_store import MemoryStore, terms_of


def comparable(row: Row) -> Row:
    """Without what the two are free to differ in: how bytes are laid out, and when they came."""
    return replace(row, bytes=0, stored_ns=0)


def fulfils(needs: Needs, row: Row, trace: Trace) -> bool:
    """The whole of ``needs``, of which a store is free to use a part."""
    having = set(terms_of(trace))
    return (
        all(clause & having for clause in needs.clauses)
        and needs.min_duration_ns <= row.duration_ns
        and (needs.max_duration_ns is None or row.duration_ns <= needs.max_duration_ns)
    )


def check(store: TraceStore, oracle: MemoryStore, needs: Needs, limit: int) -> None:
    def matches(row: Row, trace: Trace) -> bool | None:
        return True if fulfils(needs, row, trace) else None

    found = store.search(needs, matches, limit=limit, deadline=lambda: False)
    expected = oracle.search(needs, matches, limit=limit, deadline=lambda: False)
    assert found.complete
    assert [comparable(row) for row, _ in found.hits] == [
        comparable(row) for row, _ in expected.hits
    ]
    try:
        rows = store.rows(needs, limit=limit)
    except ValueError:
        return  # a clause that there is no index for
    assert [comparable(row) for row in rows] == [
        comparable(row) for row in oracle.rows(needs, limit=limit)
    ]


@pytest.mark.parametrize("most_values", [10_000, 1])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_it_answers_as_a_list_does(most_values: int, data: st.DataObject) -> None:
    """Late parts, parts sent again, and values past their bound change no answer."""
    oracle = MemoryStore()
    with (
        tempfile.TemporaryDirectory() as directory,
        opened(Path(directory), most_values=most_values) as store,
    ):
        for payload in data.draw(st.lists(some.payloads, min_size=1, max_size=4)):
            store.write(payload)
            oracle.write(payload)
            if data.draw(st.booleans()):
                again = store.write(payload)
                assert again.spans == 0
        for needs in data.draw(st.lists(some.needs, min_size=1, max_size=4)):
            check(store, oracle, needs, data.draw(st.integers(1, 6)))
        check_contents(store, oracle)
        if most_values > 1:
            check_tags(store, oracle)


def check_contents(store: TraceStore, oracle: MemoryStore) -> None:
    spans = 0
    for number in range(1, 7):
        trace_id = number.to_bytes(16, "big")
        stored, expected = store.get(trace_id), oracle.get(trace_id)
        assert (stored is None) == (expected is None)
        if stored and expected:
            assert comparable(stored.row) == comparable(expected.row)
            assert list(decode(stored.data)) == list(decode(expected.data))
            assert stored.row.bytes == len(stored.data)
            spans += stored.row.spans
    totals = store.totals()
    assert (totals.traces, totals.spans) == (oracle.totals().traces, spans)


def check_tags(store: TraceStore, oracle: MemoryStore) -> None:
    assert set(oracle.tag_names()) <= set(store.tag_names())
    for scope in some.SCOPES:
        for key in (*some.KEYS, "service.name", "name", "kind", "deployment.environment", "none"):
            found = store.tag_values([scope], key, limit=100)
            expected = oracle.tag_values([scope], key, limit=100)
            assert len(set(found)) == len(found)
            short = {term for term in expected if not is_long(term)}
            assert short <= set(found) <= set(expected)


def is_long(term: Term) -> bool:
    return isinstance(term.value, str) and len(term.value) > 256
