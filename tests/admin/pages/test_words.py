"""Numbers and foreign text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailsampler.admin.pages.words import (
    bdi,
    compact,
    lasting,
    moment,
    number,
    percent,
    rate,
    short,
    size,
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (816e-6, "816 \u00b5s"),
        (0.0123, "12.3 ms"),
        (0.9996, "1 s"),
        (1.25, "1.25 s"),
        (59.5, "59.5 s"),
        (60, "1 min 0 s"),
        (7_500, "2 h 5 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_times_are_told_in_two_units_at_most(seconds: float, words: str) -> None:
    """As precise as a reader needs."""
    assert lasting(seconds) == words


@given(st.floats(0, 1e12))
def test_every_time_has_words(seconds: float) -> None:
    """From nothing to thirty thousand years, and short."""
    assert 0 < len(lasting(seconds)) < 24


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0 %"), (1, "100 %"), (0.032, "3.2 %"), (1e-9, "< 0.01 %"), (0.99999, "> 99.9 %")],
)
def test_a_share_that_is_not_zero_does_not_read_as_zero(share: float, words: str) -> None:
    """Nor one that is not whole as whole."""
    assert percent(share) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (999, "999"), (999.7, "1 k"), (1_234_567, "1.23 M"), (5e12, "5 T")],
)
def test_large_numbers_become_short(value: float, words: str) -> None:
    """Three digits or so, where there is little room."""
    assert compact(value) == words


def test_numbers_have_separators_and_rates_few_digits() -> None:
    """As tables want them."""
    assert number(1_234_567) == "1,234,567"
    assert [rate(value) for value in (0, 0.254, 3.42, 1234.5)] == ["0", "0.25", "3.4", "1,234"]
    assert [size(value) for value in (12, 1536, 3 << 30)] == ["12 B", "1.5 KiB", "3.0 GiB"]
    assert moment(1_700_000_000_000_000_000) == "2023-11-14 22:13:20 UTC"


@given(st.text(max_size=300), st.integers(1, 200))
def test_text_from_outside_is_bounded_and_escaped(text: str, most: int) -> None:
    """Whatever it is, it is no markup, and it stands in an element that isolates it."""
    assert len(short(text, most)) <= most
    inside = str(bdi(text, most)).removeprefix("<bdi>").removesuffix("</bdi>")
    assert "<" not in inside
    assert ">" not in inside
