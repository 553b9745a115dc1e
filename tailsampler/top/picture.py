"""The picture: what one sample and its rates look like in so many columns and rows."""

from collections.abc import Iterable
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tailsampler.control.messages import seconds
from tailsampler.control.v1 import control_pb2 as pb
from tailsampler.telemetry.reasons import is_intended
from tailsampler.top.rates import FLOWS, Watched, totals
from tailsampler.top.words import age, per_second, plain, sparkline

_NARROW: Final = 70
"""Columns; under it, history and totals give way."""
_ROOMY: Final = 100
"""Columns; from there on, verdicts have their reasons."""
_STYLES: Final = {
    "kept": "green",
    "exported": "green",
    "dropped on purpose": "yellow",
    "lost": "red",
}


def picture(watched: Watched, width: int, height: int | None, trouble: str = "") -> RenderableType:
    """Everything, the most important first; what does not fit into ``height`` is left out.

    ``trouble``: why there is no newer sample. ``height`` None: as long as it gets.
    """
    sample = watched.sample
    if sample is None:
        return Text(plain(trouble) or "asking the gateway ...")
    parts: list[RenderableType] = [_head(sample, width)]
    if trouble:
        parts.append(Text(plain(trouble), "bold red", no_wrap=True, overflow="ellipsis"))
    parts.append(_flow(watched, sample, width))
    used = len(parts) + len(FLOWS) + 2
    exporters = _exporters(watched, sample, width)
    # Exporters are few; policies get what they leave, and verdicts what those leave.
    left = None if height is None else height - used - _rows(exporters)
    policies = _policies(watched, sample, width, left)
    parts += [policies, exporters]
    if left is not None:
        left -= _rows(policies)
    if sample.recent and (left is None or left > 2):
        parts.append(_verdicts(sample.recent[: None if left is None else left - 2], width))
    return Group(*parts)


def _head(sample: pb.StatsSample, width: int) -> Text:
    ledger, books = sample.ledger, sample.ledger.spans
    held = books.held_in_buffer + books.held_in_outbox
    name = f"tailsampler {plain(sample.version)}  " if width >= _NARROW else ""
    head = Text(name, no_wrap=True, overflow="ellipsis")
    head.append(sample.phase, "bold green" if sample.phase == "ready" else "bold yellow")
    head.append(f", up {age(seconds(sample.uptime))}  ")
    if ledger.balanced:
        head.append("balanced", "green")
    else:
        head.append("BOOKS NOT BALANCED", "bold red")
    return head.append(f"  held {held:,} (oldest {age(seconds(ledger.oldest_held))})")


def _flow(watched: Watched, sample: pb.StatsSample, width: int) -> Table:
    wide = width >= _NARROW
    table = _table("spans", "rate", *(("total", "history") if wide else ()), left=(0, 3))
    sums = totals(sample.ledger)
    for flow in FLOWS:
        style = _STYLES.get(flow, "") if flow != "lost" or sums[flow] else ""
        row = [Text(flow, style), Text(per_second(watched.flows.get(flow)), style)]
        if wide:
            bars = sparkline(watched.history[flow], min(60, width - 55))
            row += [Text(f"{sums[flow]:,}"), Text(bars, style)]
        table.add_row(*row)
    return table


def _policies(watched: Watched, sample: pb.StatsSample, width: int, rows: int | None) -> Table:
    wide = width >= _NARROW
    more = ("kept", "dropped") if wide else ()
    table = _table("policy", "keeps", "kept/s", "dropped/s", *more, left=(0,))
    fit = len(sample.policies)
    if rows is not None and fit > rows - 2:
        fit = max(1, rows - 3)
    for number, policy in enumerate(sample.policies[:fit], start=1):
        in_chain = policy.HasField("sample_rate")
        kept, dropped = watched.policies.get(policy.name, (None, None))
        row = [
            f"{number}. {plain(policy.name)}" if in_chain else f"   {plain(policy.name)}",
            f"{policy.sample_rate * 100:g} %" if in_chain else "-",
            per_second(kept).removesuffix("/s"),
            per_second(dropped).removesuffix("/s"),
        ]
        if wide:
            row += [f"{policy.traces_kept:,}", f"{policy.traces_dropped:,}"]
        table.add_row(*map(Text, row))
    if fit < len(sample.policies):
        table.add_row(Text(f"... and {len(sample.policies) - fit} more", "dim"))
    return table


def _exporters(watched: Watched, sample: pb.StatsSample, width: int) -> Table:
    wide = width >= _NARROW
    table = _table(
        "exporter", "sent", "outbox", "lost", *(("health",) if wide else ()), left=(0, 4)
    )
    state = {one.name: one for one in sample.exporters}
    for one in sample.ledger.exporters:
        lost = sum(n for reason, n in one.spans.dropped.items() if not is_intended(reason))
        health, style = _health(state.get(one.name))
        name = Text(plain(one.name), "" if wide else style)
        row = [
            name,
            Text(per_second(watched.exporters.get(one.name))),
            Text(f"{one.spans.held_in_outbox:,}"),
            Text(f"{lost:,}", "bold red" if lost else ""),
        ]
        if wide:
            row.append(Text(health, style))
        table.add_row(*row)
    return table


def _health(state: pb.ExporterStats | None) -> tuple[str, str]:
    if state is None:
        return "unknown", "dim"
    if state.healthy:
        return "well", "green"
    return f"failing, again in {age(seconds(state.backing_off))}: {plain(state.last_error)}", "red"


def _verdicts(recent: Iterable[pb.GetDecisionsResponse], width: int) -> Table:
    wide, roomy = width >= _NARROW, width >= _ROOMY
    more = ("spans", "lasted") if wide else ()
    table = _table("trace", "verdict", "policy", *more, left=(0, 1, 2))
    for one in recent:
        found = one.judged
        words, style = ("kept", "green") if found.kept else ("dropped", "yellow")
        trace_id = one.trace_id.hex()
        row = [
            Text(trace_id if wide else f"{trace_id[:12]}..."),
            Text(words, style),
            Text((plain(found.policy) or "none") + (f" ({found.reason})" if roomy else "")),
        ]
        if wide:
            lasted_ms = seconds(found.duration) * 1e3
            row += [Text(f"{found.spans:,}"), Text(f"{lasted_ms:,.0f} ms")]
        table.add_row(*row)
    return table


def _table(*headers: str, left: tuple[int, ...]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for index, header in enumerate(headers):
        last = index == len(headers) - 1
        table.add_column(
            f"\n{header}",  # an empty row above every table
            justify="left" if index in left else "right",
            no_wrap=True,
            overflow="ellipsis",
            min_width=len("dropped") if header == "verdict" else None,
            # The others are short; a name or an error gives way first.
            ratio=1 if last and index in left else None,
        )
    return table


def _rows(table: Table) -> int:
    return table.row_count + 2
