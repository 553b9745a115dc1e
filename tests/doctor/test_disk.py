"""What a power cut takes, and slow disks."""

from dataclasses import replace

import pytest

from tailsampler.doctor import disk
from tailsampler.doctor.finding import Severity
from tests.doctor.builders import ROOMY, facts, live, one

TMPFS = replace(ROOMY, in_memory=True, filesystem="tmpfs")


def test_a_directory_in_memory_with_keep() -> None:
    """What is kept there is kept by nobody; with drain it is well."""
    found = one(disk.in_memory(facts(machine=TMPFS)))
    assert (found.id, found.severity) == ("directory-in-memory", Severity.WILL_HURT)
    assert "is on tmpfs" in found.evidence[0].say
    assert list(disk.in_memory(facts("shutdown: {mode: drain}", machine=TMPFS))) == []
    assert list(disk.in_memory(facts())) == []


@pytest.mark.parametrize(
    ("fsync", "now"), [("never", "never"), ("{interval: 6s}", "{interval: 6s}")]
)
def test_a_long_loss_window(fsync: str, now: str) -> None:
    """More than 5 s of acknowledged spans are lost with the power."""
    found = one(disk.loss(facts(f"buffer: {{fsync: {fsync}}}")))
    assert (found.id, found.severity) == ("long-loss-window", Severity.HINT)
    assert found.changes[0].now == now


@pytest.mark.parametrize("fsync", ["always", "{interval: 5s}"])
def test_a_short_loss_window(fsync: str) -> None:
    """Up to 5 s are somebody's choice; in memory fsync means nothing."""
    assert list(disk.loss(facts(f"buffer: {{fsync: {fsync}}}"))) == []
    assert list(disk.loss(facts("buffer: {fsync: never}", machine=TMPFS))) == []


@pytest.mark.parametrize(
    ("fsync", "setting"), [("always", "buffer.fsync"), ("{interval: 1s}", "data_directory")]
)
def test_a_slow_disk(fsync: str, setting: str) -> None:
    """At half of what makes the door refuse; fsync always is the first suspect."""
    slow = live(stats={"queue": {"requests": 7, "lag_seconds": 0.05}})
    found = one(disk.slow(facts(f"buffer: {{fsync: {fsync}}}", live=slow)))
    assert (found.id, found.severity) == ("disk-slow", Severity.WILL_HURT)
    assert found.evidence[0].say == "7 requests wait, the oldest for 50 ms"
    assert found.evidence[1].say == f"buffer.fsync is {fsync}"
    assert found.changes[0].setting == setting
    assert ("power cut" in found.effect) is (fsync == "always")


def test_a_fast_disk() -> None:
    """A millisecond is nothing."""
    assert list(disk.slow(facts())) == []
    assert list(disk.slow(facts(live=None))) == []


def test_storage_errors() -> None:
    """One failure to read or write is harm."""
    found = one(disk.storage_errors(facts(live=live(stats={"storage_errors": 1}))))
    assert (found.id, found.severity) == ("storage-errors", Severity.HARM_NOW)
    assert list(disk.storage_errors(facts())) == []
    assert list(disk.storage_errors(facts(live=None))) == []
