"""Queries and values that somebody wrote to see what happens."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tailsampler.store.query import Needs
from tailsampler.testing.spans import request, resource, span
from tailsampler.traces.traceql import (
    OutOfTimeError,
    TraceQLError,
    evaluate,
    needs,
    parse,
)
from tests.traces.memory_store import MemoryStore

PIECES = (
    *"{}()!-+*/%^|,.:= <>~&\"`'\\\n\t",
    *("&&", "||", "!=", "=~", "!~", ">=", ">>", "&>>", "nil", "true", "status", "error", "kind"),
    *("span.", "resource.", "parent.", "event:name", "span:id", "duration", "1s", "1.5", "7"),
    *("with", "count", "by", "select", "rate", '"a"', "`b`", '"\\u00e9"', "\u20ac", "\ud800", "\0"),
)


def refused(text: str) -> TraceQLError | None:
    try:
        needs(parse(text))
    except TraceQLError as error:
        return error
    return None


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=24), loose=st.text(max_size=8))
@example(pieces=["{", "span.", '"', "}"], loose="")
@example(pieces=["{", "1", "s", "0" * 400, "}"], loose="")
def test_any_text_is_a_query_or_a_message(pieces: list[str], loose: str) -> None:
    """Nothing but a query or an error with a place within the text comes out of any text."""
    for text in ("".join(pieces) + loose, "{" + " ".join(pieces) + "}"):
        error = refused(text)
        lines = text.split("\n")
        if error is not None:
            assert 1 <= error.line <= len(lines)
            assert 1 <= error.column <= len(lines[error.line - 1]) + 1
            assert error.say


@pytest.mark.parametrize(
    "pattern", ["(a*)*b", "(a|aa)+b", "(.*a){20}b", "(a?){90}a{90}", "(?:a+)+$x", "([a-z]+)*1"]
)
def test_hostile_expressions(pattern: str) -> None:
    """An expression that takes others for ever is matched in the time of reading the text."""
    store = MemoryStore()
    store.write(request(resource("cart", span("a" * 200_000))).SerializeToString())
    query = parse(f"{{ name =~ `{pattern}` }}")
    found = store.search(
        Needs(), lambda row, trace: evaluate(query, row, trace), limit=9, deadline=lambda: False
    )
    assert not found.hits


def test_a_trace_too_large_for_the_time() -> None:
    """Within one huge trace the time is asked for, too."""
    store = MemoryStore()
    many = [span(trace_id=1, span_id=number + 1) for number in range(1_000)]
    store.write(request(resource("cart", *many)).SerializeToString())
    ((row, trace),) = store._all()
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    with pytest.raises(OutOfTimeError):
        evaluate(parse("{} && {}"), row, trace, stop)
    assert asked == 4
    assert evaluate(parse("{}"), row, trace, lambda: False) == trace.spans
