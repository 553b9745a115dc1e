"""Write the chains of ``cases/chains`` as the core is told them, for the tests of budgets in Rust.

``python -m benchmarks.plans`` writes them to ``benchmarks/load/tests/plans``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from benchmarks.case import Case
from benchmarks.measures.judge import core_options

PLANS: Final = Path(__file__).parent / "load" / "tests" / "plans"


def plans() -> dict[str, str]:
    """JSON by the name of the way."""
    case = Case.load("chains")
    return {
        way.name: json.dumps(
            json.loads(core_options((case.directory / way.config).resolve(), way)), indent=1
        )
        + "\n"
        for way in case.ways
    }


def main() -> None:
    """Write them all."""
    PLANS.mkdir(exist_ok=True)
    for name, text in plans().items():
        (PLANS / f"{name}.json").write_text(text)


if __name__ == "__main__":
    main()
