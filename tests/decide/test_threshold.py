"""Probabilities to thresholds, exactly."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailsampler.decide.plan import NEVER
from tailsampler.decide.threshold import SMALLEST_RATE, th, threshold

# Published for contrib's probabilistic sampler: per cent, and the `th` it writes.
VECTORS = [
    ("0.001", "ffff583a53b8e5"),
    ("0.1", "ffbe76c8b43958"),
    ("1", "fd70a3d70a3d71"),
    ("5", "f3333333333333"),
    ("10", "e6666666666666"),
    ("25", "c"),
    ("33.333", "aaaae297396d0c"),
    ("50", "8"),
    ("90", "19999999999998"),
    ("99.9", "004189374bc6a"),
    ("99.999", "0000a7c5ac472"),
    ("100", "0"),
]


@pytest.mark.parametrize(("per_cent", "expected"), VECTORS)
def test_thresholds_are_those_that_are_published(per_cent: str, expected: str) -> None:
    """Bit for bit, so that two samplers with one rate keep the same traces."""
    assert th(threshold(float(per_cent) / 100)) == expected


def test_a_rate_of_zero_keeps_nothing() -> None:
    """There is no th for it: nothing is kept that could carry one."""
    assert threshold(0) == NEVER
    assert th(NEVER) is None


def test_a_rate_of_one_keeps_everything() -> None:
    """T is 0, and every R is at or over it."""
    assert threshold(1) == 0


def test_the_smallest_rate_keeps_one_randomness_value() -> None:
    """2^-56, and nothing between it and 0."""
    assert threshold(float(SMALLEST_RATE)) == NEVER - 1
    with pytest.raises(ValueError, match="write 0"):
        threshold(float(SMALLEST_RATE) / 2)


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan"), float("inf")])
def test_what_is_no_probability_is_refused(rate: float) -> None:
    """Not clamped: a rate of 10 was meant as per cent."""
    with pytest.raises(ValueError, match="from 0 to 1"):
        threshold(rate)


@given(st.floats(min_value=2**-56, max_value=1))
def test_a_threshold_keeps_its_share_of_all_randomness(rate: float) -> None:
    """(2^56 - T) / 2^56 is the rate, to half a unit in the last place."""
    kept = Fraction(NEVER - threshold(rate), NEVER)
    assert abs(kept - Fraction(rate)) <= Fraction(1, 2 * NEVER)


@given(st.floats(min_value=0, max_value=1), st.floats(min_value=0, max_value=1))
def test_a_larger_rate_never_keeps_less(one: float, other: float) -> None:
    """So that max(T_in, T_rule) is the smaller of two rates."""
    low, high = sorted(rate if rate >= 2**-56 else 0.0 for rate in (one, other))
    assert threshold(low) >= threshold(high)


@given(st.integers(min_value=0, max_value=NEVER - 1))
def test_th_reads_back(value: int) -> None:
    """At most 14 digits, no zero at the end but for T = 0."""
    digits = th(value)
    assert digits is not None
    assert int(digits.ljust(14, "0"), 16) == value
    assert digits == "0" or not digits.endswith("0")
