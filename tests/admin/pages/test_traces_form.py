"""The search form's meaning."""

from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailsampler.admin.pages.traces_form import Form
from tailsampler.store.query import Needs, Term
from tailsampler.testing.spans import request, resource, span
from tailsampler.traces.model import decode
from tailsampler.traces.traceql import evaluate
from tests.traces.memory_store import MemoryStore

NOW_NS = 1_700_000_000 * 10**9


@pytest.mark.parametrize(
    ("fields", "traceql"),
    [
        ({}, "{ }"),
        ({"service": "cart"}, '{ resource.service.name = "cart" }'),
        ({"name": 'a "b"\\'}, '{ name = "a \\"b\\"\\\\" }'),
        ({"min": "250", "max": "1.5s"}, "{ trace:duration >= 250ms && trace:duration <= 1500ms }"),
        ({"min": "2 min"}, "{ trace:duration >= 2m }"),
        ({"attributes": "a.b=503 c=x"}, '{ .a.b = 503 && .c = "x" }'),
        ({"attributes": 'n="503" t=true'}, '{ .n = "503" && .t = true }'),
        (
            {"status": "error", "policy": "slow"},
            '{ status = error } && { span.tailsampler.policy = "slow" }',
        ),
        ({"q": "{ name = `x` }"}, "{ name = `x` }"),
        ({"service": "a", "q": "{ .x = 1 }"}, '{ resource.service.name = "a" } && ({ .x = 1 })'),
    ],
)
def test_fields_mean_traceql(fields: dict[str, str], traceql: str) -> None:
    """What the form shows as TraceQL is what it searches for, and it can be parsed."""
    form = Form.of(fields)
    assert form.problems() == {}
    assert form.traceql == traceql
    form.query()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("min", "soon"),
        ("max", "5 parsecs"),
        ("status", "bad"),
        ("since", "2h"),
        ("sort", "random"),
        ("limit", "1000000"),
        ("start", "yesterday"),
        ("end", "-1"),
        ("attributes", "no-equals-sign"),
        ("attributes", 'open="quote'),
    ],
)
def test_what_cannot_be_searched_for_is_said_at_its_field(field: str, value: str) -> None:
    """Every mistake names its field and stays in it, so that it can be mended."""
    form = Form.of({field: value})
    assert list(form.problems()) == [field]
    assert getattr(form, field) == value


def test_a_range_that_is_empty_is_said() -> None:
    """No trace lasts over 2 s and under 1 s."""
    assert list(Form.of({"min": "2s", "max": "1s"}).problems()) == ["max"]


@given(st.dictionaries(st.sampled_from(["service", "name", "policy"]), st.text(max_size=20)))
def test_a_permalink_gives_the_form_back(fields: dict[str, str]) -> None:
    """Whatever was typed survives the address."""
    form = Form.of(fields)
    query = dict(parse_qsl(urlsplit(form.address()).query, errors="surrogatepass"))
    assert Form.of(query) == form


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(str.strip))
def test_any_name_can_be_searched_for(name: str) -> None:
    """Quotes, controls and letters of any script find exactly the span of that name."""
    store = MemoryStore()
    store.write(request(resource("s", span(name.strip()))).SerializeToString())
    (row,) = store.rows(Needs(), limit=1)
    stored = store.get(row.trace_id)
    assert stored is not None
    trace = next(decode(stored.data))
    assert evaluate(Form.of({"name": name}).query(), row, trace)
    assert not evaluate(Form.of({"name": f"{name.strip()}?"}).query(), row, trace)


def test_needs_carry_the_time_range() -> None:
    """A preset moves with the clock; a range from the address does not."""
    assert Form.of({"since": "5m"}).needs(NOW_NS).start_ns == NOW_NS - 300 * 10**9
    fixed = Form.of({"since": "5m", "start": "10", "end": "20"}).needs(NOW_NS)
    assert (fixed.start_ns, fixed.end_ns) == (10 * 10**9, 20 * 10**9)


def test_one_field_is_asked_of_the_indexes_alone() -> None:
    """No span has to be decoded for what the store knows by itself."""
    whole = Form.of({"service": "cart", "policy": "slow", "min": "1s"}).whole_needs(NOW_NS)
    assert whole == Needs(
        clauses=(
            frozenset({Term("resource", "service.name", "cart")}),
            frozenset({Term("intrinsic", "policy", "slow")}),
        ),
        min_duration_ns=10**9,
    )


@pytest.mark.parametrize(
    "fields", [{"service": "a", "name": "b"}, {"q": "{ }"}, {"attributes": "a=1"}]
)
def test_what_one_span_must_have_at_once_is_looked_at(fields: dict[str, str]) -> None:
    """Two terms may stand on two spans, so the indexes alone would find too much."""
    assert Form.of(fields).whole_needs(NOW_NS) is None


def test_the_api_is_asked_the_same() -> None:
    """The JSON link carries the TraceQL, the number and the time range in seconds."""
    form = Form.of({"service": "cart", "since": "5m", "limit": "20"})
    query = parse_qs(urlsplit(form.api_address(NOW_NS)).query)
    assert query == {
        "q": [form.traceql],
        "limit": ["20"],
        "start": ["1699999700"],
        "end": ["1700000000"],
    }
