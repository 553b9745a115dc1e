"""``tailsampler compare`` as a program: read both sides, look into differences, print."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from tailsampler.access.credentials import NONE, Credentials
from tailsampler.clock import Clock, SystemClock
from tailsampler.compare import files
from tailsampler.compare.asking import Asker, address, asking
from tailsampler.compare.collected import Collected
from tailsampler.compare.explaining import Facts, Names, explain
from tailsampler.compare.partition import Partition, partition, window
from tailsampler.compare.report import Report, picture
from tailsampler.compare.sides import Seen, Side, is_url, side_of
from tailsampler.compare.verdicts import UNASKED, Gateways, Said
from tailsampler.errors import TailsamplerError
from tailsampler.settings.root import Settings

if TYPE_CHECKING:
    from tailsampler.decide.offline import Judge, Judged

WELL: Final = 0
FINDING: Final = 1
_WIDTH: Final = 100
_NS: Final = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What somebody asked for."""

    sides: tuple[str, str]
    names: Names = field(default_factory=Names)
    tenants: tuple[str | None, str | None] = (None, None)
    verdicts: tuple[str, ...] = ()
    settings: Settings | None = None
    since_ns: int = 0
    """When the first trace may begin; 0: no bound."""
    until_ns: int = 0
    settle_ns: int = 60 * _NS
    show: int = 20
    most: int = 1_000
    skip_bad: bool = False
    credentials: Credentials = NONE


def compare(
    options: Options, *, as_json: bool, clock: Clock | None = None, out: IO[str] | None = None
) -> int:
    """Print how two sides differ; the exit status: 0 they do not, 1 they do.

    Raises ``TailsamplerError`` for what cannot be read, asked or compared.
    """
    out = out or sys.stdout
    report = asyncio.run(compared(options, clock or SystemClock()))
    if as_json:
        out.write(json.dumps(report.as_json(), indent=2) + "\n")
    else:
        width = None if out.isatty() else _WIDTH
        console = Console(file=out, highlight=False, emoji=False, markup=False, width=width)
        with console.capture() as drawn:
            console.print(picture(report, options.show))
        # Tables are filled up with blanks, which nobody wants in a ticket.
        out.write("".join(f"{line.rstrip()}\n" for line in drawn.get().splitlines()))
    return FINDING if report.differ else WELL


async def compared(options: Options, clock: Clock) -> Report:
    """Everything that is found out."""
    if any(map(is_url, options.sides)) and not (options.since_ns and options.until_ns):
        say = "a side that is asked needs a time; write --since 1h, and --until 2m where it fits"
        raise TailsamplerError("no_time", say)
    judge = _judge(options.settings)
    with ExitStack() as stack:
        async with asking(clock, options.credentials, options.verdicts) as asker:
            sides = _sides(options, asker)
            a = await _collect(options, sides[0], 0, stack)
            b = await _collect(options, sides[1], 1, stack)
            where = window(a, b, options.since_ns, options.until_ns, options.settle_ns)
            found = partition(
                (a, b),
                where,
                exact=sides[0].exact and sides[1].exact,
                most=options.most,
                within=(options.since_ns, options.until_ns),
            )
            _something(options, found)
            notes = [*a.notes, *b.notes]
            if not where.has_inside:
                notes.append(
                    "the sides overlap for less than twice --settle, so nothing was excused as "
                    "being at the edge"
                )
            gateways = Gateways(asker, [address(url) for url in options.verdicts])
            facts = await _looked_into(sides, found, gateways, judge)
    limited = frozenset() if judge is None else judge.limited
    explained = [explain(one, options.names, limited) for one in facts]
    inside = [one for one, known in zip(explained, facts, strict=True) if not known.is_edge]
    return Report(
        names=options.names,
        sources=options.sides,
        found=found,
        differences=tuple(one for one in explained if one is not None),
        agree_after_all=inside.count(None),
        notes=tuple(notes),
    )


def _judge(settings: Settings | None) -> Judge | None:
    if settings is None:
        return None
    # Only this needs the data plane.
    from tailsampler.decide.offline import Judge  # noqa: PLC0415

    return Judge(settings)


def _sides(options: Options, asker: Asker) -> tuple[Side, Side]:
    (a, b), (first, second) = options.sides, options.tenants
    return (
        side_of(a, asker, tenant=first, skip_bad=options.skip_bad),
        side_of(b, asker, tenant=second, skip_bad=options.skip_bad),
    )


async def _collect(options: Options, side: Side, place: int, stack: ExitStack) -> Collected:
    with progress(f"reading {options.sides[place]}") as tell:
        collected = await side.collect(options.since_ns, options.until_ns, tell)
    stack.callback(collected.close)
    return collected


def _something(options: Options, found: Partition) -> None:
    """Refuse to compare with nothing: it would look like a finding, and is a wrong name."""
    for traces, outside, source in zip(found.traces, found.outside, options.sides, strict=True):
        if not traces:
            where = f", and {outside:,} that begin before --since or after --until" * bool(outside)
            say = f"{source} holds no trace{where}; name where kept traces are"
            raise TailsamplerError("nothing_there", say)


async def _looked_into(
    sides: tuple[Side, Side],
    found: Partition,
    gateways: Gateways,
    judge: Judge | None,
) -> list[Facts]:
    """Each difference with what its sides, gateways and the configuration say."""
    pairs = [*found.picked, *found.picked_edge]
    seen: list[dict[bytes, Seen]] = []
    for place, side in enumerate(sides):
        wanted = {pair.trace_id for pair in found.picked if pair[place] is not None}
        seen.append(await side.look(wanted) if wanted else {})
    alone = [pair.trace_id for pair in found.picked if None in pair]
    with progress("asking for verdicts") as tell:
        said: dict[bytes, Said] = await gateways.ask(alone, tell)
    inside = set(map(id, found.picked))
    return [
        Facts(
            pair,
            (seen[0].get(pair.trace_id), seen[1].get(pair.trace_id)),
            said.get(pair.trace_id, UNASKED),
            _judged(judge, pair.trace_id, seen) if None in pair else None,
            is_edge=id(pair) not in inside,
        )
        for pair in pairs
    ]


def _judged(judge: Judge | None, trace_id: bytes, seen: list[dict[bytes, Seen]]) -> Judged | None:
    known = seen[0].get(trace_id) or seen[1].get(trace_id)
    if judge is None or known is None or not known.whole:
        return None
    return judge.judge(trace_id, known.requests)


@contextmanager
def progress(what: str) -> Iterator[files.Progress]:
    """Show on a terminal how far it is."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
