"""Write ``docs/reference`` from what the program declares: settings, metrics, reasons."""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from tailsampler.decide.dialects.contrib.block import TailSampling
from tailsampler.doctor.checks import CHECKS
from tailsampler.settings.root import Settings
from tailsampler.telemetry.metrics import TABLE
from tailsampler.telemetry.reasons import DROP_REASONS

DIRECTORY = Path(__file__).parent.parent / "docs" / "reference"
MADE = "<!-- Made by `make reference` from the source; do not edit. -->\n\n"


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Every section that a type may hold, in the order in which it is written."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    value = getattr(annotation, "__value__", None)  # of a `type X = ...` alias
    for inner in (*get_args(annotation), *(() if value is None else (value,))):
        yield from models_in(inner)


def sections(
    model: type[BaseModel], path: str, seen: frozenset[type[BaseModel]] = frozenset()
) -> Iterator[tuple[str, type[BaseModel]]]:
    """A section and those inside it, each with the path of keys that leads to it."""
    yield path, model
    for name, field in model.model_fields.items():
        key = f"{path}.{field.alias or name}" if path else (field.alias or name)
        for inner in models_in(field.annotation):
            # The Collector's own, told by its documentation, and by ours where we differ.
            if inner not in seen and inner is not TailSampling:
                yield from sections(inner, key, seen | {inner})


def sentence(text: str) -> str:
    """A docstring as a line of Markdown."""
    return " ".join(text.split()).replace("``", "`")


def cell(text: str) -> str:
    """Text that stands in a table."""
    return sentence(text).replace("|", "\\|")


def settings() -> str:
    """Every section, every key, what it means and its default."""
    lines = ["# Settings\n", "Every key, in the order of the file; defaults stand in the text.\n"]
    for path, model in sections(Settings, ""):
        kind = model.model_fields.get("type")
        title = f"`{path}`" if path else "The file"
        if kind is not None and kind.annotation is not None:
            title += f" with type `{'`, `'.join(map(str, get_args(kind.annotation)))}`"
        lines += [f"## {title}\n", f"{sentence(model.__doc__ or '')}\n"]
        lines += ["| Key | Meaning |", "|---|---|"]
        for name, field in model.model_fields.items():
            lines.append(f"| `{field.alias or name}` | {cell(field.description or '')} |")
        lines.append("")
    return MADE + "\n".join(lines)


def metrics() -> str:
    """Every metric family."""
    lines = [
        "# Metrics\n",
        "Served as OpenMetrics on the health listener, `/metrics`.",
        "Names and labels are a stable interface.\n",
        "| Name | Kind | Labels | Meaning |",
        "|---|---|---|---|",
    ]
    for metric in TABLE.values():
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "-"
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {cell(metric.sentence)} |")
    return MADE + "\n".join(lines) + "\n"


def reasons() -> str:
    """Every reason for which an accepted span can be dropped."""
    lines = [
        "# Reasons\n",
        "Why an accepted span was dropped, as the ledger and the metrics name it.",
        "A drop is intended if somebody chose it; everything else is a loss.\n",
        "| Reason | Intended | Meaning |",
        "|---|---|---|",
    ]
    for name, reason in DROP_REASONS.items():
        intended = "yes" if reason.intended else "no"
        lines.append(f"| `{name}` | {intended} | {cell(reason.sentence)} |")
    return MADE + "\n".join(lines) + "\n"


def doctor() -> str:
    """Every check of ``tailsampler doctor``, and what it argues its threshold with."""
    lines = [
        "# Doctor\n",
        "What `tailsampler doctor` looks for, in the order in which a span would meet it.",
        "[doctor.md](../doctor.md) shows it at work.\n",
        "| Finding | Question | From when on, and why |",
        "|---|---|---|",
    ]
    for check in CHECKS:
        why = cell(inspect.getdoc(check.judge) or "")
        lines.append(f"| `{check.finds}` | {check.asks}? | {why} |")
    return MADE + "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """Name and content of every page."""
    return {
        "settings.md": settings(),
        "metrics.md": metrics(),
        "reasons.md": reasons(),
        "doctor.md": doctor(),
    }


def stale() -> list[str]:
    """The pages that differ from what the source says now."""
    return [
        name
        for name, text in pages().items()
        if not (DIRECTORY / name).is_file() or (DIRECTORY / name).read_text() != text
    ]


def main() -> int:
    """Write the pages."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (DIRECTORY / name).write_text(text)
    print(f"{DIRECTORY}: {', '.join(pages())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
