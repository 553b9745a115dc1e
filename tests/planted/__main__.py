"""Plant bugs in a copy of the data plane, one at a time, and see whether the simulation finds them.

Builds the simulation once for every bug, plays seeds until a promise breaks, and if none did,
enumerates crash points; what another defence hides from both, the tests of the core may find.
Exit status 1 if a bug is not found.
"""

from __future__ import annotations

import argparse
import json
import queue
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.planted.bugs import Bug, Planted, bugs, copy_source


@dataclass(frozen=True)
class Found:
    """What came of one bug."""

    name: str
    by: str | None
    seeds: int
    says: str


class Field:
    """A copy of the source, and what is built of it."""

    def __init__(self, directory: Path) -> None:
        self.copy, self.target = directory / "source", directory / "target"
        self.copy.mkdir(parents=True)
        copy_source(self.copy)

    def build(self) -> Path:
        """Build the simulation."""
        cargo = ["cargo", "build", "--quiet", "--locked", "-p", "tailsampler-simulation"]
        command = [*cargo, "--target-dir", str(self.target)]
        built = subprocess.run(command, cwd=self.copy, check=False, capture_output=True, text=True)
        if built.returncode:
            raise SystemExit(f"it does not build:\n{built.stderr}")
        return self.target / "debug/tailsampler-simulate"

    def test(self) -> str | None:
        """Run the tests of the core; the name of one that failed."""
        cargo = ["cargo", "test", "--quiet", "--locked", "--no-fail-fast", "-p", "tailsampler-core"]
        command = [*cargo, "--tests", "--target-dir", str(self.target)]
        tests = subprocess.run(command, cwd=self.copy, check=False, capture_output=True, text=True)
        if not tests.returncode:
            return None
        failed = re.search(r"^---- (\S+) stdout ----$", tests.stdout, re.MULTILINE)
        return failed[1] if failed else tests.stderr.strip().splitlines()[-1]


def simulate(program: Path, *arguments: str) -> tuple[int, str | None]:
    """Run the simulation; how many seeds it played, and the first thing that was wrong."""
    command = [str(program), *arguments, "--json"]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    if run.returncode not in {0, 1}:
        # With some bugs the simulation itself falls over, which nobody overlooks.
        return 0, (run.stderr.strip() or f"exit status {run.returncode}").splitlines()[-1]
    report = json.loads(run.stdout)
    violations = report["violations"]
    if isinstance(violations, dict):
        violations = list(violations.items())
    return report.get("seeds", 0), violations[0][1] if violations else None


def hunt(name: str, field: Field, seeds: int) -> Found:
    """Look for what is wrong in this field."""
    program = field.build()
    played, says = simulate(program, "seeds", "--seeds", str(seeds), "--until-found")
    if says is not None:
        return Found(name, "seeds", played, says)
    _, says = simulate(program, "crash-points", "--scripts", "20")
    if says is not None:
        return Found(name, "crash points", played, says)
    says = field.test()
    return Found(name, "tests" if says else None, played, says or "")


def main() -> int:
    """Plant, hunt, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.planted", description=__doc__)
    parser.add_argument("--matching", default="", help="only bugs with this text in their name")
    parser.add_argument("--seeds", type=int, default=2_000, help="seeds to play at most")
    parser.add_argument("--jobs", type=int, default=2, help="bugs hunted at once")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    arguments = parser.parse_args()
    chosen = [bug for bug in bugs() if arguments.matching in bug.name]
    with (
        tempfile.TemporaryDirectory(prefix="planted-") as directory,
        Progress(console=Console(stderr=True)) as bar,
    ):
        fields = [Field(Path(directory) / str(number)) for number in range(arguments.jobs)]
        program = fields[0].build()
        if (says := simulate(program, "seeds", "--seeds", "100")[1]) is not None:
            raise SystemExit(f"something is wrong before anything is planted: {says}")
        for other in fields[1:]:
            shutil.copytree(fields[0].target, other.target)  # what they depend on is the same
        if simulate(program, "seeds", "--seeds", "20", "--canary")[1] is None:
            raise SystemExit("the canary was not found, so nothing else would be")
        task = bar.add_task("planted bugs", total=len(chosen))
        idle = queue.SimpleQueue[Field]()
        for field in fields:
            idle.put(field)

        def plant(bug: Bug) -> Found:
            field = idle.get()
            try:
                with Planted(field.copy, bug):
                    one = hunt(bug.name, field, arguments.seeds)
            finally:
                idle.put(field)
            said = f"{bug.name}: {one.by or 'NOT FOUND'}, {one.seeds:,}"
            bar.console.print(said, highlight=False, soft_wrap=True)
            bar.advance(task)
            return one

        with ThreadPoolExecutor(arguments.jobs) as pool:
            found = list(pool.map(plant, chosen))
    if arguments.json:
        click.echo(json.dumps([asdict(one) for one in found], indent=1))
    else:
        Console().print(table(found))
    return 0 if all(one.by for one in found) else 1


def table(found: list[Found]) -> Table:
    """For people."""
    rows = Table(box=None, pad_edge=False)
    rows.add_column("Planted")
    rows.add_column("Found by")
    rows.add_column("Seeds", justify="right")
    rows.add_column("It said")
    for one in found:
        rows.add_row(one.name, one.by or "NOT FOUND", f"{one.seeds:,}", one.says[:70])
    hits = sum(one.by is not None for one in found)
    rows.caption = f"{hits} of {len(found)} found"
    return rows


if __name__ == "__main__":
    sys.exit(main())
