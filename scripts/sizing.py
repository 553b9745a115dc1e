"""Write what ``tailsampler size`` answers into ``docs/sizing.md``: its examples and its table."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from click.testing import CliRunner

from tailsampler.cli import main as command
from tailsampler.size.answer import Answer, answer
from tailsampler.size.costs import measured
from tailsampler.size.demand import Demand
from tailsampler.size.part import total
from tailsampler.size.words import bytes_text, cores_text, count_text

PAGE: Final = Path(__file__).parent.parent / "docs" / "sizing.md"
EACH: Final = 200_000
"""Spans a second that a gateway of the table takes at most."""
RATES: Final = (10_000, 100_000, 300_000, 1_000_000)
_EXAMPLE: Final = re.compile(r"^```console\n\$ tailsampler (size .*)\n(?:.*\n)*?```$", re.MULTILINE)
_TABLE: Final = re.compile(r"(<!-- sizes: begin -->\n).*?(<!-- sizes: end -->)", re.DOTALL)


def page(text: str) -> str:
    """The page with its examples run anew."""
    text = _EXAMPLE.sub(lambda found: _run(found[1]), text)
    return _TABLE.sub(lambda found: found[1] + "\n".join(table()) + "\n" + found[2], text)


def _run(line: str) -> str:
    result = CliRunner().invoke(command, shlex.split(line))
    if result.exit_code:
        raise SystemExit(f"tailsampler {line}: status {result.exit_code}\n{result.output}")
    return f"```console\n$ tailsampler {line}\n{result.output}```"


def table() -> Iterator[str]:
    """A tier for each rate."""
    heads = (
        "Spans a second",
        "Gateways",
        "Each takes, one missing",
        "Cores busy",
        "Cores to give",
        "Process memory",
        "Page cache",
        "Written",
        "Volume",
    )
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---:|' * len(heads)}"
    for rate in RATES:
        there = -(-rate // EACH)
        missing = int(rate >= EACH // 2)
        of = answer(
            measured(),
            Demand(spans_per_second=rate, gateways=there + missing, missing=missing),
        )
        yield f"| {' | '.join(_row(of))} |"


def _row(of: Answer) -> Iterator[str]:
    yield count_text(of.demand.spans_per_second)
    yield str(of.demand.gateways)
    yield count_text(of.each.spans_per_second)
    yield cores_text(total(of.cores))
    yield cores_text(of.cores_needed)
    yield bytes_text(total(of.memory))
    yield bytes_text(of.page_cache)
    yield f"{bytes_text(total(of.written))}/s"
    yield bytes_text(of.volume)


def refresh() -> bool:
    """Write the page; whether it changed."""
    before = PAGE.read_text()
    after = page(before)
    PAGE.write_text(after)
    return before != after


if __name__ == "__main__":
    sys.stdout.write(f"{PAGE}: {'written' if refresh() else 'as it was'}\n")
