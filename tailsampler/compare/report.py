"""What a comparison found, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tailsampler.compare.explaining import WORDS, Class, Difference, Names
from tailsampler.compare.partition import Partition
from tailsampler.top.words import plain

_LONGEST: Final = 2_000
_COUNTED: Final = tuple(kind for kind in Class if kind is not Class.EDGE)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is said."""

    names: Names
    sources: tuple[str, str]
    """What was named as A and as B."""
    found: Partition
    differences: tuple[Difference, ...]
    """Those that were looked into, and those at the edge."""
    agree_after_all: int
    """Traces that both have, where spans were only sent twice."""
    notes: tuple[str, ...]

    @property
    def counts(self) -> Counter[tuple[Class, tuple[str, ...]]]:
        """How many of each class, by who kept them."""
        counts = Counter((one.kind, one.kept_by) for one in self.differences)
        found, names = self.found, self.names
        sides = ((names.a,), (names.b,), (names.a, names.b))
        real = (*found.alone, found.uneven - self.agree_after_all)
        for who, all_of_it, edge in zip(sides, real, found.edge, strict=True):
            looked = sum(counts[kind, who] for kind in _COUNTED)
            if all_of_it > looked:
                counts[Class.NOT_LOOKED_INTO, who] = all_of_it - looked
            if edge:
                counts[Class.EDGE, who] = edge
        return counts

    @property
    def differ(self) -> int:
        """Differences within the edges."""
        return sum(self.found.alone) + self.found.uneven - self.agree_after_all

    @property
    def either(self) -> int:
        """Traces that are compared: those at an edge that one side has alone are not."""
        return self.found.both + sum(self.found.alone)

    @property
    def share(self) -> float:
        """Of the traces that either side kept, those that both did."""
        return self.found.both / self.either if self.either else 1.0

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        names, found = self.names, self.found
        sides = [
            {
                "name": name,
                "source": source,
                "traces": found.traces[place],
                "spans": found.spans[place] or None,
                "outside": found.outside[place],
                "alone": found.alone[place],
            }
            for place, (name, source) in enumerate(
                zip((names.a, names.b), self.sources, strict=True)
            )
        ]
        return {
            "agree": not self.differ,
            "sides": sides,
            "agreement": {"both": found.both, "either": self.either, "share": self.share},
            "classes": [
                {"class": kind.value, "kept_by": list(who), "traces": count, "say": WORDS[kind]}
                for (kind, who), count in self._ordered()
            ],
            "differences": [one.as_json(names) for one in self.differences],
            "notes": list(self.notes),
        }

    def _ordered(self) -> list[tuple[tuple[Class, tuple[str, ...]], int]]:
        order = list(Class)
        counted = [(key, count) for key, count in self.counts.items() if count]
        return sorted(counted, key=lambda one: (order.index(one[0][0]), one[0][1]))


def picture(report: Report, show: int) -> RenderableType:
    """The table, and the first differences of each class in turn, ``show`` of them."""
    parts: list[RenderableType] = [_sides(report), Text(), _agreement(report)]
    if report.counts:
        parts += [Text(), _classes(report)]
    parts += [Text(f"note: {plain(note)}", "yellow") for note in report.notes]
    shown = _some(report, show)
    for one in shown:
        parts += [
            Text(),
            Text(one.trace_id, "bold").append(f"  {one.kind.value}", "dim"),
            Padding(Text(_safe(one.say)), (0, 0, 0, 2)),
        ]
    left = report.differ - sum(one.kind is not Class.EDGE for one in shown)
    if left > 0 and shown:
        parts += [Text(), Text(f"{left:,} more differences; --show and --json show more", "dim")]
    return Group(*parts)


def _sides(report: Report) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    names = (report.names.a, report.names.b)
    for place, (name, source) in enumerate(zip(names, report.sources, strict=True)):
        spans = report.found.spans[place]
        of = f", {spans:,} spans" if spans else ""
        table.add_row(name, plain(source), f"{report.found.traces[place]:,} traces{of}")
    return table


def _agreement(report: Report) -> Text:
    found = report.found
    say = f"Both kept {found.both:,} of the {report.either:,} traces that either kept"
    text = Text(f"{say}: {_percent(report)}.", "bold")
    if not report.differ:
        return text.append(" No difference.", "bold green")
    return text


def _percent(report: Report) -> str:
    """Never 100 % where one is missing."""
    shown = f"{report.share * 100:.2f} %"
    return "99.99 %" if shown == "100.00 %" and report.share < 1 else shown


def _classes(report: Report) -> Table:
    names = report.names
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("Differences")
    columns = ((names.a,), (names.b,), (names.a, names.b))
    for title in (f"{names.a} alone", f"{names.b} alone", "both"):
        table.add_column(title, justify="right")
    counts = report.counts
    for kind in Class:
        row = [counts[kind, who] for who in columns]
        if any(row):
            table.add_row(WORDS[kind], *(f"{count:,}" if count else "" for count in row))
    return table


def _some(report: Report, show: int) -> list[Difference]:
    """Of every class some, before a second of any; those at the edge last."""
    by_class: dict[tuple[Class, tuple[str, ...]], Iterator[Difference]] = {}
    order = list(Class)
    for one in sorted(report.differences, key=lambda one: order.index(one.kind)):
        by_class.setdefault((one.kind, one.kept_by), _of(report, one.kind, one.kept_by))
    chosen: list[Difference] = []
    while by_class and len(chosen) < show:
        for key, rest in list(by_class.items()):
            following = next(rest, None)
            if following is None:
                del by_class[key]
            elif len(chosen) < show:
                chosen.append(following)
    return sorted(chosen, key=lambda one: (order.index(one.kind), one.kept_by))


def _of(report: Report, kind: Class, who: tuple[str, ...]) -> Iterator[Difference]:
    return (one for one in report.differences if one.kind is kind and one.kept_by == who)


def _safe(text: str) -> str:
    """Names of policies come from a gateway: nothing in them may steer a terminal."""
    return "".join(char if char.isprintable() else " " for char in text[:_LONGEST])
