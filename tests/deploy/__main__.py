"""Render the chart with each file of ci/, and each folder, validate every object, and list them.

Exit status 1 if an object is not what Kubernetes' own schemas ask for.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys

import click
from rich.console import Console
from rich.table import Table

from scripts.kubernetes import HelmError
from tests.deploy.rendered import EVERYTHING, VERSIONS, objects
from tests.deploy.valid import faults


def main() -> int:
    """List what is rendered, and what is wrong with it."""
    parser = argparse.ArgumentParser(prog="python -m tests.deploy", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    as_json = parser.parse_args().json
    listed: dict[str, list[str]] = {}
    wrong: list[str] = []
    for which in EVERYTHING:
        try:
            rendered = objects(which)
        except HelmError as error:
            click.echo(f"{which}: {error}", err=True)
            return 1
        listed[which] = sorted(f"{one['kind']}/{one['metadata']['name']}" for one in rendered)
        judged = itertools.product(rendered, VERSIONS)
        wrong += [f"{which}: {fault}" for one, version in judged for fault in faults(one, version)]
    if as_json:
        click.echo(json.dumps({"objects": listed, "wrong": wrong}, indent=1))
    else:
        Console().print(table(listed))
        count = sum(map(len, listed.values()))
        click.echo(f"{count} objects, by the schemas of {', '.join(VERSIONS)}: {len(wrong)} wrong")
        for fault in wrong:
            click.echo(f"WRONG, {fault}")
    return 1 if wrong else 0


def table(listed: dict[str, list[str]]) -> Table:
    """For people."""
    rows = Table("Rendered", "Objects", box=None, pad_edge=False)
    for which, names in listed.items():
        rows.add_row(which, ", ".join(names))
        rows.add_row()
    return rows


if __name__ == "__main__":
    sys.exit(main())
