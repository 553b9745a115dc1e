"""Whether policies keep the share they were asked to keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tailsampler.decide.chosen import rates_of
from tailsampler.doctor.binomial import interval
from tailsampler.doctor.facts import STATUS, Facts
from tailsampler.doctor.finding import Change, Evidence, Finding, Severity

SURPRISE: Final = 0.001
"""Share of runs in which a gateway that is well may be accused, all its policies together."""
_FEWEST: Final = 100
_NOTICEABLE: Final = 0.02


def keep_ratio(facts: Facts) -> Iterator[Finding]:
    """A policy that keeps more or fewer traces than a fair choice would.

    Each trace is kept with the probability ``sample_rate``, by 56 bits of its id, so the number
    kept of n is binomial. Outside of its 99.9 % interval (two-sided, divided by the number of
    policies that are looked at: one false alarm in a thousand runs) the ids are not random, or
    somebody upstream chose by the same bits. A deviation under 2 % of the share is let be: with
    millions of traces an interval is narrower than anybody's interest.
    """
    live = facts.live
    if live is None:
        return
    rates = rates_of(facts.settings)
    known: list[Mapping[str, Any]] = [
        policy
        for policy in live.stats.get("policies", ())
        if int(policy["judged"]) >= _FEWEST and policy["policy"] in rates
    ]
    for policy in known:
        rate, judged, kept = rates[policy["policy"]], int(policy["judged"]), int(policy["kept"])
        low, high = interval(judged, rate, SURPRISE / len(known))
        off = abs(kept / judged - rate)
        if low <= kept <= high or off < _NOTICEABLE * rate:
            continue
        yield Finding(
            id="keep-ratio-off",
            severity=Severity.HARM_NOW,
            what=f"Policy {policy['policy']} keeps {100 * kept / judged:.4g} % of its traces, not "
            f"the {100 * rate:.4g} % that it was asked for; counts estimated from kept traces are "
            "wrong.",
            evidence=(
                Evidence(f"{kept:,} of {judged:,} traces kept since the start", STATUS),
                Evidence(
                    f"a fair choice keeps {low:,} to {high:,}",
                    f"binomial, n = {judged:,}, p = {rate:g}, 99.9 %, "
                    f"policies looked at: {len(known)}",
                ),
                *_sampled_before(facts),
            ),
            changes=tuple(_changes(facts, more=kept > high)),
            effect=f"{low:,} to {high:,} of as many traces are kept, and a kept span's ot=th says "
            "for how many it stands.",
        )


def _sampled_before(facts: Facts) -> Iterator[Evidence]:
    for sender in facts.upstream.senders if facts.upstream else ():
        for processor in sender.samples_before:
            yield Evidence(
                f"{processor} samples before exporter {sender.name}",
                facts.upstream.file if facts.upstream else "",
            )


def _changes(facts: Facts, *, more: bool) -> Iterator[Change]:
    ids = facts.settings.sampling.trace_ids
    if ids == "random":
        yield Change("sampling.trace_ids", "random: the ids' last 7 bytes decide", "hashed")
    else:
        yield Change(
            "the senders' ids or ot=rv", "hashed here, and still uneven", "ids that differ at all"
        )
    if more:
        # Whoever sampled by the same bits passes on the large ones only, which are kept here.
        yield Change(
            "or the upstream's sampler",
            "perhaps on: it passes on the ids that are kept here, too",
            "off, or let it write ot=th, which is taken into account",
        )


def sampled_upstream(facts: Facts) -> Iterator[Finding]:
    """A sampler in the upstream's pipelines: this gateway judges what that one left.

    A head sampler drops errors and slow traces before anybody knows that they are; a second tail
    sampler holds each trace twice. Both may be meant, so it is a hint.
    """
    if facts.upstream is None:
        return
    behind: dict[str, list[str]] = {}
    for sender in facts.upstream.senders:
        for processor in sender.samples_before:
            behind.setdefault(processor, []).append(sender.name)
    for processor, senders in behind.items():
        yield Finding(
            id="upstream-samples",
            severity=Severity.HINT,
            what=f"{processor} samples before this gateway sees the traces, so errors and slow "
            "traces are lost before they can be chosen.",
            evidence=(
                Evidence(f"{processor} in a pipeline of {', '.join(senders)}", facts.upstream.file),
            ),
            changes=(
                Change(
                    f"Collector: {processor} in service.pipelines", "in the pipeline", "removed"
                ),
            ),
            effect="Every trace is judged whole; this gateway alone decides.",
        )
