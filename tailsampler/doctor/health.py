"""What the gateway knows of itself: books, losses, troubles, and the file that it did not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tailsampler.doctor.facts import STATUS, Facts
from tailsampler.doctor.finding import Change, Evidence, Finding, Severity
from tailsampler.settings.effective import effective
from tailsampler.settings.units import duration_text
from tailsampler.telemetry.reasons import DROP_REASONS, is_intended

_SILENT_S: Final = 60.0
_MOST_NAMED: Final = 8
_OVERDUE_S: Final = 10.0


def unbalanced(facts: Facts) -> Iterator[Finding]:
    """Books that do not balance, added up once more here; one span is enough: it is a bug."""
    if facts.live is None or facts.live.ledger.balanced:
        return
    spans = facts.live.ledger.primary.spans
    yield Finding(
        id="ledger-unbalanced",
        severity=Severity.HARM_NOW,
        what="The books do not balance: spans are nowhere to be found, or counted twice.",
        evidence=(
            Evidence(
                f"{spans.received:,} received, {spans.exported:,} exported, "
                f"{spans.dropped_total:,} dropped, {spans.held:,} held: {spans.missing:,} missing",
                STATUS,
            ),
        ),
        changes=(Change("none", "a bug", "please report it with the ledger"),),
        effect="received = exported + dropped + held.",
    )


def losses(facts: Facts) -> Iterator[Finding]:
    """Spans that were accepted and lost, by reason.

    Since the directory was made, so that a loss of last week is not overlooked; harm now if it
    grew in the last minutes. What a backend refused is told by the check of that name.
    """
    live = facts.live
    if live is None:
        return
    for reason, count in live.ledger.primary.spans.dropped.items():
        if is_intended(reason) or not count or reason.startswith("backend_"):
            continue
        lately = live.window.count("spans", "dropped", reason)
        known = DROP_REASONS.get(reason)
        yield Finding(
            id="spans-lost",
            severity=Severity.HARM_NOW if lately else Severity.WILL_HURT,
            what=f"{count:,} accepted spans were lost as {reason}."
            f"{' ' + known.sentence if known else ''}",
            evidence=(
                Evidence(f"{count:,} since the directory was made", STATUS),
                Evidence(f"{lately:,} {live.lately}", STATUS),
            ),
            changes=(
                Change("what caused it", reason, "see 'Why a span was dropped' in operating.md"),
            ),
            effect="The count stands still.",
        )


def troubles(facts: Facts) -> Iterator[Finding]:
    """A gateway that says it is not ready, or parts of it that fail again and again."""
    live = facts.live
    if live is None or (live.ready and not live.troubles and not live.contained):
        return
    failures = sum(live.contained.values())
    evidence = [Evidence(say, STATUS) for say in live.troubles]
    if failures:
        told = ", ".join(f"{name} {count:,}" for name, count in live.contained.items())
        evidence.append(Evidence(f"failures survived since the start: {told}", STATUS))
    if not evidence:
        evidence.append(Evidence("ready is false, and no trouble is named: it closes", STATUS))
    yield Finding(
        id="gateway-in-trouble",
        severity=Severity.WILL_HURT if live.ready else Severity.HARM_NOW,
        what="A part of the gateway fails." if live.ready else "The gateway is not ready.",
        evidence=tuple(evidence),
        changes=(Change("the process", "running", "restarted if it does not mend itself"),),
        effect="/readyz answers 200; tailsampler_contained_failures_total stands still.",
    )


def behind(facts: Facts) -> Iterator[Finding]:
    """Traces that are still held ten seconds after their wait is over.

    The judge looks every few milliseconds, and after a start it spreads what is overdue over 5 s.
    Ten seconds beyond the longest wait are neither: the process has too little CPU, or the log is
    stuck. With more than 50,000 open traces the age is not measured, and nothing is said.
    """
    live = facts.live
    if live is None:
        return
    setting, wait = facts.longest_wait
    oldest_s = live.ledger.oldest_held_s
    if oldest_s <= wait.total_seconds() + _OVERDUE_S:
        return
    yield Finding(
        id="verdicts-overdue",
        severity=Severity.HARM_NOW,
        what="Traces wait for their verdict for longer than any setting asks.",
        evidence=(
            Evidence(f"the oldest held trace is {oldest_s:,.1f} s old", STATUS),
            Evidence(f"{setting} is {duration_text(wait)}, the longest wait", facts.config_name),
            Evidence(f"{live.ledger.traces.open:,} traces are open", STATUS),
        ),
        changes=(
            Change(
                "the CPU of the process, or the disk below data_directory",
                "perhaps throttled (cpu.stat), perhaps slow",
                "a core of its own for each 500,000 spans/s",
            ),
        ),
        effect=f"tailsampler_oldest_held_seconds stays near {duration_text(wait)}.",
    )


def silence(facts: Facts) -> Iterator[Finding]:
    """A gateway that has received nothing for its first minute: nobody sends to it."""
    live = facts.live
    if live is None or live.ledger.primary.spans.received or live.uptime_s < _SILENT_S:
        return
    rejected = sum(live.ledger.rejected.values())
    doors = live.stat("door", "connections", "total")
    yield Finding(
        id="nothing-received",
        severity=Severity.HINT,
        what="No span has come.",
        evidence=(
            Evidence(f"0 spans received, {rejected:,} rejected, up {live.uptime_s:,.0f} s", STATUS),
            Evidence(f"{doors:,.0f} connections since the start", STATUS),
        ),
        changes=(
            Change(
                "SDK: OTEL_EXPORTER_OTLP_ENDPOINT",
                "not known",
                "http://THIS_HOST:4318 (HTTP), or :4317 (gRPC)",
            ),
        ),
        effect="tailsampler_spans_received_total grows.",
    )


def not_what_runs(facts: Facts) -> Iterator[Finding]:
    """A file that differs from the configuration in force: it is read at the start alone.

    Every difference counts; the findings of the file are those of the next start.
    """
    if facts.running is None:
        return
    differs = sorted(_differences("", effective(facts.settings), facts.running))
    if not differs:
        return
    more = f" and {len(differs) - _MOST_NAMED} more" if len(differs) > _MOST_NAMED else ""
    yield Finding(
        id="config-not-in-force",
        severity=Severity.HINT,
        what="The running gateway was started with other settings than this file has.",
        evidence=(
            Evidence(f"differs in {', '.join(differs[:_MOST_NAMED])}{more}", "GET /api/v1/config"),
        ),
        changes=(Change("the process", "as it was started", "restarted with this file"),),
        effect="What is read here is what runs; a restart loses nothing.",
    )


def _differences(path: str, one: Any, other: Any) -> Iterator[str]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in {*one, *other}:
            here = f"{path}.{key}" if path else str(key)
            yield from _differences(here, one.get(key), other.get(key))
    elif one != other:
        yield path
