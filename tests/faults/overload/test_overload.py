"""Overload comes and goes at a real gateway, and every span is accounted for meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.overload.run import Overload, Plan


@pytest.mark.timeout(180)
def test_a_share_is_shed_while_there_is_too_much(tmp_path: Path) -> None:
    """Whole traces go, every one is counted, and the level is left by itself."""
    plan = Plan(calm_s=2, press_s=8, after_s=12, press_traces_per_s=1_500)
    overload = Overload(tmp_path, plan)
    try:
        outcome = overload.run()
    finally:
        overload.clean_up()
    assert outcome.findings == []
    assert outcome.acknowledged == outcome.offered_spans
    assert outcome.dropped["overload"] > 0
    levels = [level for _, level in outcome.levels]
    assert max(levels) in {1, 2, 3, 4}
    assert levels[-1] < max(levels)
