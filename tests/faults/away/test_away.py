"""A backend that is away costs itself what its bound says, and nobody else anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.away.run import Away, Plan


@pytest.mark.timeout(180)
def test_a_backend_that_is_away_for_seconds(tmp_path: Path) -> None:
    """Every span is delivered or given up by name, the default's before the errors."""
    away = Away(
        tmp_path, Plan(before_s=2, away_s=12, after_s=4, max_outbox_mib=2, tick_s=2, in_time_s=30)
    )
    try:
        outcome = away.run(lambda _: None)
    finally:
        away.clean_up()
    assert outcome.findings == []
    assert outcome.given_up["away"]["default"] > 0
    assert outcome.delivered["well"] == outcome.sent - outcome.dropped
    circuits = {line.circuit for line in outcome.lines if line.phase == "away"}
    assert circuits & {"open", "half_open"}
    assert outcome.lines[-1].circuit == "closed"
    assert outcome.most_bytes <= 17 << 20
