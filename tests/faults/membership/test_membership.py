"""A gateway joins the ring of real ones, and traces that are under way stay whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.membership.run import Membership


@pytest.mark.timeout(180)
def test_what_is_kept_for_an_error_is_kept_whole(tmp_path: Path) -> None:
    """Both parts of a trace go out, whichever gateway has the error; nothing is lost."""
    membership = Membership(tmp_path, sharing=True, rate=60.0)
    try:
        outcome = membership.run(["add"])
    finally:
        membership.clean_up()
    assert outcome.findings == []
    joined = outcome.fates["add"]
    assert joined.at_two > 20, "traces were under way"
    assert (joined.split, joined.lost) == (0, 0)
    assert joined.whole == joined.wanted
    assert outcome.shared["applied"] > 0
