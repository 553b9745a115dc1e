"""Converters: what they make of every kind of value, and which errors they know."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.contrib.ottl.ask import ATTRIBUTES, ERROR, START, ask, value

TRUE = [
    # kinds
    f"Int({value('digits')}) == 42",
    "Int(nil) == nil",
    f"Int({value('half')}) == 0",
    "Int(-1.9) == -1",
    f"Int({value('yes')}) == 1",
    f"Double({value('digits')}) == 42.0",
    f"Double({value('no')}) == 0.0",
    "Double(nil) == nil",
    f"IsDouble(Double({value('number')}))",
    'Bool("T") == true',
    f"Bool({value('half')})",
    # as text
    f'String({value("double")}) == "503"',
    f'String({value("half")}) == "0.5"',
    'String(1000000.5) == "1000000.5"',
    'String(0.00000015) == "1.5e-7"',
    'String(0.000001) == "0.000001"',
    'String(1000000000000000000000.0) == "1e+21"',
    'String(100000000000000000000.0) == "100000000000000000000"',
    'String(-0.5) == "-0.5"',
    "String(nil) == nil",
    'String(0.0) == "0"',
    'String(-0.0) == "-0"',
    "String(span_id) == span_id.string",
    'String([0x0102]) == "[\\"AQI=\\"]"',
    'Hex(1.0) == "3ff0000000000000"',
    'Double("0x1p-1") == 0.5',
    'Double("1e3") == 1000.0',
    'IsDouble(Double("-inf"))',
    "Bool(nil) == nil",
    "Len(events) == 1",
    "Len(links) == 0",
    "IsList(events)",
    f'String({value("yes")}) == "true"',
    f'String({value("bytes")}) == "01ff"',
    f'String({value("list")}) == "[1,\\"two\\",[3]]"',
    f'String({value("map")}) == "{{\\"a\\":{{\\"x\\":[true,null]}},\\"b\\":1}}"',
    f'Concat([{value("double")}, nil, true, 1, 0xff], "-") == "503-<nil>-true-1-ff"',
    'Concat([], "-") == ""',
    f'Concat([{value("missing")}, "a"], "") == "<nil>a"',
    # text
    f"Len({value('text')}) == 5",
    f"Len({value('umlaut')}) == 2",
    f"Len({value('bytes')}) == 2",
    f"Len({value('list')}) == 3",
    f"Len({value('map')}) == 2",
    f'Len(Split({value("csv")}, ",")) == 3',
    f'Substring({value("text")}, 1, 3) == "ell"',
    f'Substring({value("text")}, 0, 5) == "Hello"',
    f"Len(Substring({value('umlaut')}, 0, 1)) == 1",
    f'Split({value("csv")}, ",")[1] == "b"',
    f'Split({value("csv")}, "")[1] == ","',
    f'ToLowerCase({value("text")}) == "hello"',
    f'ToUpperCase({value("umlaut")}) == "\u00dc"',
    'ToUpperCase("\u00df") == "\u00df"',
    f'Trim({value("padded")}) == "x"',
    'Trim("xxaxx", "x") == "a"',
    f'TrimPrefix({value("text")}, "He") == "llo"',
    f'TrimSuffix({value("text")}, "llo") == "He"',
    f'HasPrefix({value("text")}, "He")',
    f'HasSuffix({value("text")}, "lo")',
    # patterns
    f'IsMatch({value("text")}, "l+o$")',
    f'IsMatch({value("number")}, "^5")',
    f'IsMatch({value("double")}, "^503$")',
    f'IsMatch({value("map")}, "^\\\\{{\\"a\\"")',
    f'not IsMatch({value("missing")}, "")',
    f'IsMatch({value("empty")}, "")',
    f"IsMatch({value('text')}, {value('regex')})",
    # lists
    f'ContainsValue({value("list")}, "two")',
    f"ContainsValue({value('ints')}, 2.0)",
    f'not ContainsValue({value("ints")}, "2")',
    # hashes
    'Hex("A") == "41"',
    f'Hex({value("bytes")}) == "01ff"',
    'Hex(1) == "0000000000000001"',
    'Hex(true) == "01"',
    "Hex(span_id) == span_id.string",
    'SHA256("a") == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"',
    'FNV("") == -3750763034362895579',
    'SpanID("0000000000000102") == span_id',
    'TraceID("0102030405060708090A0B0C0D0E0F10") == trace_id',
    # times
    'Duration("1h2m3.5s") == Duration("3723500ms")',
    'Duration("-1.5us") == Duration("-1500ns")',
    'Nanoseconds(Duration("1us")) == 1000',
    'Microseconds(Duration("-1999ns")) == -1',
    'Milliseconds(Duration("1.9ms")) == 1',
    'Seconds(Duration("1500ms")) == 1.5',
    'Minutes(Duration("90s")) == 1.5',
    'Hours(Duration("-90m")) == -1.5',
    "Milliseconds(end_time - start_time) == 1500",
    "UnixNano(end_time) == 2500000000",
    "UnixMicro(end_time) == 2500000",
    "UnixMilli(end_time) == 2500",
    "UnixSeconds(end_time) == 2",
    "Unix(2, 500000000) == end_time",
    # structures
    f'URL({value("address")})["url.domain"] == "example.com"',
    f'URL({value("address")})["url.port"] == 8080',
    f'URL({value("address")})["url.path"] == "/a/b.gif"',
    f'URL({value("address")})["url.extension"] == "gif"',
    f'URL({value("address")})["url.query"] == "q=1&r=2"',
    f'URL({value("address")})["url.fragment"] == "part"',
    f'URL({value("address")})["url.scheme"] == "https"',
    f'URL({value("address")})["url.username"] == "me"',
    f'ParseJSON({value("json")})["a"] == 1',
    f'ParseJSON({value("json")})["b"][1] == "x"',
    f'IsDouble(ParseJSON({value("json")})["a"])',
    'IsList(ParseJSON("[]"))',
]
FAILING = [
    f"Int({value('text')}) == nil",
    f"Bool({value('text')}) == nil",
    f"Bool({value('list')}) == nil",
    f"Int({value('list')}) == 1",
    "1 / 0 == 1",
    "1.0 / 0 == 1",
    f"Int({value('map')}) == 1",
    f"Double({value('text')}) == 1.0",
    f"Len({value('missing')}) == 1",
    f"Len({value('number')}) == 1",
    "Len(span_id) == 8",
    "Len(nil) == 1",
    f'Substring({value("text")}, 3, 3) == ""',
    f'Substring({value("text")}, -1, 1) == ""',
    f'Substring({value("text")}, 0, 0) == ""',
    f'Substring({value("text")}, 0, -1) == ""',
    f'Split({value("csv")}, ",")[3] == nil',
    f'Split({value("csv")}, ",")["a"] == nil',
    f"Len({value('text')})[0] == nil",
    f'URL({value("address")})["missing"] == nil',
    f'ParseJSON({value("json")})["missing"] == nil',
    f"ParseJSON({value('text')}) == nil",
    f"ParseJSON({value('digits')}) == nil",
    f"IsMatch({value('text')}, {value('bad.regex')})",
    f"IsMatch({value('text')}, {value('missing')})",
    f"ToLowerCase({value('text')})",
    f"Int({value('digits')})",
    f"Duration({value('text')}) == nil",
    f"Nanoseconds({value('number')}) == 1",
    f"UnixNano({value('number')}) == 1",
    f"SpanID({value('text')}) == span_id",
    f'ContainsValue({value("text")}, "H")',
    f'SHA256({value("number")}) == ""',
    f'Hex({value("list")}) == ""',
    "String(start_time) == nil",
    "String(resource) == nil",
    'String(Double(Concat(["na", "n"], ""))) == nil',
    'Double(Concat(["1e", "999"], "")) == 1.0',
    f'Concat({value("text")}, "") == nil',
    'ParseJSON("[NaN]") == nil',
    f"URL({value('padded')}) == nil",
    'URL("http://[") == nil',
    'Duration("99999999999h") == nil',
]
START_ERRORS = [
    'Double("x") == 1.0',
    'IsMatch(name, "(")',
    "HasPrefix(name, 5)",
    "ToLowerCase(nil) == nil",
    "Substring(name, 0.5, 1) == nil",
    "TraceID(0x01) == trace_id",
    'Nanoseconds("1s") == 1',
    'Int("x") == nil',
    'Bool("x") == nil',
    'IsInt("x")',
    "IsString(1)",
    "IsMap([])",
    "-9223372036854775808 == 1",
]


@pytest.mark.parametrize("condition", TRUE)
def test_what_is_true(condition: str) -> None:
    """And its negation is false."""
    assert ask(condition) is True
    assert ask(f"not ({condition})") is False


@pytest.mark.parametrize("condition", FAILING)
def test_what_fails_on_a_span(condition: str) -> None:
    """The condition starts, and fails where it is asked, negated or not."""
    assert ask(condition) == ERROR
    assert ask(f"not ({condition})") == ERROR


@pytest.mark.parametrize("condition", START_ERRORS)
def test_literals_that_cannot_be_converted_do_not_start(condition: str) -> None:
    """There is no need to wait for a span."""
    assert ask(condition) == START


KINDS: Mapping[str, set[str]] = {
    "IsString": {"str"},
    "IsInt": {"int"},
    "IsDouble": {"float"},
    "IsBool": {"bool"},
    "IsMap": {"dict"},
    "IsList": {"list"},
}


@pytest.mark.parametrize("converter", KINDS)
def test_kinds_are_told_apart(converter: str) -> None:
    """Never an error: nil and everything else is just not of the kind."""
    for name, held in ATTRIBUTES.items():
        assert ask(f"{converter}({value(name)})") is (type(held).__name__ in KINDS[converter])
    assert ask(f"{converter}({value('missing')})") is False
    assert ask(f"{converter}(nil)") is False
    assert ask(f"{converter}(trace_id)") is False


@pytest.mark.parametrize(
    "call",
    [
        'HasPrefix({}, "a")',
        'HasSuffix({}, "a")',
        'Substring({}, 0, 1) == "a"',
        'Split({}, ",") == nil',
        'Trim({}) == "a"',
        'TrimPrefix({}, "a") == "a"',
        'TrimSuffix({}, "a") == "a"',
        'ToLowerCase({}) == "a"',
        'ToUpperCase({}) == "a"',
    ],
)
def test_converters_of_text_take_nothing_else(call: str) -> None:
    """A number, a list, bytes, a boolean and nil are errors."""
    for name in ("number", "double", "list", "map", "bytes", "yes", "missing", "unset"):
        assert ask(call.format(value(name))) == ERROR
