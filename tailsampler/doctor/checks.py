"""Every check there is, in the order in which a span would meet what it looks at."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from tailsampler.doctor import (
    backends,
    batches,
    chain,
    clocks,
    connections,
    disk,
    health,
    ratios,
    requests,
    room,
    waiting,
)
from tailsampler.doctor.facts import Facts
from tailsampler.doctor.finding import Finding

Judge = Callable[[Facts], Iterator[Finding]]


class Needs(enum.Enum):
    """What a check cannot do without, and how to give it."""

    CONFIG = "a configuration"
    GATEWAY = "no running gateway was asked; start it, or name it with --url"
    BACKENDS = "backends were not asked; there are none by a network, or leave out --no-backends"
    COLLECTOR = "no Collector's configuration was read; name it with --collector-config"
    FILE = "a file to compare a running gateway with; name it with --config"
    TRACES = "no kept traces were read: they are in the local trace store of a running gateway"
    MEMORY = "no memory limit holds for this process, or none that can be read"


@dataclass(frozen=True, slots=True)
class Check:
    """One question; ``judge`` answers it from facts, with no finding where all is well."""

    finds: str
    """The id of its findings."""
    asks: str
    needs: Needs
    judge: Judge


CHECKS: Final = (
    Check(
        "loopback-in-container", "can senders reach the doors", Needs.GATEWAY, connections.loopback
    ),
    Check(
        "open-files-limit",
        "are there descriptors for all connections",
        Needs.CONFIG,
        connections.open_files,
    ),
    Check(
        "connections-turned-away",
        "are connections turned away",
        Needs.GATEWAY,
        connections.turned_away,
    ),
    Check("nothing-received", "does anybody send", Needs.GATEWAY, health.silence),
    Check("requests-too-small", "are requests large enough", Needs.GATEWAY, requests.too_small),
    Check("upstream-unbatched", "does the Collector batch", Needs.COLLECTOR, requests.unbatched),
    Check("requests-refused", "are requests refused", Needs.GATEWAY, requests.refused),
    Check(
        "upstream-retry-off",
        "does the Collector send again what was refused",
        Needs.COLLECTOR,
        requests.retry_off,
    ),
    Check(
        "upstream-retries-outlast-memory",
        "does the Collector give up in time",
        Needs.COLLECTOR,
        waiting.retries_outlast,
    ),
    Check(
        "upstream-samples", "does somebody sample before", Needs.COLLECTOR, ratios.sampled_upstream
    ),
    Check("clock-ahead", "are clocks of services ahead", Needs.TRACES, clocks.senders),
    Check("gateway-clock-off", "is the gateway's clock right", Needs.GATEWAY, clocks.gateway),
    Check(
        "buffer-too-small",
        "does the buffer log hold the longest wait",
        Needs.GATEWAY,
        room.buffer_too_small,
    ),
    Check(
        "disk-smaller-than-bounds",
        "has the disk room for all bounds",
        Needs.CONFIG,
        room.disk_too_small,
    ),
    Check("memory-limit", "is there memory for all bounds", Needs.MEMORY, room.memory_limit),
    Check(
        "directory-in-memory",
        "does the data directory outlive the process",
        Needs.CONFIG,
        disk.in_memory,
    ),
    Check("long-loss-window", "what does a power cut take", Needs.CONFIG, disk.loss),
    Check("disk-slow", "is the disk fast enough", Needs.GATEWAY, disk.slow),
    Check("storage-errors", "can the data directory be used", Needs.GATEWAY, disk.storage_errors),
    Check(
        "wait-shorter-than-senders",
        "do verdicts wait for whole traces",
        Needs.CONFIG,
        waiting.shorter_than_senders,
    ),
    Check(
        "wait-beyond-tempo-slack",
        "does the wait fit into Tempo's slack",
        Needs.CONFIG,
        waiting.beyond_tempo_slack,
    ),
    Check("verdicts-overdue", "do verdicts come in time", Needs.GATEWAY, health.behind),
    Check("chain-doubt", "does the chain say what is meant", Needs.CONFIG, chain.doubts),
    Check(
        "policy-never-matched",
        "does every policy match something",
        Needs.GATEWAY,
        chain.never_matched,
    ),
    Check("keep-ratio-off", "do policies keep their share", Needs.GATEWAY, ratios.keep_ratio),
    Check(
        "late-memory-short",
        "are verdicts remembered long enough",
        Needs.CONFIG,
        waiting.memory_too_short,
    ),
    Check(
        "late-memory-full", "are enough verdicts remembered", Needs.GATEWAY, waiting.memory_too_few
    ),
    Check("only-local-store", "do kept traces go to a backend", Needs.CONFIG, backends.only_local),
    Check("backend-does-not-answer", "do backends answer", Needs.BACKENDS, backends.answers),
    Check("exporter-failing", "do exporters succeed", Needs.GATEWAY, backends.failing),
    Check(
        "batch-over-backend-limit", "do batches fit the backend", Needs.CONFIG, batches.over_limit
    ),
    Check(
        "trace-over-tempo-limit",
        "do traces fit Tempo",
        Needs.GATEWAY,
        batches.trace_over_tempo_limit,
    ),
    Check(
        "backend-refuses-spans",
        "do backends take what is kept",
        Needs.GATEWAY,
        batches.refused_for_good,
    ),
    Check("outbox-filling", "does the outbox empty", Needs.GATEWAY, room.outbox_filling),
    Check("spans-lost", "are spans lost", Needs.GATEWAY, health.losses),
    Check("ledger-unbalanced", "do the books balance", Needs.GATEWAY, health.unbalanced),
    Check("gateway-in-trouble", "does all of the gateway work", Needs.GATEWAY, health.troubles),
    Check("config-not-in-force", "is this file in force", Needs.FILE, health.not_what_runs),
)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found, and what was looked at to find it."""

    findings: tuple[Finding, ...]
    """The worst first."""
    made: tuple[Check, ...]
    skipped: tuple[Check, ...]
    """Those whose needs were not met."""


def examine(facts: Facts) -> Diagnosis:
    """Make every check that can be made."""
    made = tuple(check for check in CHECKS if _met(check.needs, facts))
    found = [finding for check in made for finding in check.judge(facts)]
    found.sort(key=lambda finding: -finding.severity)  # stable: then by the way of a span
    skipped = tuple(check for check in CHECKS if check not in made)
    return Diagnosis(tuple(found), made, skipped)


def _met(needs: Needs, facts: Facts) -> bool:
    met = {
        Needs.CONFIG: True,
        Needs.GATEWAY: facts.live is not None,
        Needs.BACKENDS: bool(facts.backends),
        Needs.COLLECTOR: facts.upstream is not None,
        Needs.FILE: facts.running is not None,
        Needs.TRACES: bool(facts.stored),
        Needs.MEMORY: facts.machine.memory_limit is not None,
    }
    return met[needs]
