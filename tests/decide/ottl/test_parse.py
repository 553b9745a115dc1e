"""What is a condition, what is not, and what the message says."""

import pytest

from tailsampler.decide.ottl import Condition, OttlError, parse
from tailsampler.decide.ottl.expression import BoolValue, Call, Compare, IntValue, Path, StringValue
from tests.decide.ottl.cases import (
    REFUSED,
    REFUSED_ON_EVENTS,
    SPAN_CONDITIONS,
    SPANEVENT_CONDITIONS,
    Context,
)


def test_the_tables_are_as_large_as_the_language_needs() -> None:
    """A table that was cut by accident is noticed."""
    assert len({*SPAN_CONDITIONS, *SPANEVENT_CONDITIONS}) > 120
    assert len({*REFUSED, *REFUSED_ON_EVENTS}) > 150


@pytest.mark.parametrize("text", SPAN_CONDITIONS)
def test_conditions_on_spans(text: str) -> None:
    """It is read, and keeps its text."""
    condition = parse(text, "span")
    assert (condition.text, condition.context) == (text, "span")
    assert Condition.model_validate_json(condition.model_dump_json()) == condition


@pytest.mark.parametrize("text", SPANEVENT_CONDITIONS)
def test_conditions_on_events(text: str) -> None:
    """It is read, and keeps its text."""
    condition = parse(text, "spanevent")
    assert (condition.text, condition.context) == (text, "spanevent")
    assert Condition.model_validate_json(condition.model_dump_json()) == condition


@pytest.mark.parametrize(
    ("context", "text", "say", "code", "line", "column"),
    [("span", *case) for case in REFUSED] + [("spanevent", *case) for case in REFUSED_ON_EVENTS],
)
def test_what_is_wrong_is_named_with_its_place(
    context: Context, text: str, say: str, code: str, line: int, column: int
) -> None:
    """The message names it and says what to write; the mark stands under it."""
    with pytest.raises(OttlError) as caught:
        parse(text, context)
    error = caught.value
    assert say in error.say
    assert (error.code, error.line, error.column) == (f"ottl_{code}", line, column)
    assert (error.at.line, error.at.column) == (line, column)
    shown, mark = error.caret().split("\n")
    assert shown == f"  {text.split(chr(10))[line - 1]}"
    assert mark.index("^") == 2 + column - 1


def test_an_error_shows_line_and_mark() -> None:
    """A person sees the place without counting, after a tab, too."""
    with pytest.raises(OttlError) as caught:
        parse('true and\n\tIsMatc(name, "a")', "span")
    assert str(caught.value) == (
        "line 2, column 2: there is no function IsMatc; did you mean IsMatch?\n"
        '  \tIsMatc(name, "a")\n'
        "  \t^"
    )


def test_a_bare_path_is_of_the_context() -> None:
    """The span's name in a condition on spans, the event's in one on events."""
    for context, owner in (("span", "span"), ("spanevent", "event")):
        found = parse('name == "a"', "spanevent" if context == "spanevent" else "span").expression
        assert isinstance(found, Compare)
        assert isinstance(found.left, Path)
        assert (found.left.context, found.left.field) == (owner, "name")


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("span.name == nil", "name == nil"),
        ("instrumentation_scope.name == nil", "scope.name == nil"),
        ("kind == SPAN_KIND_SERVER", "kind == 2"),
        ("status.code == STATUS_CODE_ERROR", "status.code == 2"),
        ('Trim(name, " ") == "a"', 'Trim(name) == "a"'),
        ("start_time == Unix(5, 0)", "start_time == Unix(5)"),
        ("start_time == Unix(4, 1000000000)", "start_time == Unix(5)"),
        ('start_time == Time("1970-01-01T00:00:05Z", "%FT%T%z")', "start_time == Unix(5)"),
        ('ConvertCase(name, "snake") == "a"', 'ToSnakeCase(name) == "a"'),
        ('span_id == SpanID("00ff00ff00ff00FF")', "span_id == SpanID(0x00ff00ff00ff00ff)"),
        ('name == "\\x41\\102\\u0043"', 'name == "ABC"'),
        ("((kind)) == (2)", "kind == 2"),
        ("1 + 2 * kind == 3 - 1 - 1", "1 + (2 * kind) == (3 - 1) - 1"),
        ("true == true and name == nil or name != nil", "(name == nil) or name != nil"),
        ("not kind == 2 and flags == 1", "(not (kind == 2)) and (flags == 1)"),
        ("kind == 1 or kind == 2 and flags == 1", "kind == 1 or (kind == 2 and flags == 1)"),
    ],
)
def test_two_ways_to_say_the_same(long: str, short: str) -> None:
    """Context names, enums, defaults and precedence come to the same expression."""
    assert parse(long, "span").expression == parse(short, "span").expression


def test_named_arguments_take_their_places() -> None:
    """Whatever the order in the text, the core gets them in the order of the parameters."""
    found = parse('Substring(length=3, start=1, target="abcd") == "bcd"', "span").expression
    assert isinstance(found, Compare)
    assert found.left == Call(
        function="Substring",
        arguments=(StringValue(value="abcd"), IntValue(value=1), IntValue(value=3)),
    )


def test_a_word_that_begins_like_a_keyword_is_a_word() -> None:
    """``nothing`` is no ``not``; it is a path that does not exist."""
    for word in ("nothing", "android", "order", "nilly", "trueish", "not_x"):
        with pytest.raises(OttlError, match=f"there is no path {word}"):
            parse(f"{word} == 1", "span")
    assert parse("not(true)", "span").expression == BoolValue(value=False)
