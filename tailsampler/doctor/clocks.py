"""Clocks that are ahead: of senders, and of this gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tailsampler.doctor.facts import STATUS, Facts, Stored
from tailsampler.doctor.finding import Change, Evidence, Finding, Severity
from tailsampler.traces.clocks import place, skews

NOTICED_NS: Final = 1_000_000_000
"""A second: see ``senders``."""
_OWN_S: Final = 2.0
_TEMPO_AHEAD_NS: Final = 30_000_000_000
_STORE = "kept traces, GET /api/traces/{id}"


def senders(facts: Facts) -> Iterator[Finding]:
    """Services whose clock is ahead, as kept traces prove it.

    Two proofs, neither a guess: a span that ended after the gateway judged its trace, though it
    had come before (traces with late spans are left out of this one); and a callee that began
    before its caller, by causes and effects alone. An offset under a second is left to ordinary
    clock discipline (NTP holds tens of milliseconds): from a second on, traces of a second look
    wrong, and a policy with ``duration_threshold_ms: 1000`` chooses by it. 30 s ahead Tempo's
    metrics leave the spans out. Which of two clocks is right is not known, unless the gateway's
    own is the third.
    """
    if not facts.stored:
        return
    ahead, behind, trace_ids, proofs = _offsets(facts.stored)
    for service, offset in sorted(ahead.items(), key=lambda one: -one[1]):
        seconds = offset / 1e9
        yield Finding(
            id="clock-ahead",
            severity=Severity.HARM_NOW if offset >= _TEMPO_AHEAD_NS else Severity.WILL_HURT,
            what=f"The clock of {service} is at least {seconds:.1f} s ahead of "
            f"{behind[service]}'s; durations of its traces are wrong by as much.",
            evidence=(
                Evidence(
                    f"{proofs[service]} of {len(facts.stored)} traces show it, e.g. "
                    f"{trace_ids[service]}",
                    _STORE,
                ),
            ),
            changes=(
                Change(
                    f"the hosts of {service}: chrony or another NTP client",
                    f"{seconds:.1f} s ahead, or the other one is behind",
                    "synchronised; node_timex_sync_status is 1",
                ),
            ),
            effect="duration_threshold_ms chooses by what happened, and spans over 30 s ahead are "
            "no longer left out of Tempo's metrics.",
        )


def _offsets(
    stored: tuple[Stored, ...],
) -> tuple[dict[str, int], dict[str, str], dict[str, str], dict[str, int]]:
    """By service: ns ahead at least, of whom, the trace that shows most, how many show it."""
    ahead: dict[str, int] = {}
    behind: dict[str, str] = {}
    shows: dict[str, str] = {}
    proofs: dict[str, int] = {}
    for one in stored:
        for service, (offset, other) in _in_trace(one).items():
            proofs[service] = proofs.get(service, 0) + 1
            if offset > ahead.get(service, 0):
                ahead[service], behind[service] = offset, other
                shows[service] = one.trace.trace_id.hex()
    return ahead, behind, shows, proofs


def _in_trace(one: Stored) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    for skew in skews(one.trace):
        if skew.certain and skew.least_ns >= NOTICED_NS:
            service = skew.ahead.service
            if skew.least_ns > found.get(service, (0, ""))[0]:
                found[service] = skew.least_ns, skew.behind.service
    if len(one.trace.spans) > one.spans:
        return found  # a late span may well have ended after the verdict
    for span in one.trace.spans:
        offset, service = span.end_ns - one.judged_ns, place(span).service
        if offset >= NOTICED_NS and offset > found.get(service, (0, ""))[0]:
            found[service] = offset, "this gateway"
    return found


def gateway(facts: Facts) -> Iterator[Finding]:
    """The gateway's own clock beside that of the machine this command runs on.

    Its clock dates verdicts and retention, and is what senders are compared with. What the answer
    took is subtracted; 2 s beyond that no network explains. On one machine both are the same.
    """
    live = facts.live
    if live is None or abs(live.wall_ahead_s) - live.wall_error_s < _OWN_S:
        return
    side = "ahead of" if live.wall_ahead_s > 0 else "behind"
    offset = f"{abs(live.wall_ahead_s):.1f} s"
    yield Finding(
        id="gateway-clock-off",
        severity=Severity.WILL_HURT,
        what=f"The gateway's clock is {offset} {side} the clock here.",
        evidence=(
            Evidence(f"{offset}, give or take {live.wall_error_s:.1f} s", f"{STATUS}, wall_ns"),
        ),
        changes=(Change("an NTP client on both machines", f"{offset} apart", "under 0.1 s apart"),),
        effect="Times in explain and in the trace store are those of everybody else.",
    )
