"""The soak, for a moment, and what it would say of a process that leaks or flaps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.crash.asking import OracleProcess
from tests.faults.soak.run import Looks, Soak, grew
from tests.faults.soak.table import table


@pytest.mark.timeout(180)
def test_a_moment_of_it(tmp_path: Path) -> None:
    """Some faults, and every span accounted for."""
    rate = ("--spans-a-second", "500")
    with OracleProcess("tests.faults.crash.oracle", "--seed", "7", *rate) as oracle:
        soak = Soak(tmp_path, oracle, 7)
        try:
            outcome = soak.soak(8.0, 1.0, lambda _: None)
        finally:
            soak.gateway.clean_up()
    wrong = {kind: outcome.examples[kind] for kind in outcome.findings if kind != "grew"}
    assert wrong == {}
    assert outcome.totals["acknowledged"] > 0
    assert "missing" in table(soak)


def test_growth_is_seen() -> None:
    """From the first third to the last, and not by a little."""
    assert grew([100.0] * 30) is None
    assert grew([100.0 + n / 10 for n in range(30)]) is None
    assert grew([100.0 + 4 * n for n in range(30)]) is not None


def test_flapping_is_seen() -> None:
    """Only what lies within a minute counts."""
    looks = Looks(ready=[(0, True), (10, False), (20, True), (65, False), (200, False)])
    assert looks.flips_in_a_minute() == 2
