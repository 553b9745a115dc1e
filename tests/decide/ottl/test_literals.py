"""Numbers, durations, ids and times are read as Go reads them."""

import math

import pytest

from tailsampler.decide.ottl.literals import boolean, double, duration_ns, integer, octets
from tailsampler.decide.ottl.strptime import instant


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0),
        ("+0", 0),
        ("1ns", 1),
        ("1us", 1_000),
        ("1\u00b5s", 1_000),
        ("1\u03bcs", 1_000),
        ("1ms", 1_000_000),
        ("1.5s", 1_500_000_000),
        (".5s", 500_000_000),
        ("1.s", 1_000_000_000),
        ("-1h30m", -5_400_000_000_000),
        ("1s1s", 2_000_000_000),
        ("0.1ns", 0),
        ("2562047h47m16.854775807s", 2**63 - 1),
        ("-9223372036854775808ns", -(2**63)),
    ],
)
def test_durations(text: str, ns: int) -> None:
    """As Go's time.ParseDuration."""
    assert duration_ns(text) == ns


@pytest.mark.parametrize(
    "text",
    ["", "-", "1", "1 s", "s", ".s", "1d", "1S", "1s ", "--1s", "1e3s", "9223372036854775808ns"],
)
def test_no_durations(text: str) -> None:
    """Refused when the condition is read, not at the first span."""
    with pytest.raises(ValueError, match=r"is no duration|is longer than 292 years"):
        duration_ns(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("-1.5e3", -1500.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("+Inf", math.inf),
        ("-infinity", -math.inf),
        ("0x1p-2", 0.25),
        ("0X1.8P1", 3.0),
        ("1_000.5", 1000.5),
        ("1e-400", 0.0),
    ],
)
def test_doubles(text: str, value: float) -> None:
    """As Go's strconv.ParseFloat."""
    assert double(text) == value


def test_nan_is_a_double() -> None:
    """In any letter case, without a sign."""
    assert math.isnan(double("NaN"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "x",
        "1e",
        "0x1",
        "0x1p",
        "1__0",
        "_1",
        "1_",
        "+nan",
        "1e999",
        "0x1p99999",
        "1,5",
    ],
)
def test_no_doubles(text: str) -> None:
    """Python reads some of these; Go does not."""
    with pytest.raises(ValueError, match=r"is no number|is too large"):
        double(text)


def test_integers() -> None:
    """A leading 0 is octal, as in Go; 64 bits are the limit, the sign included."""
    assert [integer("0"), integer("00"), integer("017"), integer("10")] == [0, 0, 15, 10]
    assert integer("9223372036854775808", negative=True) == -(2**63)
    for text in ("9223372036854775808", "09"):
        with pytest.raises(ValueError, match=r"64 bits|octal"):
            integer(text)


def test_bools_and_bytes() -> None:
    """The spellings of Go's strconv.ParseBool; whole bytes only."""
    assert [boolean(text) for text in ("1", "t", "T", "true", "TRUE", "True")] == [True] * 6
    assert [boolean(text) for text in ("0", "f", "F", "false", "FALSE", "False")] == [False] * 6
    for text in ("tRUE", "yes", "", "2"):
        with pytest.raises(ValueError, match="is no bool"):
            boolean(text)
    assert octets("0x00fF") == b"\x00\xff"


@pytest.mark.parametrize(
    ("text", "layout", "ns"),
    [
        ("1970-01-01", "%Y-%m-%d", 0),
        ("1970-01-01 00:00:01.25", "%Y-%m-%d %H:%M:%S", 1_250_000_000),
        ("1970-01-01 00:00:01.000000007", "%F %T.%s", 1_000_000_007),
        ("1970-01-01T01:00:00+0100", "%FT%T%z", 0),
        ("1970-01-01T00:00:00Z", "%FT%T%z", 0),
        ("1969-12-31T22:30:00-01:30", "%FT%T%j", 0),
        ("Feb 1 1970", "%b %g %Y", 31 * 86_400 * 10**9),
        ("thursday, january 1 1970", "%A, %B %g %Y", 0),
        ("01/02/1970", "%D", 86_400 * 10**9),
        ("100% 1970", "100%% %Y", 0),
        ("1969-12-31 23:59:59.5", "%F %T", -500_000_000),
    ],
)
def test_times(text: str, layout: str, ns: int) -> None:
    """The directives of contrib, in UTC."""
    assert instant(text, layout) == ns


@pytest.mark.parametrize(
    ("text", "layout", "say"),
    [
        ("1970-1-01", "%Y-%m-%d", "is no time of the format"),
        ("1970-02-30", "%Y-%m-%d", "there is no such time"),
        ("1970-01-01 24:00:00", "%F %T", "there is no such time"),
        ("70", "%y", "the directive %y is not supported"),
        ("01-01", "%m-%d", "has no year"),
        ("1970 1970", "%Y %Y", "has a part of the time twice"),
        ("1970-01-01 MST", "%F %Z", "the directive %Z is not supported"),
    ],
)
def test_no_times(text: str, layout: str, say: str) -> None:
    """A text that cannot be read, or a format that would need a clock or a zone table."""
    with pytest.raises(ValueError, match=say):
        instant(text, layout)
