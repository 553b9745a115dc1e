"""Single values as Go decodes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tailsampler.decide.dialects.contrib.blocks import Latency, SpanCount, StringAttribute
from tailsampler.decide.dialects.contrib.values import (
    duration_text,
    parse_count,
    parse_nanoseconds,
    parse_number,
    parse_short,
    parse_switch,
    parse_text,
    parse_whole,
    split_texts,
)
from tailsampler.settings.base import BadValueError
from tailsampler.settings.expand import Expanded


@pytest.mark.parametrize(
    ("written", "ns"),
    [
        ("30s", 30_000_000_000),
        ("1h2m3.5s", 3_723_500_000_000),
        ("100ms", 100_000_000),
        ("2m", 120_000_000_000),
        ("1.5h", 5_400_000_000_000),
        (".5s", 500_000_000),
        ("5.s", 5_000_000_000),
        ("250us", 250_000),
        ("250\u00b5s", 250_000),
        ("250\u03bcs", 250_000),
        ("1.9ns", 1),
        ("-5s", -5_000_000_000),
        ("+5s", 5_000_000_000),
        ("0", 0),
        (10, 10),
        (2.9, 2),
        (0, 0),
        (Expanded.of("15", "${env:W}"), 15),
        (Expanded.of("15s", "${env:W}"), 15_000_000_000),
        (Expanded.of("", "${env:W}"), 0),
    ],
)
def test_durations_are_those_of_go(written: object, ns: int) -> None:
    """A bare number is nanoseconds, which is what Go's decoder makes of it."""
    assert parse_nanoseconds(written) == ns


@pytest.mark.parametrize("written", ["", "5", "s", "1 s", "1d", "1S", "soon", [], True, "9999999h"])
def test_what_go_refuses_as_a_duration_is_refused(written: object) -> None:
    """With an example of what is one."""
    with pytest.raises(BadValueError, match="30s"):
        parse_nanoseconds(written)


@given(st.integers(-(2**62), 2**62))
def test_a_duration_reads_back_as_it_is_printed(ns: int) -> None:
    """To the nanosecond, negative ones included."""
    assert parse_nanoseconds(duration_text(ns)) == ns


@given(st.floats(-1e15, 1e15))
def test_a_float_for_a_whole_number_is_cut(number: float) -> None:
    """Toward zero, as Go converts."""
    assert parse_whole(number) == int(number)


@pytest.mark.parametrize(
    ("written", "value"),
    [("50_000", 50_000), ("1_0_0", 100), ("-1_000", -1_000), (7, 7), (20.9, 20), (-20.9, -20)],
)
def test_whole_numbers_may_be_grouped(written: object, value: int) -> None:
    """Underscores are Go's YAML reader's, and every other article uses them."""
    assert parse_whole(written) == value


@pytest.mark.parametrize(
    ("parser", "written", "code"),
    [
        (parse_whole, "5", "number_in_quotes"),
        (parse_whole, "5.5", "number_in_quotes"),
        (parse_whole, True, "not_a_whole_number"),
        (parse_whole, "x", "not_a_whole_number"),
        (parse_whole, float("inf"), "not_a_whole_number"),
        (parse_whole, 2**63, "out_of_range"),
        (parse_count, -1, "out_of_range"),
        (parse_short, 2**31, "out_of_range"),
        (parse_number, "10", "number_in_quotes"),
        (parse_number, True, "not_a_number"),
        (parse_number, float("nan"), "not_a_number"),
        (parse_number, 10**400, "not_a_number"),
        (parse_switch, "true", "switch_in_quotes"),
        (parse_switch, "yes", "not_a_switch"),
        (parse_switch, 1, "not_a_switch"),
        (parse_text, 5, "not_text"),
        (parse_text, True, "not_text"),
        (parse_text, {}, "not_text"),
        (split_texts, Expanded.of("[a, b]", "${env:V}"), "list_in_reference"),
    ],
)
def test_what_go_refuses_is_refused(parser: object, written: object, code: str) -> None:
    """Quoted numbers and switches, numbers for text, and what does not fit."""
    assert callable(parser)
    with pytest.raises(BadValueError) as caught:
        parser(written)
    assert caught.value.type == code


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("cart", ("cart",)),
        ("a,b", ("a", "b")),
        ("a, b", ("a", " b")),
        ("", ()),
        (None, ()),
        ([], ()),
        (["a", None, "b,c"], ("a", "", "b,c")),
        (Expanded.of("a,b", "${env:V}"), ("a", "b")),
    ],
)
def test_a_text_for_a_list_is_split_at_commas(written: object, values: tuple[str, ...]) -> None:
    """Only where a list was asked for, and without trimming."""
    assert StringAttribute.model_validate({"values": written}).values == values


def test_a_key_without_a_value_is_as_if_it_were_not_there() -> None:
    """The default holds, and is not counted as written."""
    block = Latency.model_validate({"threshold_ms": None, "upper_threshold_ms": 5})
    assert block.threshold_ms == 0
    assert block.model_fields_set == {"upper_threshold_ms"}


def test_an_unknown_key_without_a_value_is_unknown_all_the_same() -> None:
    """Go's decoder counts keys, not values."""
    with pytest.raises(ValidationError, match="min_spans"):
        SpanCount.model_validate({"min_span": None})
