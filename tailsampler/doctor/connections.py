"""Who can connect, and how many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tailsampler.doctor.facts import STATUS, Facts
from tailsampler.doctor.finding import Change, Evidence, Finding, Severity

DOOR_CONNECTIONS: Final = 10_000
"""That the doors hold open at once: crates/door/src/limits.rs."""
OWN_FILES: Final = 500
"""For segments, the outbox, the trace store, the backends and the pages."""


def open_files(facts: Facts) -> Iterator[Finding]:
    """Fewer file descriptors than the doors take connections.

    The doors turn connections away in good order from the 10,001st on. With a lower limit the
    kernel does it before, and the log and the exporters run out of descriptors with them. 500 more
    are the gateway's own. A hint until connections have failed or half of the limit is in use: few
    gateways have thousands of senders.
    """
    limit = facts.machine.open_files
    if limit is None or limit >= DOOR_CONNECTIONS + OWN_FILES:
        return
    live = facts.live
    failed = live.stat("door", "connections", "accept_errors") if live else 0
    used = live.stat("door", "connections", "open") if live else 0
    if failed:
        severity = Severity.HARM_NOW
    else:
        severity = Severity.WILL_HURT if used > limit / 2 else Severity.HINT
    evidence = [Evidence(f"RLIMIT_NOFILE is {limit:,}", facts.where)]
    if live:
        say = f"{used:,.0f} connections open, {failed:,.0f} could not be accepted"
        evidence.append(Evidence(say, STATUS))
    yield Finding(
        id="open-files-limit",
        severity=severity,
        what=f"The limit of open files is met at about {max(0, limit - OWN_FILES):,} connections; "
        f"the doors are made for {DOOR_CONNECTIONS:,}.",
        evidence=tuple(evidence),
        changes=(
            Change(
                "LimitNOFILE= of the unit, or ulimit -n",
                f"{limit}",
                f"{DOOR_CONNECTIONS + OWN_FILES} or more, e.g. 65536",
            ),
        ),
        effect="Connections beyond 10,000 are turned away in order, and files can still be opened.",
    )


def turned_away(facts: Facts) -> Iterator[Finding]:
    """Connections that were closed on arrival: the doors were full.

    10,000 senders on one gateway are more than one process is for; one is a finding, since its
    sender lost what it could not keep.
    """
    live = facts.live
    away = live.stat("door", "connections", "turned_away") if live else 0
    if not away:
        return
    yield Finding(
        id="connections-turned-away",
        severity=Severity.HARM_NOW,
        what="Connections are closed on arrival, because 10,000 are open.",
        evidence=(Evidence(f"{away:,.0f} connections turned away since the start", STATUS),),
        changes=(
            Change(
                "the senders",
                "each SDK connects here",
                "SDKs to a Collector a node, and those to this gateway",
            ),
        ),
        effect="Every sender is heard.",
    )


def loopback(facts: Facts) -> Iterator[Finding]:
    """Doors that only this container can reach.

    All listeners are on loopback by default. In a container that is the container itself, so
    nothing comes from outside. A Collector in the same pod does reach it, so nothing is said once
    spans have come, and it is a hint until a minute has passed without one. Without a gateway to
    ask nothing is known: where this command runs is not where that will.
    """
    container, receive = facts.machine.container, facts.settings.receive
    doors = [
        (f"receive.{name}.endpoint", door.endpoint)
        for name, door in (("otlp_grpc", receive.otlp_grpc), ("otlp_http", receive.otlp_http))
        if door.enabled
    ]
    if container is None or not all(endpoint.is_loopback for _, endpoint in doors):
        return
    live = facts.live
    if live is None or live.ledger.primary.spans.received:
        return
    evidence = [
        Evidence(f"{', '.join(f'{key} {at}' for key, at in doors)}", facts.config_name),
        Evidence(f"runs in {container}", facts.where),
        Evidence(f"0 spans received in {live.uptime_s:,.0f} s", STATUS),
    ]
    yield Finding(
        id="loopback-in-container",
        severity=Severity.HARM_NOW if live.uptime_s > 60 else Severity.HINT,
        what="The doors listen on loopback, which nobody outside of this container can reach.",
        evidence=tuple(evidence),
        changes=tuple(
            Change(key, str(endpoint), f"0.0.0.0:{endpoint.port}") for key, endpoint in doors
        ),
        effect="Senders in other pods and on other machines reach it; a sidecar needs no change.",
    )
