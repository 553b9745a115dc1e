"""What a power cut takes, and what the disk is too slow for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from tailsampler.doctor.facts import STATUS, Facts
from tailsampler.doctor.finding import Change, Evidence, Finding, Severity
from tailsampler.settings.buffer import Fsync, loss_window
from tailsampler.settings.units import duration_text

SLOW_S: Final = 0.05
LONG: Final = timedelta(seconds=5)
_COST: Final = "benchmarks/results/durability.md"


def in_memory(facts: Facts) -> Iterator[Finding]:
    """A data directory that ends with the pod, and a shutdown that leaves everything in it.

    On tmpfs ``keep`` keeps nothing: at each rollout every held span and every kept span that was
    not sent is lost, after it was acknowledged. Always wrong, so there is no threshold.
    """
    if not facts.machine.in_memory or facts.settings.shutdown.mode != "keep":
        return
    yield Finding(
        id="directory-in-memory",
        severity=Severity.WILL_HURT,
        what="What is held at a shutdown is left in a directory that ends with the machine or the "
        "pod: each rollout loses it.",
        evidence=(
            Evidence(
                f"{facts.settings.data_directory} is on {facts.machine.filesystem}",
                f"/proc/self/mountinfo of {facts.where}",
            ),
            Evidence("shutdown.mode is keep", facts.config_name),
        ),
        changes=(
            Change(
                "shutdown.mode",
                "keep",
                "drain, with terminationGracePeriodSeconds over both bounds",
            ),
            Change("or data_directory", str(facts.settings.data_directory), "a volume on a disk"),
        ),
        effect="Held traces are judged and sent before the process ends, or are there at the next "
        "start.",
    )


def loss(facts: Facts) -> Iterator[Finding]:
    """A loss window that is longer than anybody waits for an acknowledgement to mean something.

    ``never`` leaves it to the kernel (up to 40 s); measured, ``interval: 1s`` costs 5 to 14 % more
    CPU than ``never``. An interval over 5 s saves next to nothing over 1 s. On a file system in
    memory fsync means nothing, so nothing is said.
    """
    fsync = facts.settings.buffer.fsync
    if facts.machine.in_memory or fsync == "always":
        return
    if fsync != "never" and fsync.interval <= LONG:
        return
    now = _shown(fsync)
    yield Finding(
        id="long-loss-window",
        severity=Severity.HINT,
        what="A power cut takes more acknowledged spans than it has to.",
        evidence=(
            Evidence(loss_window(fsync), facts.config_name),
            Evidence("interval: 1s costs 0.1 to 0.25 us of CPU a span over never", _COST),
        ),
        changes=(Change("buffer.fsync", now, "{interval: 1s}"),),
        effect="A power cut loses the last second at most.",
    )


def slow(facts: Facts) -> Iterator[Finding]:
    """Requests that wait for the log for half as long as makes the door refuse.

    The door refuses when the oldest entry of the writer's queue is 100 ms old; at 50 ms the next
    stall of the disk is a refusal. With ``fsync: always`` each acknowledgement waits for the disk.
    """
    live, fsync = facts.live, facts.settings.buffer.fsync
    if live is None or live.stat("queue", "lag_seconds") < SLOW_S:
        return
    lag_ms = live.stat("queue", "lag_seconds") * 1e3
    always = fsync == "always"
    yield Finding(
        id="disk-slow",
        severity=Severity.WILL_HURT,
        what=f"The disk is slow: the oldest request has waited {lag_ms:.0f} ms for the log, and "
        "from 100 ms on requests are refused.",
        evidence=(
            Evidence(
                f"{live.stat('queue', 'requests'):,.0f} requests wait, the oldest for "
                f"{lag_ms:.0f} ms",
                STATUS,
            ),
            Evidence(f"buffer.fsync is {_shown(fsync)}", facts.config_name),
        ),
        changes=(
            Change("buffer.fsync", "always", "{interval: 1s}")
            if always
            else Change("data_directory", str(facts.settings.data_directory), "a faster disk"),
        ),
        effect="Acknowledgements no longer wait for the disk; a power cut may take the last second."
        if always
        else "tailsampler_queue_lag_seconds stays under 0.05.",
    )


def _shown(fsync: Fsync) -> str:
    return fsync if isinstance(fsync, str) else f"{{interval: {duration_text(fsync.interval)}}}"


def storage_errors(facts: Facts) -> Iterator[Finding]:
    """Failures to read or write the data directory.

    One is too many: requests are refused meanwhile, and a disk that fails once fails again.
    """
    if facts.live is None or not facts.live.stat("storage_errors"):
        return
    yield Finding(
        id="storage-errors",
        severity=Severity.HARM_NOW,
        what="The data directory could not be read or written.",
        evidence=(
            Evidence(f"{facts.live.stat('storage_errors'):,.0f} failures since the start", STATUS),
        ),
        changes=(
            Change(
                "the disk below data_directory",
                "the log says which file: storage.failed",
                "room, permissions, or another disk",
            ),
        ),
        effect="Requests are taken again.",
    )
