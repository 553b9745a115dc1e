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
        console = Console(file=out, highlight=False, emoji=False)
        console.print(picture(facts, diagnosis))
    return FINDING if diagnosis.findings else WELL
