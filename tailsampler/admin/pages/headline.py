"""The first sentences of Flow: is all well, what was kept, what was dropped and why."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tailsampler.admin.pages.picture import MINUTE_S, Picture
from tailsampler.admin.pages.words import lasting, number, short
from tailsampler.telemetry.status import Phase, Status


@dataclass(frozen=True, slots=True)
class Headline:
    """What a stranger reads in five seconds."""

    first: str
    second: str
    alarms: Sequence[str]
    """What is lost, or wrong; empty while all is well."""
    remarks: Sequence[str]
    """What somebody may want to look at; nothing is lost."""


def headline(shown: Picture, status: Status) -> Headline:
    """Put it in words."""
    phase, troubles, found = status.phase, status.troubles(), status.found
    alarms = [trouble.say for trouble in troubles if trouble.needed]
    remarks = [trouble.say for trouble in troubles if not trouble.needed]
    if found is not None and not found.clean:
        remarks.append(found.sentence)
    return Headline(
        "In trouble: see below." if alarms else _first(shown, phase),
        _second(shown),
        (*alarms, *_alarms(shown)),
        (*remarks, *_notes(shown)),
    )


def _first(shown: Picture, phase: Phase) -> str:
    if not shown.look.ledger.balanced:
        return f"{number(shown.missing)} spans are missing from the books."
    if shown.lost:
        return f"{_spans(shown.lost)} {'was' if shown.lost == 1 else 'were'} lost."
    if phase is Phase.CLOSING:
        return "Closing: the doors are closed, and what is kept is being sent."
    if shown.empty:
        return "Ready, and waiting for the first span."
    return "All spans accounted for."


def _second(shown: Picture) -> str:
    if shown.empty:
        return "Send one, and it shows up here within a second."
    window, traces = shown.window, shown.look.ledger.traces
    judged = window.count("traces", "judged")
    if judged:
        kept, dropped = window.count("traces", "kept"), window.count("traces", "dropped")
        whole = window.seconds > MINUTE_S - 2
        when = "in the last minute" if whole else f"in the last {lasting(round(window.seconds))}"
        return f"{_traces(judged)} judged {when}: {_outcome(kept, dropped)}."
    if traces.judged:
        outcome = _outcome(traces.kept, traces.dropped)
        return f"No trace was judged lately; {_traces(traces.judged)} since the first: {outcome}."
    return f"{_traces(traces.open)} held, none judged yet."


def _alarms(shown: Picture) -> Iterator[str]:
    if not shown.look.ledger.balanced:
        yield "Books that do not balance are a bug. Please report it, with the page at /ledger.txt."
    for loss in shown.losses:
        where = f" at exporter {loss.exporter}" if loss.exporter else ""
        yield f"{_spans(loss.spans)} lost{where} ({short(loss.reason)}). {loss.sentence}"


def _notes(shown: Picture) -> Iterator[str]:
    for exporter in shown.exporters:
        if not exporter.healthy:
            again = (
                f", tried again in {lasting(math.ceil(exporter.pause_s))}"
                if exporter.pause_s
                else ""
            )
            yield (
                f"Exporter {exporter.name} fails{again}. Nothing is lost: "
                f"{_spans(exporter.outbox)} wait in the outbox."
            )
    refused = shown.window.count("spans", "refused")
    if refused:
        yield (
            f"{_spans(refused)} refused at the doors in the last minute. Their senders were asked "
            "to try again, and keep them."
        )


def _outcome(kept: int, dropped: int) -> str:
    return f"{number(kept)} kept, {number(dropped)} dropped on purpose"


def _traces(count: int) -> str:
    return f"{number(count)} {'trace' if count == 1 else 'traces'}"


def _spans(count: int) -> str:
    return f"{number(count)} {'span' if count == 1 else 'spans'}"
