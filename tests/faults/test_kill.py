"""``kill -9`` under load: what was acknowledged is exported, dropped by policy, or held."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from tests.faults.crash.asking import OracleProcess
from tests.faults.crash.rounds import Crashes
from tests.faults.crash.table import table
from tests.needs import required

SHORT, IN_CI = 10, 50
KILLS = int(os.environ.get("TAILSAMPLER_KILLS") or (IN_CI if required() else SHORT))


@pytest.mark.timeout(120 + 12 * KILLS)
def test_no_acknowledged_span_is_lost(tmp_path: Path) -> None:
    """By an oracle outside: nothing missing, altered, invented, judged twice or wrongly booked."""
    with OracleProcess("tests.faults.crash.oracle", "--seed", "1") as oracle:
        crashes = Crashes(tmp_path, oracle, seed=1)
        try:
            outcome = crashes.run(KILLS, click.echo)
        finally:
            crashes.gateway.clean_up()
    click.echo(table(outcome))  # the figures of the run, shown with -s or -rP
    assert outcome.totals["acknowledged"] > 0
    assert outcome.held == 0
    assert dict(outcome.findings) == {}, outcome.examples
