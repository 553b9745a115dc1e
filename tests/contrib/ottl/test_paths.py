"""What paths read, under ``span`` and under ``spanevent``."""

from __future__ import annotations

import pytest

from tests.contrib.build import request, span, trace_of
from tests.contrib.ottl.ask import ERROR, ROOT_SPAN, START, ask, value

ON_SPANS = [
    'name == "GET /a"',
    'span.name == "GET /a"',
    "kind == SPAN_KIND_SERVER",
    'kind.string == "Server"',
    "status.code == STATUS_CODE_ERROR",
    'status.message == "boom"',
    'trace_state == "vendor=x1,other=y"',
    'trace_state["vendor"] == "x1"',
    'trace_state["absent"] == ""',
    "start_time_unix_nano == 1000000000",
    "end_time_unix_nano == 2500000000",
    "UnixNano(start_time) == start_time_unix_nano",
    "dropped_attributes_count == 3",
    "dropped_events_count == 4",
    "dropped_links_count == 5",
    'trace_id.string == "0102030405060708090a0b0c0d0e0f10"',
    "trace_id == TraceID(0x0102030405060708090a0b0c0d0e0f10)",
    'span_id.string == "0000000000000102"',
    "span_id == SpanID(0x0000000000000102)",
    'parent_span_id.string == "0909090909090909"',
    "parent_span_id == SpanID(0x0909090909090909)",
    "parent_span_id != span_id",
    'resource.attributes["service.name"] == "cart"',
    'resource.attributes["deep"]["k"]["l"] == 1',
    "resource.dropped_attributes_count == 0",
    'resource.schema_url == ""',
    'instrumentation_scope.name == "lib.a"',
    'instrumentation_scope.version == "1.2"',
    'scope.name == "lib.a"',
    'scope.attributes["s"] == 1',
    f'{value("list")}[1] == "two"',
    f"{value('list')}[2][0] == 3",
    f'{value("map")}["a"]["x"][0] == true',
    'attributes[resource.attributes["service.name"]] == nil',
    'attributes[Concat(["te", "xt"], "")] == "Hello"',
    f'{value("missing")}["a"]["b"] == nil',
    f"{value('missing')}[0] == nil",
    f'{value("map")}["missing"]["b"] == nil',
    'cache["anything"] == nil',
    "flags == 257",
    'Len(attributes) > 10 and attributes["text"] == span.attributes["text"]',
]
ON_EVENTS = [
    'name == "exception"',
    'spanevent.name == "exception"',
    'span.name == "GET /a"',
    'attributes["exception.type"] == "Timeout"',
    'spanevent.attributes["exception.type"] == "Timeout"',
    'span.attributes["text"] == "Hello"',
    "time_unix_nano == 7",
    "dropped_attributes_count == 2",
    'resource.attributes["service.name"] == "cart"',
    'instrumentation_scope.name == "lib.a"',
    'span.trace_state["vendor"] == "x1"',
    'attributes["text"] == nil',
]


@pytest.mark.parametrize("condition", ON_SPANS)
def test_paths_of_a_span(condition: str) -> None:
    """A bare path is of the span, and may say so."""
    assert ask(condition) is True


@pytest.mark.parametrize("condition", ON_EVENTS)
def test_paths_of_an_event(condition: str) -> None:
    """A bare path is of the event; the span's say so."""
    assert ask(condition, within="spanevent") is True


@pytest.mark.parametrize(
    ("condition", "within"),
    [
        ("nonsense == 1", "span"),
        ('attributes["a"].b == 1', "span"),
        ("resource.nonsense == 1", "span"),
        ('name["a"] == 1', "span"),
        ("name.string == 1", "span"),
        ('spanevent.name == "x"', "span"),
        ("kind == 1", "spanevent"),
        ("trace_id == nil", "spanevent"),
        ("IsRootSpan()", "spanevent"),
        ("SPAN_KIND_ROBOT == 1", "span"),
    ],
)
def test_what_is_not_there_is_an_error_at_start(condition: str, within: str) -> None:
    """Unknown paths, enums, and the span's own in an event's condition."""
    assert ask(condition, within=within) == START


def test_the_parent_of_a_root_is_sixteen_zeros() -> None:
    """Not the empty text; its id is eight zero bytes."""
    assert ask('parent_span_id.string == ""', trace=ROOT_SPAN) is False
    assert ask('parent_span_id.string == "0000000000000000"', trace=ROOT_SPAN) is True
    assert ask("parent_span_id == SpanID(0x0000000000000000)", trace=ROOT_SPAN) is True
    assert ask("parent_span_id == nil", trace=ROOT_SPAN) is False
    assert ask("IsRootSpan()", trace=ROOT_SPAN) is True
    assert ask("IsRootSpan()") is False


@pytest.mark.parametrize(
    "other", ["0x0000000000000102", '"0000000000000102"', "nil", "258", "trace_id"]
)
def test_ids_equal_only_ids(other: str) -> None:
    """Never bytes, text or nil."""
    assert ask(f"span_id == {other}") is False
    assert ask(f"span_id != {other}") is True


def test_a_malformed_tracestate_has_nil_for_members() -> None:
    """Not the empty text, which is for a key that is absent."""
    bad = trace_of(request(span(trace_state="a=1,B=2")))
    assert ask('trace_state["a"] == nil', trace=bad) is True
    assert ask('trace_state == "a=1,B=2"', trace=bad) is True
    none = trace_of(request(span()))
    assert ask('trace_state["a"] == ""', trace=none) is True


def test_a_member_of_the_tracestate_has_a_text_as_its_name() -> None:
    """Anything else is an error."""
    assert ask("trace_state[1] == nil") == ERROR


def test_times_are_signed() -> None:
    """From 2^63 on they are negative."""
    late = trace_of(request(span(start_time_unix_nano=1 << 63)))
    assert ask("start_time_unix_nano < 0", trace=late) is True


def test_kinds_have_names() -> None:
    """The unknown one has none."""
    names = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer", ""]
    for kind, name in enumerate(names):
        trace = trace_of(request(span(kind=kind)))
        assert ask(f'kind.string == "{name}"', trace=trace) is True


def test_a_path_alone_is_no_condition() -> None:
    """Even if it holds a boolean."""
    assert ask(value("yes")) == START
    assert ask(f"Bool({value('yes')})") is True
    assert ask(f"Int({value('yes')})") == ERROR
