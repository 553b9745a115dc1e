"""``tailsampler doctor`` as a program: gather, examine, print."""

from __future__ import annotations

import json
import sys
from typing import IO, Final

from rich.console import Console

from tailsampler.clock import Clock, SystemClock
from tailsampler.doctor.checks import examine
from tailsampler.doctor.gather import Options, gather
from tailsampler.doctor.show import as_json as in_json
from tailsampler.doctor.show import picture

WELL: Final = 0
FINDING: Final = 1
_WIDTH: Final = 100
"""Columns where the output is no terminal, as ``check`` has."""


def doctor(
    options: Options, *, as_json: bool, clock: Clock | None = None, out: IO[str] | None = None
) -> int:
    """Print what will hurt; returns the exit status: 0 nothing, 1 something.

    Raises ``SettingsError`` and ``ControlError`` for what could not be read.
    """
    out = out or sys.stdout
    facts = gather(options, clock or SystemClock())
    diagnosis = examine(facts)
    if as_json:
        out.write(json.dumps(in_json(facts, diagnosis), indent=2) + "\n")
    else:
        width = None if out.isatty() else _WIDTH
        console = Console(file=out, highlight=False, emoji=False, width=width)
        with console.capture() as drawn:
            console.print(picture(facts, diagnosis))
        # Tables are filled up with blanks, which nobody wants in a ticket.
        out.write("".join(f"{line.rstrip()}\n" for line in drawn.get().splitlines()))
    return FINDING if diagnosis.findings else WELL
