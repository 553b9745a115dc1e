"""Shares that are kept, and the interval of a fair choice."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailsampler.doctor import ratios
from tailsampler.doctor.binomial import interval
from tailsampler.doctor.facts import Facts, Upstream
from tailsampler.doctor.finding import Severity
from tests.doctor.builders import facts, live, one, sender

CHAIN = """
sampling:
  policies:
    - {name: slow, duration_threshold_ms: 100, sample_rate: 0.1}
    - {name: all, sample_rate: 0.5}
"""


def judged(*counts: tuple[str, int, int], text: str = CHAIN, **changes: Any) -> Facts:
    policies = [{"policy": name, "judged": n, "kept": kept} for name, n, kept in counts]
    return facts(text, live=live(stats={"policies": policies}), **changes)


@pytest.mark.parametrize("kept", [69, 133])
def test_a_share_outside_its_interval(kept: int) -> None:
    """Of a thousand at 1 in 10 a fair choice keeps 100, give or take 31 in 999 of 1,000 runs."""
    found = one(ratios.keep_ratio(judged(("slow", 1_000, kept))))
    assert (found.id, found.severity) == ("keep-ratio-off", Severity.HARM_NOW)
    assert found.evidence[0].say.startswith(f"{kept} of 1,000 traces kept")
    assert found.evidence[1].say == "a fair choice keeps 70 to 132"
    assert "n = 1,000, p = 0.1" in found.evidence[1].source
    assert found.changes[0].to == "hashed"
    assert (len(found.changes) == 2) is (kept > 132)


def test_a_share_inside_its_interval() -> None:
    """Chance is no finding, and neither are few traces, other plans' policies, or millions."""
    assert list(ratios.keep_ratio(judged(("slow", 1_000, 75), ("all", 1_000, 520)))) == []
    assert list(ratios.keep_ratio(judged(("slow", 1_000, 70)))) == []
    assert list(ratios.keep_ratio(judged(("slow", 1_000, 132)))) == []
    assert list(ratios.keep_ratio(judged(("all", 99, 0)))) == []
    assert list(ratios.keep_ratio(judged(("all", 100, 0)))) != []
    assert list(ratios.keep_ratio(judged(("gone", 1_000, 0)))) == []
    # Outside of the interval, and by 1 % of the share: of no interest to anybody.
    assert list(ratios.keep_ratio(judged(("all", 10_000_000, 5_050_000)))) == []
    assert list(ratios.keep_ratio(facts(live=None))) == []


def test_the_cause_is_looked_for_upstream() -> None:
    """A sampler before the gateway passes on the ids that are kept here, too."""
    before = sender(samples_before=("probabilistic_sampler",))
    upstream = Upstream(file="otelcol.yaml", senders=(before,))
    found = one(ratios.keep_ratio(judged(("all", 1_000, 900), upstream=upstream)))
    assert found.evidence[2].say.startswith("probabilistic_sampler samples before")
    assert found.evidence[2].source == "otelcol.yaml"
    hint = one(ratios.sampled_upstream(facts(upstream=upstream)))
    assert (hint.id, hint.severity) == ("upstream-samples", Severity.HINT)
    assert list(ratios.sampled_upstream(facts())) == []


def test_hashed_ids_that_are_uneven_are_the_senders_own() -> None:
    """Where ids are hashed already, hashing is no advice."""
    text = CHAIN.replace("sampling:", "sampling:\n  trace_ids: hashed")
    found = one(ratios.keep_ratio(judged(("slow", 1_000, 0), text=text)))
    assert found.changes[0].now.startswith("hashed here")


def chance(count: int, share: float, taken: int) -> float:
    return math.comb(count, taken) * share**taken * (1 - share) ** (count - taken)


@given(st.integers(1, 200), st.floats(0.01, 0.99), st.sampled_from([0.1, 0.01, 0.001]))
def test_the_interval_is_the_exact_one(count: int, share: float, beyond: float) -> None:
    """Less than half of ``beyond`` lies on either side, and one more would be too much."""
    low, high = interval(count, share, beyond)
    below = sum(chance(count, share, taken) for taken in range(low))
    above = sum(chance(count, share, taken) for taken in range(high + 1, count + 1))
    assert below <= beyond / 2 + 1e-9
    assert above <= beyond / 2 + 1e-9
    assert below + chance(count, share, low) >= beyond / 2 - 1e-9
    assert above + chance(count, share, high) >= beyond / 2 - 1e-9


@pytest.mark.parametrize("count", [1_000_000, 4_000_000_000])
def test_large_counts_agree_with_a_normal_distribution(count: int) -> None:
    """Summed or not, the interval of 99.9 % reaches 3.29 deviations."""
    low, high = interval(count, 0.5, 0.001)
    reach = 3.2905 * math.sqrt(count) / 2
    assert low == pytest.approx(count / 2 - reach, abs=3)
    assert high == pytest.approx(count / 2 + reach, abs=3)


def test_certain_shares_leave_no_room() -> None:
    """All or none are just that."""
    assert interval(100, 1.0, 0.001) == (100, 100)
    assert interval(100, 0.0, 0.001) == (0, 0)
    assert interval(0, 0.5, 0.001) == (0, 0)
