"""Power cuts on a real file system, a few of them; ``python -m tests.faults.crash.power`` cuts."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from tests.faults.crash.asking import OracleProcess
from tests.faults.crash.disks import why_no_mounts
from tests.faults.crash.power import Power

CUTS = 4


@pytest.mark.timeout(180)
@pytest.mark.parametrize("mode", ["always", "interval"])
def test_a_power_cut_takes_no_more_than_the_mode_says(tmp_path: Path, mode: str) -> None:
    """``always`` loses no acknowledged span, ``interval`` none of more than a second before."""
    if why := why_no_mounts(tmp_path):
        pytest.xfail(f"nothing can be mounted here: {why}")
    options = ("--seed", "1", "--spans-a-second", "2000")
    with OracleProcess("tests.faults.crash.cut_oracle", *options) as oracle:
        cuts = Power(tmp_path, oracle, mode, seed=1).run(CUTS, click.echo)
    click.echo(cuts.table())
    assert len(cuts.cuts) == CUTS
    assert sum(cut.owed for cut in cuts.cuts) > 0
    # The sync itself takes its time; on a machine under load a good deal of it.
    assert not cuts.broken(sync_s=5.0), cuts.table()
