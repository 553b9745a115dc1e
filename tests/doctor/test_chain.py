"""Policies that may not be meant."""

from typing import Any

from tailsampler.doctor import chain
from tailsampler.doctor.finding import Severity
from tests.doctor.builders import facts, live, one

TWO = """
sampling:
  policies:
    - {name: checkout, service_name: chekout, sample_rate: 1}
    - {name: all, sample_rate: 0.5}
"""


def judged(**counts: int) -> Any:
    policies = [{"policy": name, "judged": count, "kept": 0} for name, count in counts.items()]
    return live(stats={"policies": policies})


def test_what_check_doubts_is_a_hint() -> None:
    """A chain without a catch-all drops what no policy matches."""
    found = one(
        chain.doubts(facts("sampling: {policies: [{name: a, service_name: a, sample_rate: 1}]}"))
    )
    assert (found.id, found.severity) == ("chain-doubt", Severity.HINT)
    assert list(chain.doubts(facts())) == []


def test_a_policy_that_never_matched() -> None:
    """After ten thousand traces a misspelt service is no accident; its names are shown."""
    found = one(chain.never_matched(facts(TWO, live=judged(all=10_000))))
    assert (found.id, found.severity) == ("policy-never-matched", Severity.HINT)
    assert found.changes[0].now == "chekout"


def test_policies_that_matched_or_had_no_chance() -> None:
    """One match is enough; few traces say nothing; a catch-all may rest behind others."""
    assert list(chain.never_matched(facts(TWO, live=judged(all=9_999)))) == []
    assert list(chain.never_matched(facts(TWO, live=judged(all=9_999, checkout=1)))) == []
    assert list(chain.never_matched(facts(TWO, live=judged(checkout=10_000)))) == []
    assert list(chain.never_matched(facts(TWO, live=None))) == []
