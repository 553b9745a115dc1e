"""Durations and sizes: what is written is what is meant."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailsampler.settings.base import BadValueError
from tailsampler.settings.expand import Expanded
from tailsampler.settings.units import (
    duration_text,
    milliseconds,
    parse_duration,
    parse_size,
    size_text,
)

MS = st.integers(min_value=0, max_value=10**12)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("10s", 10_000),
        ("500ms", 500),
        ("1h30m", 5_400_000),
        ("1.5s", 1500),
        (".5m", 30_000),
        ("2000us", 2),
        ("1000000ns", 1),
        ("1h1m1s1ms", 3_661_001),
        ("0s", 0),
    ],
)
def test_durations_are_spelled_as_in_go(text: str, ms: int) -> None:
    """A duration from a Collector's configuration reads the same here."""
    assert milliseconds(parse_duration(text)) == ms


@given(MS)
def test_a_printed_duration_reads_back(ms: int) -> None:
    """The configuration in force can be used as a file."""
    value = timedelta(milliseconds=ms)
    assert parse_duration(duration_text(value)) == value


@pytest.mark.parametrize("wrong", [10, 0, 1.5, "10", "s", "10 s", "-1s", "1d", "1s ago", True, []])
def test_what_is_no_duration_is_refused(wrong: object) -> None:
    """A number without a unit is never guessed at."""
    with pytest.raises(BadValueError, match="write"):
        parse_duration(wrong)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (1_000_000, 10**6),
        ("8GiB", 8 << 30),
        ("64 MiB", 64 << 20),
        ("64MB", 64 * 10**6),
        ("1.5KiB", 1536),
        ("0B", 0),
        (Expanded.of("4096", "${env:SIZE}"), 4096),
    ],
)
def test_sizes_take_binary_and_decimal_units(value: object, size: int) -> None:
    """MiB is 2^20 bytes and MB is 10^6, as they say."""
    assert parse_size(value) == size


@given(st.integers(min_value=0, max_value=2**60))
def test_a_printed_size_reads_back(size: int) -> None:
    """The configuration in force can be used as a file."""
    assert parse_size(size_text(size)) == size


@pytest.mark.parametrize("wrong", ["8G", "8gib", "GiB", -1, 1.5, "1.0001KiB", False, None, "1 B B"])
def test_what_is_no_size_is_refused(wrong: object) -> None:
    """An unknown unit is never guessed at."""
    with pytest.raises(BadValueError):
        parse_size(wrong)


def test_a_value_from_the_environment_is_not_repeated_in_a_message() -> None:
    """A secret put into the wrong variable does not end in a log."""
    for text in ("hunter2", "17", "17.5", "17q"):
        with pytest.raises(BadValueError, match="WAIT") as caught:
            parse_duration(Expanded.of(text, "${env:WAIT}"))
        assert text not in caught.value.message_template
    for text in ("hunter2", "-17", "17.5", "17G", "17q"):
        with pytest.raises(BadValueError, match="WAIT") as caught:
            parse_size(Expanded.of(text, "${env:WAIT}"))
        assert text not in caught.value.message_template
