"""A data directory in words and tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

_ENTRIES: Final = {"buffer": "spans", "verdicts": "verdicts", "outbox": "spans"}
_COUNTED: Final = {"request", "verdicts", "kept"}
_MOST_SPOTS: Final = 20


def tell_survey(survey: dict[str, Any], out: Console) -> None:
    """What is there, a line a log."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Log")
    for head in ("Files", "Size", "In it"):
        table.add_column(head, justify="right")
    table.add_column("From (UTC)")
    table.add_column("To")
    for name, log in survey["logs"].items():
        kinds = log["kinds"]
        entries = sum(of["entries"] for kind, of in kinds.items() if kind in _COUNTED)
        oldest, newest = (_moment(ns) for ns in log["wall_ns"] or (None, None))
        table.add_row(
            name,
            f"{len(log['segments']):,}",
            decimal(sum(size for _, size in log["segments"])),
            f"{entries:,} {_ENTRIES[name]}",
            oldest,
            newest,
        )
    out.print(table)
    plans = sum(name.startswith("plans/") for name in survey["files"])
    out.print(
        f"checkpoint {survey['files'].get('checkpoint', 'absent')}, {plans} plans stored",
    )


def tell_findings(survey: dict[str, Any], out: Console) -> None:
    """What is not as it was written, and what a start makes of it."""
    if survey["sound"]:
        torn = sum(len(log["damage"]) for log in survey["logs"].values())
        tail = f"; {torn} writes that a crash cut short, as is normal" if torn else ""
        out.print(f"sound: every record is as it was written{tail}")
        return
    if missing := survey["missing"]["spans"]:
        out.print(
            f"{missing:,} spans were accepted, and stand in no record any more", soft_wrap=True
        )
    for name, state in survey["files"].items():
        if state not in {"whole", "absent"}:
            out.print(f"{name}.json: {state}")
    for log in survey["logs"].values():
        _tell_damage(log["damage"], out)
        for one in log["unsound"][:_MOST_SPOTS]:
            place = f"{one['path']}: position {one['position']:,}"
            out.print(
                f"{place}: a {one['kind']} record that this version cannot read", soft_wrap=True
            )
    out.print(
        "A start skips all this, counts what is lost, and says so. "
        "`tailsampler buffer repair` makes it harmless for good.",
    )


def _tell_damage(damage: list[dict[str, Any]], out: Console) -> None:
    for spot in damage[:_MOST_SPOTS]:
        end = ", up to the end of the segment" if spot["at_end"] else ""
        place = f"{spot['path']}: position {spot['position']:,}"
        out.print(f"{place}: {spot['bytes']:,} bytes are no record{end}")
    if (more := len(damage) - _MOST_SPOTS) > 0:
        out.print(f"and {more:,} places more; --json names all of them")


def tell_repairs(repairs: dict[str, Any], *, dry_run: bool, out: Console) -> None:
    """What was done, or would be."""
    done = "would be skipped from now on" if dry_run else "are skipped from now on"
    for one in repairs["repaired"]:
        out.print(
            f"{one['path']}: {one['bytes']:,} bytes at {one['offset']:,} {done}", soft_wrap=True
        )
    for path in repairs["rewritten"]:
        way = "would be" if dry_run else "was"
        out.print(f"{path}: one of two copies was damaged, and {way} written anew")
    for left in repairs["left"]:
        out.print(f"{left['path']}: cannot be repaired: {left['why']}")
    if not any(repairs.values()):
        out.print("nothing to repair")
    elif repairs["repaired"] and not dry_run:
        out.print(
            "What stood there before is in repairs.jsonl, in the data directory.", soft_wrap=True
        )


def _moment(wall_ns: int | None) -> str:
    if wall_ns is None:
        return ""
    return datetime.fromtimestamp(wall_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M")
