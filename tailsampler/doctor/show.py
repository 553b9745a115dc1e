"""A diagnosis for people, the worst first, and the same for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tailsampler.doctor.checks import Check, Diagnosis, Needs
from tailsampler.doctor.facts import Facts
from tailsampler.doctor.finding import Finding, Severity
from tailsampler.top.words import age

_STYLES: Final = {
    Severity.HARM_NOW: "bold red",
    Severity.WILL_HURT: "bold yellow",
    Severity.HINT: "bold cyan",
}


def as_json(facts: Facts, diagnosis: Diagnosis) -> dict[str, Any]:
    """Plain data: the findings, and what was and was not looked at."""
    return {
        "config": facts.config_name,
        "gateway": facts.live.url if facts.live else None,
        "well": not diagnosis.findings,
        "findings": [finding.as_json() for finding in diagnosis.findings],
        "made": [check.asks for check in diagnosis.made],
        "skipped": [
            {"check": check.asks, "why": _why(check.needs, facts)} for check in diagnosis.skipped
        ],
    }


def picture(facts: Facts, diagnosis: Diagnosis) -> RenderableType:
    """Everything, for a terminal of any width."""
    parts: list[RenderableType] = [_read(facts), _verdict(diagnosis)]
    for finding in diagnosis.findings:
        parts += [Text(), _head(finding), Padding(_body(finding), (0, 0, 0, 2))]
    parts += [Text(), *_looked_at(facts, diagnosis)]
    return Group(*parts)


def _read(facts: Facts) -> Table:
    rows = [("configuration", facts.config_name)]
    if facts.live is None:
        why = facts.why_not_live or "none was asked"
        rows.append(("gateway", f"{why}, so its counters were not looked at"))
    else:
        state = "ready" if facts.live.ready else "NOT READY"
        up = age(facts.live.uptime_s)
        rows.append(("gateway", f"{facts.live.url}, {state}, up {up}"))
    rows += [("backend", line) for line in _backends(facts)]
    if facts.upstream is not None:
        names = ", ".join(sender.name for sender in facts.upstream.senders)
        rows.append(("Collector", f"{facts.upstream.file}: {names}"))
    return _rows(((name, Text(_plain(text))) for name, text in rows), "dim")


def _backends(facts: Facts) -> Iterator[str]:
    if facts.backends is None and facts.remote:
        yield "not asked"
    for backend in facts.backends or ():
        how = "with TLS" if backend.tls else "without TLS"
        answer = backend.code or f"not asked: {backend.words}"
        yield f"{backend.exporter}, {backend.endpoint} {how}: {answer}"


def _verdict(diagnosis: Diagnosis) -> Text:
    checks = len(diagnosis.made)
    if not diagnosis.findings:
        return Text(f"\nNothing found: these {checks} checks were made.", "bold green")
    counts = [
        f"{count} {severity.words}"
        for severity in sorted(Severity, reverse=True)
        if (count := sum(one.severity is severity for one in diagnosis.findings))
    ]
    many = "finding" if len(diagnosis.findings) == 1 else "findings"
    say = f"\n{len(diagnosis.findings)} {many} by {checks} checks: {', '.join(counts)}."
    return Text(say, _STYLES[diagnosis.findings[0].severity])


def _head(finding: Finding) -> Text:
    style = _STYLES[finding.severity]
    head = Text(finding.severity.words.upper(), style)
    return head.append("  ").append(finding.id, "bold")


def _body(finding: Finding) -> RenderableType:
    rows = [
        ("evidence", Text(_plain(one.say)).append(f"  [{_plain(one.source)}]", "dim"))
        for one in finding.evidence
    ]
    rows += [
        ("set", Text(_plain(f"{one.setting}: {one.now} -> ")).append(_plain(one.to), "green"))
        for one in finding.changes
    ]
    rows.append(("then", Text(_plain(finding.effect))))
    return Group(Text(_plain(finding.what)), _rows(rows, "dim"))


def _rows(rows: Iterable[tuple[str, Text]], style: str) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style=style, no_wrap=True)
    table.add_column(overflow="fold")
    before = ""
    for name, text in rows:
        table.add_row("" if name == before else name, text)
        before = name
    return table


def _looked_at(facts: Facts, diagnosis: Diagnosis) -> Iterator[RenderableType]:
    if not diagnosis.findings:
        yield Padding(Text("\n".join(f"{check.asks}?" for check in diagnosis.made)), (0, 0, 0, 2))
    whys: dict[str, list[Check]] = {}
    for check in diagnosis.skipped:
        whys.setdefault(_why(check.needs, facts), []).append(check)
    for why, checks in whys.items():
        many = "1 check" if len(checks) == 1 else f"{len(checks)} checks"
        yield Text(f"{many} not made: {why}.", "dim")


def _why(needs: Needs, facts: Facts) -> str:
    if needs is Needs.FILE and facts.live is None:
        return Needs.GATEWAY.value
    return needs.value


def _plain(text: str) -> str:
    """Names and words come from outside, too: nothing in them may steer a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)
