"""A gateway joins the ring of real ones, and traces that are under way stay whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.membership.run import Membership, Outcome

HOUR_S = 3_600


def joins(directory: Path, clocks: dict[str, int] | None = None) -> Outcome:
    """One is added while traces are under way."""
    membership = Membership(directory, sharing=True, rate=60.0, clocks=clocks)
    try:
        return membership.run(["add"])
    finally:
        membership.clean_up()


def check_nothing_is_split(outcome: Outcome) -> None:
    assert outcome.findings == []
    joined = outcome.fates["add"]
    assert joined.at_two > 20, "traces were under way"
    assert (joined.split, joined.lost) == (0, 0)
    assert joined.whole == joined.wanted
    assert outcome.shared["applied"] > 0


@pytest.mark.timeout(180)
def test_what_is_kept_for_an_error_is_kept_whole(tmp_path: Path) -> None:
    """Both parts of a trace go out, whichever gateway has the error; nothing is lost."""
    check_nothing_is_split(joins(tmp_path))


@pytest.mark.timeout(180)
def test_gateways_need_not_agree_on_the_time(tmp_path: Path) -> None:
    """An hour ahead, and an hour behind: what they tell each other bears no time."""
    check_nothing_is_split(joins(tmp_path, {"g0": HOUR_S, "g1": -HOUR_S}))
