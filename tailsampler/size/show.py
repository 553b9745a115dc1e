"""An answer for people, and the same for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tailsampler.settings.units import duration_text
from tailsampler.size import kubernetes
from tailsampler.size.answer import NOT_COVERED, Answer
from tailsampler.size.part import Part, total
from tailsampler.size.words import (
    bytes_text,
    cores_text,
    count_text,
    percent_text,
    seconds_text,
)

_PARTS: Final = "half of it for the buffer, a quarter for the outbox, as the program parts it"
_Row = tuple[str, str, str, str]


def as_json(of: Answer, remarks: Iterable[str]) -> dict[str, Any]:
    """Plain data: bytes, bytes a second, cores, seconds, shares of 1."""
    costs = of.costs
    return {
        "demand": asdict(of.demand) | {"requests_per_trace": of.demand.parts},
        "enough": not of.findings,
        "findings": [asdict(one) for one in of.findings],
        "each_gateway": {
            "spans_per_second": of.each.spans_per_second,
            "held_spans": of.each.held_spans,
            "cores_busy": total(of.cores),
            "cores": of.cores_needed,
            "of_measured_top": of.of_top,
            "process_memory_bytes": total(of.memory),
            "page_cache_bytes": of.page_cache,
            "memory_limit_bytes": of.memory_limit,
            "written_bytes_per_second": total(of.written),
            "buffer_bytes": of.buffer,
            "outbox_bytes": of.outbox,
            "volume_bytes": of.volume,
            "ready_seconds": of.ready_s,
        },
        "parts": {
            "cores": [asdict(part) for part in of.cores],
            "memory_bytes": [asdict(part) for part in of.memory],
            "written_bytes_per_second": [asdict(part) for part in of.written],
        },
        "kubernetes": {
            "replicas": of.demand.gateways,
            "cpu": kubernetes.cpu(of),
            "memory": kubernetes.memory(of),
            "volume": kubernetes.volume(of),
            "settings": kubernetes.to_write(of),
        },
        "measured": {"machine": costs.machine, "results": dict(costs.results)},
        "remarks": list(remarks),
        "not_covered": list(NOT_COVERED),
    }


def picture(of: Answer, remarks: Iterable[str]) -> RenderableType:
    """Everything, for a terminal of any width."""
    parts: list[RenderableType] = [Text(_asked(of)), Text(), _table(of)]
    for one in of.findings:
        parts += [Text(), Text("NOT ENOUGH  ", "bold red").append(one.say, "")]
    parts += [Text(), Text("As values of the chart:"), Text()]
    parts.append(Padding(Text(kubernetes.values(of).rstrip()), (0, 0, 0, 2)))
    parts += [Text(), Text(_headroom(of))]
    parts += [Text(f"Note: {remark}") for remark in remarks]
    parts += [Text(), Text("Not in these numbers:", "dim")]
    parts.append(Padding(_listed(NOT_COVERED), (0, 0, 0, 2)))
    parts.append(Text(f"\n{_source(of)}", "dim"))
    return Group(*parts)


def _asked(of: Answer) -> str:
    one = of.demand
    tier = "one gateway"
    if one.gateways > 1:
        tier = f"{one.gateways} gateways"
        tier += f", {one.missing} of which may be missing" if one.missing else ""
    wait = duration_text(timedelta(seconds=one.decision_wait_s))
    within = "one request" if one.parts == 1 else f"{one.parts:g} requests"
    return (
        f"{count_text(one.spans_per_second)} spans a second for {tier}: "
        f"{bytes_text(one.bytes_per_span)} a span, {one.spans_per_request:g} a request by "
        f"{one.protocol}, {one.spans_per_trace:g} a trace in {within}; held for "
        f"{wait}, {percent_text(one.kept)} kept by the chain {one.chain}."
    )


def _table(of: Answer) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Each gateway")
    table.add_column("needs", justify="right", no_wrap=True)
    table.add_column("which is", overflow="fold")
    table.add_column("measured by", style="dim", overflow="fold")
    for number, rows in enumerate((_load(of), _processor(of), _memory(of), _disk(of))):
        if number:
            table.add_row()
        for what, need, how, by in rows:
            head = not what.startswith(" ")
            table.add_row(Text(what, "bold" if head else ""), need, how, by)
    return table


def _load(of: Answer) -> Iterator[_Row]:
    each, share = of.each, percent_text(round(of.of_top, 2))
    yield (
        "takes",
        f"{count_text(each.spans_per_second)}/s",
        f"spans; {share} of the {count_text(of.top)} that one took at most",
        _cases(of.costs.cases("top.request")),
    )
    held = f"spans of {count_text(each.held_traces)} traces"
    yield "holds", count_text(each.held_spans), held, ""


def _processor(of: Answer) -> Iterator[_Row]:
    busy = total(of.cores)
    yield "cores", cores_text(of.cores_needed), f"{cores_text(busy)} busy, and headroom", ""
    for part in of.cores:
        yield f"  {part.what}", cores_text(part.value), part.how, _cases(part.cases)


def _memory(of: Answer) -> Iterator[_Row]:
    yield "memory", bytes_text(of.memory_limit), "process and page cache", ""
    yield from _of_bytes(of.memory, "")
    yield (
        "  page cache",
        bytes_text(of.page_cache),
        "the log of the wait: kept traces are read back; can be reclaimed, and costs reads then",
        "",
    )
    rest = of.memory_limit - total(of.memory) - of.page_cache
    if rest >= 1:
        yield "  what the program leaves free", bytes_text(rest), "its bounds are parts of it", ""


def _disk(of: Answer) -> Iterator[_Row]:
    written_down = kubernetes.to_write(of).keys() & {"buffer.max_bytes", "outbox.max_bytes"}
    how = "the sum of all bounds, those below written down" if written_down else _PARTS
    yield "disk", bytes_text(of.volume), how, ""
    yield "  buffer.max_bytes", bytes_text(of.buffer), "the wait, in a burst, and two files", ""
    away = duration_text(timedelta(seconds=of.each.outage_s))
    outage = f"kept spans of {away} without a backend, in three quarters of it"
    yield "  outbox.max_bytes", bytes_text(of.outbox), outage, ""
    yield "written", f"{bytes_text(total(of.written))}/s", "each byte once", ""
    yield from _of_bytes(of.written, "/s")
    yield (
        "ready again",
        seconds_text(of.ready_s),
        "after kill -9, with a warm page cache",
        _cases(of.costs.cases("start.empty_s", "start.held_us")),
    )
    if isinstance(of.each.fsync, float):
        lost = of.each.spans_per_second * of.each.fsync
        how = f"spans at most: fsync every {of.each.fsync:g} s; nothing when the process dies"
        yield "lost without power", count_text(lost), how, ""


def _of_bytes(parts: tuple[Part, ...], unit: str) -> Iterator[_Row]:
    for part in parts:
        need = bytes_text(part.value) + unit
        yield f"  {part.what}", need, part.how, _cases(part.cases) or "a bound of the program"


def _cases(names: tuple[str, ...]) -> str:
    return ", ".join(names)


def _headroom(of: Answer) -> str:
    each = of.each
    return (
        "The rate is that of the busiest minute and not of a day. "
        f"Beyond it {percent_text(each.headroom)} stay free, so that a burst of "
        f"{each.burst:,.1f} times as much may last as long as the wait; of what is more the oldest "
        "traces are judged early, or requests are refused and senders try again."
    )


def _listed(lines: Iterable[str]) -> Table:
    table = Table.grid(padding=(0, 1))
    for line in lines:
        table.add_row(Text("-", "dim"), Text(line, "dim"))
    return table


def _source(of: Answer) -> str:
    return (
        f"Measured on {of.costs.machine}; benchmarks/results has the cases, and every prediction "
        "of them is within 25 %."
    )
