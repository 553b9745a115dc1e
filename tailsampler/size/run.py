"""``tailsampler size`` as a program: read, multiply, print."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import IO, Any, Final, Literal

from rich.console import Console

from tailsampler.settings.root import Settings
from tailsampler.size import kubernetes
from tailsampler.size.answer import answer
from tailsampler.size.configured import asked_by, findings, remarks
from tailsampler.size.costs import Costs, measured
from tailsampler.size.demand import Demand
from tailsampler.size.show import as_json, picture

WELL: Final = 0
FINDING: Final = 1
_WIDTH: Final = 120
"""Columns where the output is no terminal."""

Form = Literal["table", "json", "kubernetes"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said."""

    asked: Mapping[str, Any]
    """Fields of a ``Demand``."""
    settings: Settings | None = None
    disk_rate: float | None = None


def size(
    options: Options,
    form: Form = "table",
    *,
    costs: Costs | None = None,
    out: IO[str] | None = None,
) -> int:
    """Print what is needed; returns the exit status: 0 it is enough, 1 something is not.

    Raises:
        DemandError: what was asked contradicts itself.
    """
    out = out or sys.stdout
    settings = options.settings
    said = {} if settings is None else asked_by(settings)
    demand = Demand(**{**said, **options.asked})
    found = answer(costs or measured(), demand, disk_rate=options.disk_rate)
    told: list[str] = []
    if settings is not None:
        more = tuple(findings(settings, found))
        found = replace(found, findings=(*found.findings, *more))
        told = list(remarks(settings, found))
    match form:
        case "json":
            out.write(json.dumps(as_json(found, told), indent=2) + "\n")
        case "kubernetes":
            out.write("".join(f"# not enough: {one.say}\n" for one in found.findings))
            out.write(kubernetes.values(found))
        case "table":
            width = None if out.isatty() else _WIDTH
            console = Console(file=out, highlight=False, emoji=False, width=width)
            with console.capture() as drawn:
                console.print(picture(found, told))
            out.write("".join(f"{line.rstrip()}\n" for line in drawn.get().splitlines()))
    return FINDING if found.findings else WELL
