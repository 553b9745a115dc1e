"""Texts that somebody wrote to see what happens."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tailsampler.decide.ottl import Condition, OttlError, describe, parse
from tests.decide.ottl.cases import REFUSED, SPAN_CONDITIONS, Context

PIECES = (
    *"()[]{}.,:+-*/=<>!&|%'\"\\ \t\n",
    *("and", "or", "not", "nil", "true", "==", "!=", "<=", "1", "1.5", "0x0f", '"a"', '"\\d"'),
    *("name", "attributes", "resource.", "span.", "kind", "events", "trace_state", "cache"),
    *("Len", "Split", "IsMatch", "IsRootSpan()", "Now", "set", "STATUS_CODE_OK", "target="),
    *('["k"]', "[0]", '"("', "\u20ac", "\ud800", "\0", "\u00a0"),
)


def refused(text: str, context: Context) -> OttlError | None:
    try:
        condition = parse(text, context)
    except OttlError as error:
        return error
    assert Condition.model_validate_json(condition.model_dump_json()) == condition
    assert describe(condition)
    return None


@settings(max_examples=300)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=14), loose=st.text(max_size=6))
@example(pieces=["name", "==", '"\\'], loose="")
@example(pieces=["1", "." * 300], loose="")
def test_any_text_is_a_condition_or_a_message(pieces: list[str], loose: str) -> None:
    """Nothing but a condition, or an error with a place within the text, comes of any text."""
    for text in ("".join(pieces) + loose, " ".join(pieces)):
        for context in ("span", "spanevent"):
            error = refused(text, "span" if context == "span" else "spanevent")
            if error is not None:
                lines = text.split("\n")
                assert 1 <= error.line <= len(lines)
                assert 1 <= error.column <= len(lines[error.line - 1]) + 1
                assert error.say
                assert len(error.caret().split("\n")) == 2


@given(text=st.sampled_from(SPAN_CONDITIONS), cut=st.integers(0, 200))
def test_a_condition_that_was_cut_off(text: str, cut: int) -> None:
    """Half a condition is a condition or a message."""
    refused(text[:cut], "span")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 8_000,
        "[" * 8_000 + "]" * 8_000,
        "not (" * 3_000 + "true" + ")" * 3_000,
        "Len(" * 3_000 + "name" + ")" * 3_000 + " == 1",
        "kind" + " - kind" * 2_000 + " == 1",
        "true" + " and true" * 1_700,
        '{"a": ' * 2_000 + "1" + "}" * 2_000 + " == nil",
        'IsMatch(name, "' + "(a*)*" * 500 + '")',
    ],
    ids=lambda text: text[:12],
)
def test_large_conditions_end(text: str) -> None:
    """However deep or long, it is read or refused; nothing runs out of stack."""
    refused(text, "span")


def test_messages_are_short() -> None:
    """However long what is wrong is, its message fits a terminal."""
    for text, *_ in REFUSED:
        error = refused(text, "span")
        assert error is not None
        assert len(error.say) < 200
