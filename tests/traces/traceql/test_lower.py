"""What the store is asked to narrow a search by."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Status

from tailsampler.store.query import Needs, Row, Term
from tailsampler.testing.spans import request, resource, span
from tailsampler.traces.model import Trace
from tailsampler.traces.traceql import evaluate, needs, parse
from tests.traces.memory_store import MemoryStore

A, B = Term("intrinsic", "name", "a"), Term("intrinsic", "name", "b")
CART = Term("resource", "service.name", "cart")


def clauses(query: str) -> list[set[Term]]:
    return [set(clause) for clause in needs(parse(query)).clauses]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ resource.service.name = `cart` }", [{CART}]),
        ("{ `cart` = resource.service.name && .x > 1 }", [{CART}]),
        ("{ .x = 1 }", [{Term("span", "x", 1), Term("resource", "x", 1)}]),
        ("{ status = error }", [{Term("intrinsic", "status", "error")}]),
        ("{ kind = server }", [{Term("intrinsic", "kind", "server")}]),
        ("{ span:name = `a` }", [{A}]),
        ("{ rootName = `a` }", [{Term("intrinsic", "rootName", "a")}]),
        ("{ trace:rootService = `a` }", [{Term("intrinsic", "rootServiceName", "a")}]),
        ("{ span.ok }", [{Term("span", "ok", value=True)}]),
        ("{ name =~ `a|b` }", [{A, B}]),
        ("{ name = `a` } || { name = `b` }", [{A, B}]),
        ("{ (name = `a` && status = error) || name = `b` }", [{A, B}]),
        ("{ name = `a` } && { name = `b` }", [{A}, {B}]),
        ("{ name = `a` || duration > 1s }", []),
        ("{ name != `a` }", []),
        ("{ name =~ `a.*` }", []),
        ("{ name !~ `a` }", []),
        ("{ !(name = `a`) }", []),
        ("{ .x = nil }", []),
        ("{ statusMessage = `x` }", []),
    ],
)
def test_terms(query: str, expected: list[set[Term]]) -> None:
    """Equality gives a term, ``||`` one clause of both sides, negation nothing."""
    assert clauses(query) == expected


@pytest.mark.parametrize(
    ("query", "least", "most"),
    [
        ("{ duration > 1s }", 1_000_000_001, None),
        ("{ duration >= 1s }", 1_000_000_000, None),
        ("{ 1s < duration }", 1_000_000_001, None),
        ("{ duration > 1.5 }", 2, None),
        ("{ duration < 1s }", 0, None),
        ("{ duration > -1s }", 0, None),
        ("{ traceDuration <= 1s && duration > 10ns }", 11, 1_000_000_000),
        ("{ trace:duration = 5ns }", 5, 5),
        ("{ duration > 1s || duration > 2s }", 1_000_000_001, None),
        ("{ traceDuration < 1s || traceDuration < 2s }", 0, 2_000_000_000),
        ("{ traceDuration < 1s || name = `a` }", 0, None),
        ("{ duration > 1s } && { duration > 2s }", 2_000_000_001, None),
        ("{ duration > 1e300 }", (1 << 63) - 1, None),
        ("{ traceDuration < 1e300 }", 0, None),
    ],
)
def test_durations(query: str, least: int, most: int | None) -> None:
    """A span is no longer than its trace; bounds fit the 64 bits that a database has."""
    found = needs(parse(query))
    assert (found.min_duration_ns, found.max_duration_ns) == (least, most)


WORDS = st.sampled_from(["a", "b", "cart"])
KEYS = st.sampled_from(["x", "y", "service.name"])
VALUES = st.one_of(WORDS, st.integers(0, 3), st.sampled_from([0.0, 1.0, 2.5]), st.booleans())


def literal(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"`{value}`" if isinstance(value, str) else str(value)


LITERALS = st.one_of(
    VALUES.map(literal),
    st.sampled_from(["0ns", "1ns", "5ms", "-1", "-2.5"]),
)
ORDERED = LITERALS.filter(lambda text: text not in {"true", "false"})
FIELDS = st.tuples(st.sampled_from(["span.", "resource.", "."]), KEYS).map("".join)
ATOMS = st.one_of(
    st.tuples(FIELDS, st.sampled_from(["=", "!="]), LITERALS).map(" ".join),
    st.tuples(LITERALS, st.sampled_from(["=", "!="]), FIELDS).map(" ".join),
    st.tuples(FIELDS, st.sampled_from([">", ">=", "<", "<="]), ORDERED).map(" ".join),
    st.tuples(ORDERED, st.sampled_from([">", "<="]), FIELDS).map(" ".join),
    st.tuples(
        st.sampled_from(["duration", "traceDuration"]),
        st.sampled_from(["=", "!=", ">", ">=", "<", "<="]),
        st.sampled_from(["0s", "1ms", "5ms", "10ms", "5000000.5", "4999999", "-1ms"]),
    ).map(" ".join),
    st.tuples(
        st.sampled_from(["name", "rootName", "rootServiceName", "resource.service.name"]),
        st.sampled_from(["= `a`", "!= `a`", "=~ `a|b`", "!~ `b|cart`", "=~ `.*a.*`"]),
    ).map(" ".join),
    st.sampled_from(["status = error", "status != error", "kind = client", "kind != server"]),
    st.tuples(FIELDS, st.sampled_from(["= nil", "!= nil"]))
    .map(" ".join)
    .filter(lambda text: text != "resource.service.name = nil"),
    FIELDS,
    st.sampled_from(["true", "false"]),
)


def larger(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    joined = st.tuples(parts, st.sampled_from(["&&", "||"]), parts).map(" ".join)
    return st.one_of(joined, parts.map(lambda part: f"({part})"), parts.map("!({})".format))


CONDITIONS = st.recursive(ATOMS, larger, max_leaves=6)
SPANSETS = st.recursive(
    CONDITIONS.map("{{ {} }}".format),
    lambda parts: st.tuples(parts, st.sampled_from(["&&", "||"]), parts).map(
        lambda each: f"({' '.join(each)})"
    ),
    max_leaves=3,
)


SPANS = st.builds(
    span,
    WORDS,
    trace_id=st.just(7),
    span_id=st.integers(1, 40),
    parent_id=st.one_of(st.none(), st.integers(1, 40)),
    start_ms=st.sampled_from([0, 1, 5]),
    duration_ms=st.sampled_from([0, 1, 4, 5, 10]),
    status=st.sampled_from([Status.STATUS_CODE_UNSET, Status.STATUS_CODE_ERROR]),
    kind=st.sampled_from([1, 2, 3]),
    attributes=st.dictionaries(KEYS, VALUES, max_size=2),
)
RESOURCES = st.builds(resource, WORDS, SPANS, attributes=st.dictionaries(KEYS, VALUES, max_size=2))


@settings(max_examples=300, deadline=None)
@given(
    text=st.one_of(ATOMS.map("{{ {} }}".format), SPANSETS),
    groups=st.lists(RESOURCES, min_size=1, max_size=4),
)
def test_needs_are_necessary(text: str, groups: list[ResourceSpans]) -> None:
    """No trace that matches is ever kept from being asked about."""
    store = MemoryStore()
    store.write(request(*groups).SerializeToString())
    query = parse(text)

    def matches(row: Row, trace: Trace) -> bool | None:
        return True if evaluate(query, row, trace) else None

    def found(needed: Needs) -> int:
        return len(store.search(needed, matches, limit=9, deadline=lambda: False).hits)

    assert found(needs(query)) == found(Needs())
