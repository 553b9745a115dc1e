"""What is understood, what is not, and how that is said."""

import pytest

from tailsampler.traces.traceql import TraceQLError, parse


def refusal(text: str) -> TraceQLError:
    with pytest.raises(TraceQLError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("query", "column", "words"),
    [
        ("{ status = error } | count() > 2", 20, "pipelines"),
        ("{} | select(span.x)", 4, "pipelines"),
        ("count() > 2", 1, "aggregates (count)"),
        ("{ a } >> {}".replace("a", ".a"), 8, ">> between spansets"),
        ("{} > {}", 4, "> between spansets"),
        ("{} !~ {}", 4, "!~ between spansets"),
        ("{} &>> {}", 4, "&>> between spansets"),
        ("{} ~ {}", 4, "~ between spansets"),
        ("({} | rate()) > 10", 7, "functions (rate)"),
        ("{ parent.x = 1 }", 3, "parent. attributes"),
        ("{ parent.span.x = 1 }", 3, "parent. attributes"),
        ("{ event.exception.type = `x` }", 3, "event. attributes"),
        ("{ event:name = `exception` }", 3, "event:name"),
        ("{ link:traceID = `1` }", 3, "link:traceID"),
        ("{ nestedSetParent < 0 }", 3, "nestedSetParent"),
        ("{ span:childCount > 3 }", 3, "span:childCount"),
        ("{ .a + 1 = 2 }", 6, "arithmetic"),
        ("{ duration > 1s * 2 }", 17, "arithmetic"),
        ("{ -.a = 2 }", 3, "a minus"),
        ("{ !.a = 2 }", 3, "! binds tighter"),
        ("{ 1 < 2 = true }", 9, "in a row"),
        ("{ (.a = 1) = true }", 4, "comparing what is true"),
        ("{} with(sample=0.1)", 4, "hints"),
    ],
)
def test_what_tempo_has_and_we_do_not(query: str, column: int, words: str) -> None:
    """A query that Tempo would answer is named as not supported, with its place."""
    error = refusal(query)
    assert error.code == "unsupported"
    assert words in error.say
    assert str(error).startswith("line 1, column ")
    assert "not supported here: " in str(error)
    assert error.column == column


@pytest.mark.parametrize(
    ("query", "line", "column", "words"),
    [
        ("", 1, 1, "the query is empty"),
        ("error", 1, 1, "selects spans in braces"),
        ("{ .a < 3", 1, 9, "ends too early"),
        ("{ .a <", 1, 7, "ends too early"),
        ("{\n  .a == 1 }", 2, 7, "write = to compare"),
        ("{ .a = 'x' }", 1, 8, "double quotes"),
        ('{ .a = "x }', 1, 8, "not closed"),
        ("{ . }", 1, 3, "an attribute needs a scope"),
        ("{ span. = 1 }", 1, 7, "an attribute needs a scope"),
        ("{ foo = 4 }", 1, 3, 'write span.foo, resource.foo or .foo for an attribute, "foo"'),
        ("{ trace:name = `a` }", 1, 3, "trace:name is no intrinsic"),
        ("{} + {}", 1, 4, "cannot stand between spansets"),
        ("{} = {}", 1, 4, "cannot stand between spansets"),
        ("{} | nothing() = 1", 1, 6, "is no function"),
        ("{} && true", 1, 7, "where a spanset is expected"),
        ('{ .a = "\\q" }', 1, 8, "is no escape"),
        ('{ .a = "\\ud800" }', 1, 8, "is no character"),
        ("{ duration > 1x }", 1, 15, "not expected here"),
        ("{ status = }", 1, 12, "a value is missing before '}'"),
        ("{ .a = 1 && }", 1, 13, "a value is missing before '}'"),
        ("{} {}", 1, 4, "not expected here"),
        ("{ a } }", 1, 7, "not expected here"),
    ],
)
def test_what_is_wrong(query: str, line: int, column: int, words: str) -> None:
    """A mistake is shown with its place, and with what to write."""
    error = refusal(query)
    assert error.code == "syntax"
    assert (error.line, error.column) == (line, column)
    assert words in error.say


@pytest.mark.parametrize(
    "query",
    [
        "{ status }",
        "{ 1.1 }",
        "{ `foo` }",
        "{ 1 = `foo` }",
        "{ 1 != true }",
        "{ status > ok }",
        "{ status = `error` }",
        "{ status = server }",
        "{ true > false }",
        "{ traceDuration > `1s` }",
        "{ rootName != 3.2 }",
        "{ .a =~ 3 }",
        "{ .a =~ .b }",
        "{ name =~ nil }",
        "{ status = nil }",
        "{ resource.service.name = nil }",
        "{ 1 != nil }",
        "{ !(duration) }",
    ],
)
def test_types_that_do_not_compare(query: str) -> None:
    """What can never be true is refused, as Tempo does, and not answered with nothing."""
    error = refusal(query)
    assert error.code == "wrong_type"
    assert error.column > 1


@pytest.mark.parametrize("pattern", ["[", "(?=x)", r"(a)\\1", "a{1,100000}", "*"])
def test_regular_expressions_that_re2_has_not(pattern: str) -> None:
    """An expression that cannot be matched in linear time is refused with RE2's reason."""
    error = refusal(f'{{ name =~ "{pattern}" }}')
    assert error.code == "bad_regex"
    assert "RE2" in error.say


@pytest.mark.parametrize(
    "query",
    [
        "{ .a = `" + "x" * 9000 + "` }",
        "{ " + "(" * 3000 + ".a" + ")" * 3000 + " = `" + "x" * 3000 + "` }",
        "{ " + "!" * 5000 + ".a }",
        "{ " + "!(" * 100 + ".a" + ")" * 100 + " }",
        "(" * 2000 + "{}" + ")" * 2000,
        "{ .a" + " || .a && .a" * 600 + " }",
        "{ .a = 99999999999999999999 }",
        "{ .a = 1e999 }",
        "{ duration > 9999999999h }",
    ],
    ids=range(9),
)
def test_bounds(query: str) -> None:
    """What is too long, too deep or too large is refused before it costs anything."""
    assert refusal(query).code == "too_large"


@pytest.mark.parametrize(
    "query",
    [
        "{ " + " || ".join(f".a = {number}" for number in range(500)) + " }",
        " && ".join(["{ .a }"] * 500),
        "{ " + "(" * 2000 + ".a" + ")" * 2000 + " }",
    ],
    ids=["either", "spansets", "parentheses"],
)
def test_long_but_flat(query: str) -> None:
    """Length alone is no offence: five hundred alternatives are parsed."""
    assert parse(query).text == query


def test_the_words_for_a_page() -> None:
    """Place and advice stand in one line."""
    assert str(refusal("{ duration > `1s` }")) == (
        "line 1, column 12: a duration does not compare with text; write values of one type on "
        "both sides"
    )
