"""A condition told to a person."""

import pytest

from tailsampler.decide.ottl import describe, parse


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('attributes["http.method"] == "GET"', 'attribute http.method is "GET"'),
        ('resource.attributes["env"] != "prod"', 'resource attribute env is not "prod"'),
        ('scope.attributes["a"] == true', "scope attribute a is true"),
        ('attributes["status"] >= 500', "attribute status is at least 500"),
        ('attributes["score"] < 0.25', "attribute score is under 0.25"),
        ('attributes["a"] == nil', "attribute a is absent"),
        ('attributes["a"] != nil', "attribute a is set"),
        ('name == "GET /a"', 'span name is "GET /a"'),
        ('scope.name == "lib"', 'scope name is "lib"'),
        ("kind == SPAN_KIND_SERVER", "span kind is server"),
        ('kind.string == "Server"', 'span kind is "Server"'),
        ("status.code == STATUS_CODE_ERROR", "status code is error"),
        ('trace_state["v"] == "x"', 'trace state v is "x"'),
        ("IsRootSpan()", "the span is a root"),
        ("not IsRootSpan()", "the span is no root"),
        ('IsMatch(name, "^GET")', 'span name matches "^GET"'),
        ('HasPrefix(attributes["a"], "x")', 'attribute a begins with "x"'),
        ('IsString(attributes["a"])', "attribute a is a string"),
        ('name == "a" and kind == 2', 'span name is "a" and span kind is server'),
        ('name == "a" or name == "b"', 'span name is "a", or span name is "b"'),
        ("true", "every span"),
        ("1 == 2", "no span"),
        # Too much for a sentence: the text itself, on one line.
        ("kind\n  == 7", "kind == 7"),
        ("attributes == {}", "attributes == {}"),
        ("Len(name) > 3", "Len(name) > 3"),
        ("name == nil and (kind == 1 or kind == 2)", "name == nil and (kind == 1 or kind == 2)"),
        ("not (kind == 2)", "not (kind == 2)"),
    ],
)
def test_conditions_on_spans(text: str, words: str) -> None:
    """One short sentence, or the text as it was written."""
    assert describe(parse(text, "span")) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('name == "exception"', 'event name is "exception"'),
        (
            'attributes["exception.type"] == "Timeout"',
            'event attribute exception.type is "Timeout"',
        ),
        ('span.name == "a"', 'span name is "a"'),
        ("true", "every event"),
        ("false", "no event"),
    ],
)
def test_conditions_on_events(text: str, words: str) -> None:
    """Whose attribute it is stays clear."""
    assert describe(parse(text, "spanevent")) == words
