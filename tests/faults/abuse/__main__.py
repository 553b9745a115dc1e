"""Attack a gateway in every way of the table, beside an honest sender, and print what it cost.

Exit status 1 if an attack was not closed and counted as it must be, or an honest request failed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import click

from tailsampler.testing.backend import CapturingBackend
from tests.end_to_end.process import GatewayProcess, exports_to
from tests.faults.abuse.attacks import ATTACKS
from tests.faults.abuse.report import HEADER, Row, line, run


def wrong(row: Row, seconds: float) -> str | None:
    """What did not go as it must; None: all well. Time-outs may be longer than the attack."""
    if row.failed:
        return f"honest requests failed: {row.failed[0]}"
    if row.attack.reason is None:
        return "it was closed" if row.outcome.closed and row.counted else None
    if not row.attack.soon and seconds < 35:
        return None
    if row.attack.reason not in row.counted:
        return f"not counted as {row.attack.reason}"
    return None if row.outcome.closed else "not closed"


def main() -> int:
    """Run, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.abuse", description=__doc__)
    names = [attack.name for attack in ATTACKS]
    parser.add_argument("--attack", choices=names, action="append", help="only this one")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each; 60 before a release")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    arguments = parser.parse_args()
    chosen = [each for each in ATTACKS if each.name in (arguments.attack or names)]
    rows, troubles = [], []
    with tempfile.TemporaryDirectory(prefix="abuse-") as directory, CapturingBackend() as backend:
        drop_all = {"decision_wait": "1s", "policies": [{"name": "none", "sample_rate": 0.0}]}
        gateway = GatewayProcess(
            Path(directory), {"sampling": drop_all, "export": exports_to(backend)}
        )
        try:
            gateway.start()
            if not arguments.json:
                click.echo(HEADER)
            for row in run(gateway, chosen, arguments.seconds):
                rows.append(row)
                trouble = wrong(row, arguments.seconds)
                if trouble is not None:
                    troubles.append(f"{row.attack.name}: {trouble}")
                if not arguments.json:
                    click.echo(line(row))
        finally:
            gateway.clean_up()
    if arguments.json:
        click.echo(json.dumps([row.as_json() for row in rows], indent=1))
    for trouble in troubles:
        click.echo(trouble, err=True)
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())
