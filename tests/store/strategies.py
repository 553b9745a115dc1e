"""Traces, payloads and questions at random, from few enough values that they meet."""

from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span, Status

from tailsampler.store.query import Needs, Scope, Term
from tailsampler.testing.spans import Value, request, resource, span

INDEXED = frozenset({"http.route", "code", "deployment.environment"})
KEYS = ("http.route", "code", "plain")
SERVICES = ("shop", "cart", "")
NAMES = ("GET /", "SELECT", "", "n\u00e4me \u202e", "long " * 100)

values: st.SearchStrategy[Value] = st.one_of(
    st.sampled_from(["/", "/cart", "500", "long " * 60]),
    st.sampled_from([0, 1, 500, -1, 2**63 - 1]),
    st.sampled_from([0.0, 1.0, 500.0, 0.5, float("inf")]),
    st.booleans(),
    st.sampled_from([b"bytes", ["a", "b"]]),
)
attributes = st.dictionaries(st.sampled_from(KEYS), values, max_size=3)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    """Of one of five traces; the id says which start it has, so that no two starts are equal."""
    trace_id, span_id = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    one = span(
        draw(st.sampled_from(NAMES)),
        trace_id=trace_id,
        span_id=span_id,
        parent_id=draw(st.sampled_from([None, 0, 1, 2])),
        start_ms=trace_id * 1_000 + span_id,
        duration_ms=draw(st.sampled_from([-5, 0, 1, 100, 5_000])),
        status=draw(st.sampled_from([Status.STATUS_CODE_UNSET, Status.STATUS_CODE_ERROR])),
        attributes=draw(attributes),
    )
    if trace_id % 2 and not any(one.parent_span_id):
        one.attributes.add(key="tailsampler.policy").value.string_value = "errors"
    one.kind = draw(st.sampled_from([Span.SPAN_KIND_UNSPECIFIED, Span.SPAN_KIND_SERVER]))
    return one


@st.composite
def groups(draw: st.DrawFn) -> ResourceSpans:
    """Spans of several traces below one resource."""
    return resource(
        draw(st.sampled_from(SERVICES)),
        *draw(st.lists(spans(), max_size=5)),
        attributes=draw(st.dictionaries(st.just("deployment.environment"), values, max_size=1)),
    )


payloads = st.lists(groups(), max_size=4).map(lambda found: request(*found).SerializeToString())
plain = values.filter(lambda value: isinstance(value, str | int | float))
terms = st.one_of(
    st.builds(Term, st.just("span"), st.sampled_from(KEYS), plain),
    st.builds(Term, st.just("resource"), st.just("deployment.environment"), plain),
    st.builds(Term, st.just("resource"), st.just("service.name"), st.sampled_from(SERVICES)),
    st.builds(
        Term,
        st.just("intrinsic"),
        st.sampled_from(["name", "rootName", "rootServiceName", "kind", "status", "policy"]),
        st.sampled_from([*NAMES, *SERVICES, "unknown_service", "error", "server", "errors"]),
    ),
)
moments = st.none() | st.integers(0, 7_000).map(lambda ms: 1_700_000_000_000_000_000 + ms * 10**6)
needs = st.builds(
    Needs,
    clauses=st.lists(st.frozensets(terms, max_size=3), max_size=3).map(tuple),
    min_duration_ns=st.sampled_from([0, 0, 1, 10**8, 2**63, 2**64]),
    max_duration_ns=st.sampled_from([None, None, 0, 10**8, 5 * 10**9, 2**64]),
    start_ns=moments,
    end_ns=moments,
)
SCOPES: tuple[Scope, ...] = ("intrinsic", "resource", "span")
