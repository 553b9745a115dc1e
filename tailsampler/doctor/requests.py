"""How spans arrive: in requests that are too small, or refused and perhaps not sent again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tailsampler.doctor.facts import STATUS, Facts, Live
from tailsampler.doctor.finding import Change, Evidence, Finding, Severity

BENCHMARK: Final = ((8, 2.30), (64, 0.64), (512, 0.39))
"""Spans a request, and microseconds of CPU a span: benchmarks/results/standard_chain.md."""
SMALL: Final = 64
"""Spans a request, see ``too_small``."""
GOOD: Final = 512
_ENOUGH_REQUESTS: Final = 100
_SOURCE: Final = "benchmarks/results/standard_chain.md"


def cpu_us(spans: float) -> float:
    """Microseconds of CPU a span, in requests of ``spans``.

    A request costs a part that is its own and a part a span, so the cost of a whole request is
    interpolated between the measured sizes, and continued on either side of them.
    """
    points = [(size, size * cost) for size, cost in BENCHMARK]
    low, high = points[:2] if spans < points[1][0] else points[-2:]
    slope = (high[1] - low[1]) / (high[0] - low[0])
    return (low[1] + (spans - low[0]) * slope) / spans


def too_small(facts: Facts) -> Iterator[Finding]:
    """Requests that hold fewer than 64 spans on average.

    At 64 a span costs 1.7 times the CPU of one in a request of 512, which is what an SDK's batch
    processor sends at most by default; below 64 the cost grows as one over the size, to 6 times at
    8. Fewer than a hundred requests say nothing. How bad it is goes by the CPU that is spent for
    nothing: from a hundredth of a core it will hurt at the next growth, a quarter is harm now.
    """
    live = facts.live
    if live is None:
        return
    taken, spans = live.window.count("requests", "taken"), live.window.count("spans", "received")
    if taken < _ENOUGH_REQUESTS or not 0 < spans < SMALL * taken:
        return
    mean, rate = spans / taken, live.window.rate("spans", "received")
    now, then = cpu_us(mean), cpu_us(GOOD)
    wasted = rate * (now - then) / 1e6
    yield Finding(
        id="requests-too-small",
        severity=_by_cores(wasted),
        what=f"Senders put {mean:.1f} spans into a request, so a span costs {now / then:.1f} times "
        f"the CPU that it would cost in requests of {GOOD}.",
        evidence=(
            Evidence(f"{spans:,} spans in {taken:,} requests {live.lately}", STATUS),
            Evidence(f"{now:.2f} us of CPU a span now, {then:.2f} us at {GOOD}", _SOURCE),
        ),
        changes=tuple(_batching(facts)),
        effect=f"{rate * now / 1e6:.2%} of a core becomes {rate * then / 1e6:.2%}, at "
        f"{rate:,.0f} spans/s.",
    )


def _by_cores(wasted: float) -> Severity:
    if wasted >= 0.25:
        return Severity.HARM_NOW
    return Severity.WILL_HURT if wasted >= 0.01 else Severity.HINT


def _batching(facts: Facts) -> Iterator[Change]:
    wanted = f"{{flush_timeout: 1s, sizer: items, min_size: {GOOD}}}"
    senders = [] if facts.upstream is None else facts.upstream.senders
    known = [sender for sender in senders if sender.batch is None or sender.batch < GOOD]
    for sender in known:
        now = "not set" if sender.batch is None else f"{sender.batch} items"
        yield Change(f"Collector: exporters.{sender.name}.sending_queue.batch", now, wanted)
    if not known:
        yield Change("Collector: exporters.<otlp>.sending_queue.batch", "not known", wanted)
        yield Change(
            "SDK: OTEL_BSP_MAX_EXPORT_BATCH_SIZE, with a BatchSpanProcessor",
            "not known; a SimpleSpanProcessor sends each span alone",
            f"{GOOD}, its default",
        )


def unbatched(facts: Facts) -> Iterator[Finding]:
    """An upstream exporter that sends what comes as it comes, with neither kind of batching.

    The Collector's own advice is to batch before a gateway (processor ``batch``, or
    ``sending_queue.batch``, which is off by default); without it one SDK's request is one of ours.
    It is a hint as long as the counters do not show small requests.
    """
    for sender in facts.upstream.senders if facts.upstream else ():
        if sender.batch is None:
            yield Finding(
                id="upstream-unbatched",
                severity=Severity.HINT,
                what=f"The Collector's exporter {sender.name} sends each request on its own.",
                evidence=(
                    _at(
                        facts,
                        "no batch processor in its pipelines, and no batch: in its sending_queue",
                    ),
                ),
                changes=(
                    Change(
                        f"Collector: exporters.{sender.name}.sending_queue.batch",
                        "not set",
                        f"{{flush_timeout: 1s, sizer: items, min_size: {GOOD}}}",
                    ),
                ),
                effect=f"{cpu_us(GOOD):.2f} us of CPU a span, whatever the SDKs' requests hold; "
                f"in requests of 8 it is {cpu_us(8):.2f} us.",
            )


def retry_off(facts: Facts) -> Iterator[Finding]:
    """``retry_on_failure: {enabled: false}`` in front of a gateway that refuses when it must.

    A refusal (RESOURCE_EXHAUSTED with RetryInfo, 429 with Retry-After) means: keep it and send it
    again. With retries off the Collector drops the spans at once. It is harm now if requests were
    refused lately, else it waits for the first slow disk.
    """
    refused = facts.live.window.count("requests", "refused") if facts.live else 0
    for sender in facts.upstream.senders if facts.upstream else ():
        if sender.retries:
            continue
        evidence = [_at(facts, f"exporters.{sender.name}.retry_on_failure.enabled is false")]
        if facts.live:
            evidence.append(Evidence(f"{refused:,} requests refused {facts.live.lately}", STATUS))
        yield Finding(
            id="upstream-retry-off",
            severity=Severity.HARM_NOW if refused else Severity.WILL_HURT,
            what=f"The Collector's exporter {sender.name} drops what this gateway asks it to send "
            "again.",
            evidence=tuple(evidence),
            changes=(
                Change(
                    f"Collector: exporters.{sender.name}.retry_on_failure",
                    "{enabled: false}",
                    "{enabled: true, max_elapsed_time: 300s}",
                ),
            ),
            effect="A refused request comes again after the time that RetryInfo names; nothing is "
            "lost at the door.",
        )


def refused(facts: Facts) -> Iterator[Finding]:
    """Requests that were refused: their spans exist only as long as their senders keep them.

    One in a thousand is the share over which a burst is no longer the exception; a refusal itself
    is no loss. Whether they came again cannot be counted here: a second try looks like a first.
    """
    live = facts.live
    if live is None:
        return
    refusals, taken = (live.window.count("requests", key) for key in ("refused", "taken"))
    if not refusals or refusals < (refusals + taken) / 1000:
        return
    share = refusals / (refusals + taken)
    yield Finding(
        id="requests-refused",
        severity=Severity.WILL_HURT,
        what=f"{share:.1%} of the requests are refused, and lost unless their senders try again.",
        evidence=(
            Evidence(f"{refusals:,} of {refusals + taken:,} requests {live.lately}", STATUS),
            Evidence(f"{live.ledger.refused_spans:,} spans since the directory was made", STATUS),
            Evidence(_pressure(live), STATUS),
        ),
        changes=(
            Change("Collector: exporters.<otlp>.retry_on_failure.enabled", "not known", "true"),
            Change(
                "receive.in_flight_bytes",
                f"{facts.settings.receive.in_flight_bytes:,} bytes",
                "more, if bodies in memory are near it; else a faster disk for data_directory",
            ),
        ),
        effect="Senders that honour RetryInfo lose nothing; refusals end when the writer keeps up.",
    )


def _pressure(live: Live) -> str:
    return (
        f"the oldest request waits {live.stat('queue', 'lag_seconds') * 1e3:.0f} ms for the log "
        f"(refused from 100 ms), {live.stat('door', 'in_flight_bytes'):,.0f} bytes in memory"
    )


def _at(facts: Facts, say: str) -> Evidence:
    return Evidence(say, facts.upstream.file if facts.upstream else "")
