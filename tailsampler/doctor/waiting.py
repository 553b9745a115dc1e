"""Waits that backends do not wait for, and late spans that nobody remembers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from tailsampler.decide.chosen import shortest_wait_of, wait_of
from tailsampler.doctor.facts import STATUS, Facts, is_tempo
from tailsampler.doctor.finding import Change, Evidence, Finding, Severity
from tailsampler.settings.units import duration_text
from tailsampler.top.words import age

TEMPO_SLACK: Final = timedelta(seconds=30)
"""``metrics_generator.metrics_ingestion_time_range_slack``, Tempo's default."""
SENDERS_DELAY: Final = timedelta(seconds=5)
"""``OTEL_BSP_SCHEDULE_DELAY``: so long an SDK holds a span by default."""
SHORT_MEMORY: Final = timedelta(minutes=1)
_VERDICT_BYTES: Final = 24
_MANY_LATE: Final = 0.01
_ENOUGH_SPANS: Final = 1000
_TEMPO: Final = "Tempo: metrics_generator.metrics_ingestion_time_range_slack, default 30s"


def beyond_tempo_slack(facts: Facts) -> Iterator[Finding]:
    """A wait after which Tempo's metrics-generator does not count the spans any more.

    It skips a span that ended more than 30 s before it came
    (``metrics_ingestion_time_range_slack``; tempo #6587, alloy #5682): span metrics and service
    graphs are silently short, the traces themselves are stored. A span is under way for up to 5 s
    in its SDK, then waits here, then for company in a batch. From 30 s of our own on it is
    certain, and harm now where the exporter names Tempo; from 25 s on it goes by the SDK.
    """
    for exporter in facts.remote:
        late = SENDERS_DELAY + exporter.linger
        over = [(key, wait) for key, wait in facts.waits if wait + late > TEMPO_SLACK]
        if not over:
            continue
        wait = max(wait for _, wait in over)
        tempo, ours = is_tempo(exporter), wait + exporter.linger
        yield Finding(
            id="wait-beyond-tempo-slack",
            severity=_severity(tempo=tempo, certain=ours >= TEMPO_SLACK),
            what=f"Spans reach {exporter.name} up to {age((wait + late).total_seconds())} after "
            f"they ended, and {'its' if tempo else 'if it is Tempo, its'} metrics-generator skips "
            "those older than 30 s.",
            evidence=(
                *(
                    Evidence(f"{key} is {duration_text(wait)}", facts.config_name)
                    for key, wait in over
                ),
                Evidence(
                    f"export.{exporter.name}.linger is {duration_text(exporter.linger)}",
                    facts.config_name,
                ),
                Evidence("an SDK holds a span for up to 5 s", "OTEL_BSP_SCHEDULE_DELAY"),
                Evidence("spans that ended over 30 s ago are left out of metrics", _TEMPO),
            ),
            changes=(
                *(Change(key, duration_text(wait), "20s") for key, wait in over),
                Change(
                    "or Tempo: metrics_generator.metrics_ingestion_time_range_slack",
                    "30s by default",
                    f"{math.ceil((wait + late) * 1.2 / timedelta(minutes=1))}m",
                ),
            ),
            effect="tempo_metrics_generator_spans_discarded_total"
            '{reason="outside_metrics_ingestion_slack"} stops growing.',
        )


def _severity(*, tempo: bool, certain: bool) -> Severity:
    if tempo:
        return Severity.HARM_NOW if certain else Severity.WILL_HURT
    return Severity.WILL_HURT if certain else Severity.HINT


def shorter_than_senders(facts: Facts) -> Iterator[Finding]:
    """A wait that ends before the SDKs have sent: every trace of two services is judged in part.

    An SDK's batch processor sends every 5 s by default, so the second service's spans may come 5 s
    after the first's; a root that came says nothing of the others. It is harm now where more than
    1 % of the spans come after their verdict.
    """
    setting, wait = shortest_wait_of(facts.settings)
    late, spans = _late(facts)
    many = spans >= _ENOUGH_SPANS and late > _MANY_LATE * spans
    if wait > SENDERS_DELAY and not many:
        return
    evidence = [
        Evidence(f"{setting} is {duration_text(wait)}", facts.config_name),
        Evidence("an SDK sends every 5 s unless told otherwise", "OTEL_BSP_SCHEDULE_DELAY"),
    ]
    if facts.live and spans:
        say = f"{late:,} of {spans:,} spans came after their trace was judged {facts.live.lately}"
        evidence.append(Evidence(say, STATUS))
    wanted = max(timedelta(seconds=10), min(wait * 2, timedelta(seconds=20)))
    yield Finding(
        id="wait-shorter-than-senders",
        severity=Severity.HARM_NOW if many else Severity.HINT,
        what="Traces are judged before all of their spans can have come; an error or a slow span "
        "that comes late does not count.",
        evidence=tuple(evidence),
        changes=(
            Change(setting, duration_text(wait), duration_text(wanted)),
            Change("or SDK: OTEL_BSP_SCHEDULE_DELAY", "5000 by default, in ms", "1000"),
        ),
        effect="Verdicts see whole traces; each second of wait costs about 300 bytes a span of "
        "disk and page cache.",
    )


def _late(facts: Facts) -> tuple[int, int]:
    if facts.live is None:
        return 0, 0
    return facts.live.window.count("late", "spans"), facts.live.window.count("spans", "received")


def memory_too_short(facts: Facts) -> Iterator[Finding]:
    """``late:`` so small that even an ordinary retry comes after it.

    An SDK holds a span for 5 s and gives an attempt 10 s, the Collector retries for 300 s. Under a
    minute a single failed attempt is enough to split a trace in two verdicts (contrib #14760,
    #37189: without a decision cache late spans are judged anew).
    """
    late = facts.settings.late
    if late.max_traces and late.max_age >= SHORT_MEMORY:
        return
    if late.max_traces:
        change = Change("late.max_age", duration_text(late.max_age), "10m")
        remembered = f"late.max_age is {duration_text(late.max_age)}"
    else:
        change = Change("late.max_traces", "0", "1000000, about 24 MB of memory")
        remembered = "late.max_traces is 0"
    yield Finding(
        id="late-memory-short",
        severity=Severity.WILL_HURT,
        what="Verdicts are forgotten so soon that a span which was sent twice begins a trace of "
        "its own.",
        evidence=(
            Evidence(remembered, facts.config_name),
            Evidence("retries go on for 300 s", "Collector: retry_on_failure, default"),
        ),
        changes=(change,),
        effect="Late spans follow their trace's verdict; kept traces are whole.",
    )


def memory_too_few(facts: Facts) -> Iterator[Finding]:
    """Verdicts that are forgotten by count before they are forgotten by age.

    At the measured rate of verdicts ``late.max_traces`` last for less than ``late.max_age``; a
    tenth less is within the noise of a rate. Where the memory is full, its reach was measured, too.
    """
    live, late = facts.live, facts.settings.late
    if live is None or not late.max_traces:
        return
    rate = live.window.rate("traces", "judged")
    age_s = late.max_age.total_seconds()
    reach_s = late.max_traces / rate if rate else math.inf
    if reach_s >= 0.9 * age_s:
        return
    wanted = _rounded_up(rate * age_s * 1.2)
    held = live.stat("late", "traces")
    evidence = [
        Evidence(f"{rate:,.0f} traces judged a second {live.lately}", STATUS),
        Evidence(f"{held:,.0f} verdicts remembered of {late.max_traces:,}", STATUS),
    ]
    if held >= 0.95 * late.max_traces:
        measured = live.stat("late", "reach_seconds")
        evidence.append(Evidence(f"the oldest of them is {measured:,.0f} s old", STATUS))
    yield Finding(
        id="late-memory-full",
        severity=Severity.HARM_NOW if held >= 0.95 * late.max_traces else Severity.WILL_HURT,
        what=f"Late spans find their verdict for {reach_s:,.0f} s, not for the {age_s:,.0f} s that "
        "late.max_age says.",
        evidence=tuple(evidence),
        changes=(Change("late.max_traces", f"{late.max_traces}", f"{wanted}"),),
        effect=f"The memory reaches {duration_text(late.max_age)} back and takes "
        f"{wanted * _VERDICT_BYTES / 1e6:,.0f} MB.",
    )


def _rounded_up(count: float) -> int:
    step = int("1" + "0" * max(0, len(str(int(count))) - 2))
    return math.ceil(count / step) * step


def retries_outlast(facts: Facts) -> Iterator[Finding]:
    """An upstream that still sends when the verdict on its trace is forgotten.

    A trace is held for ``decision_wait`` and its verdict remembered for ``late.max_age``. A sender
    that retries for longer, or for ever from a queue on disk, brings spans that begin a trace of
    their own, judged alone. The Collector's default of 300 s is within our default of 10 m.
    """
    late, (_, wait) = facts.settings.late, wait_of(facts.settings)
    remembered = late.max_age if late.max_traces else timedelta(0)
    reach = wait + remembered
    for sender in facts.upstream.senders if facts.upstream else ():
        limit = sender.gives_up_after_s
        if not sender.retries or (limit is not None and limit <= reach.total_seconds()):
            continue
        how_long = "for ever" if limit is None else f"for {limit:g} s"
        now = "0s" if limit is None else f"{limit:g}s"
        yield Finding(
            id="upstream-retries-outlast-memory",
            severity=Severity.WILL_HURT,
            what=f"The Collector's exporter {sender.name} retries {how_long}, and after "
            f"{duration_text(reach)} what it brings is judged as a trace of its own.",
            evidence=(
                Evidence(
                    f"exporters.{sender.name}.retry_on_failure.max_elapsed_time is {now}",
                    facts.upstream.file if facts.upstream else "",
                ),
                Evidence(
                    f"decision_wait {duration_text(wait)} and late.max_age "
                    f"{duration_text(remembered)}",
                    facts.config_name,
                ),
            ),
            changes=(
                Change(
                    f"Collector: exporters.{sender.name}.retry_on_failure.max_elapsed_time",
                    now,
                    f"{min(300, int(reach.total_seconds()))}s",
                ),
                Change(
                    "or late.max_age",
                    duration_text(late.max_age),
                    "as long as an outage may last, with late.max_traces to match",
                ),
            ),
            effect="Whatever still comes follows the verdict on its trace.",
        )
