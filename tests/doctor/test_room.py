"""Bounds, the disk and the memory below them."""

from dataclasses import replace
from typing import Any

import pytest

from tailsampler.doctor import room
from tailsampler.doctor.finding import Severity
from tests.doctor.builders import ROOMY, facts, ledger, live, one, tempo

GIB = 1 << 30
MIB = 1 << 20


def held(**stats: Any) -> Any:
    return live(stats=stats)


def test_a_buffer_smaller_than_what_the_wait_holds() -> None:
    """10,000 spans of 100 bytes a second for 20 s, and a quarter more, are 23.8 MiB."""
    text = "{buffer: {max_bytes: 16MiB, segment_bytes: 4MiB}, sampling: {decision_wait: 20s}}"
    found = one(room.buffer_too_small(facts(text)))
    assert (found.id, found.severity) == ("buffer-too-small", Severity.WILL_HURT)
    assert "held for 20s: 23.8MiB" in found.evidence[1].say
    assert (found.changes[0].now, found.changes[0].to) == ("16MiB", "1GiB")


@pytest.mark.parametrize(
    ("stats", "severity"),
    [
        ({"log": {"bytes": 7 * GIB}}, Severity.WILL_HURT),
        ({"verdict_reasons": {"early_buffer_full": 3}}, Severity.HARM_NOW),
    ],
)
def test_a_buffer_that_is_full(stats: Any, severity: Severity) -> None:
    """Four fifths full it will hurt; once traces were judged early it has."""
    found = one(room.buffer_too_small(facts(live=held(**stats))))
    assert found.severity is severity
    assert "8GiB used" in found.evidence[0].say


def test_a_buffer_with_room() -> None:
    """A gateway that is well has a nearly empty log; without one nothing is known."""
    assert list(room.buffer_too_small(facts())) == []
    assert list(room.buffer_too_small(facts(live=None))) == []


@pytest.mark.parametrize(
    ("used", "severity"), [(500, Severity.WILL_HURT), (800, Severity.HARM_NOW)]
)
def test_an_outbox_that_fills(used: int, severity: Severity) -> None:
    """From half full on the exporter that is behind is named, and how long the rest lasts."""
    books = ledger()
    books["exporters"]["tempo"]["spans"]["held"] = {"buffer": 0, "outbox": 77}
    gateway = live(
        ledger=books,
        increase={("spans", "kept"): 60},
        stats={"outbox": {"bytes": used, "max_bytes": 1_000}},
    )
    found = one(room.outbox_filling(facts(tempo(), live=gateway)))
    assert (found.id, found.severity) == ("outbox-filling", severity)
    assert "because tempo does not take what is kept" in found.what
    # 100 bytes a second are kept.
    assert f"the rest lasts {(1_000 - used) // 100}s" in found.what
    assert found.evidence[1].say == "77 spans wait for tempo"


def test_an_outbox_that_empties() -> None:
    """Under half full it keeps up."""
    gateway = held(outbox={"bytes": 499, "max_bytes": 1_000})
    assert list(room.outbox_filling(facts(live=gateway))) == []
    assert list(room.outbox_filling(facts(live=None))) == []


def test_bounds_that_the_disk_does_not_hold() -> None:
    """8 + 4 + 1 + 1 GiB of bounds on a disk with 10; what is used already counts as room."""
    machine = replace(ROOMY, disk_free=8 * GIB, data_bytes=2 * GIB)
    found = one(room.disk_too_small(facts(machine=machine)))
    assert (found.id, found.severity) == ("disk-smaller-than-bounds", Severity.WILL_HURT)
    assert "allow 14GiB in the data directory, and the disk has room for 10GiB" in found.what
    assert (found.changes[0].setting, found.changes[0].to) == ("buffer.max_bytes", "3GiB")
    full = replace(ROOMY, disk_free=100 * MIB)
    assert one(room.disk_too_small(facts(machine=full))).severity is Severity.HARM_NOW


def test_a_store_elsewhere_is_not_in_the_directory() -> None:
    """A local trace store with a path of its own takes its room from another disk, perhaps."""
    machine = replace(ROOMY, disk_free=13 * GIB)
    text = "export: [{type: local, path: /elsewhere/traces.sqlite}]"
    assert list(room.disk_too_small(facts(text, machine=machine))) == []
    assert one(room.disk_too_small(facts(machine=machine))) is not None


def test_bounds_that_the_disk_holds() -> None:
    """14 GiB are enough for 14; a disk that does not say is not judged."""
    enough = replace(ROOMY, disk_free=12 * GIB, data_bytes=2 * GIB)
    assert list(room.disk_too_small(facts(machine=enough))) == []
    assert list(room.disk_too_small(facts(machine=replace(ROOMY, disk_free=None)))) == []


def test_a_memory_limit_under_the_bounds() -> None:
    """100 MiB of process, 256 of bodies, 24 MB of verdicts and the index at this rate."""
    found = one(room.memory_limit(facts(machine=replace(ROOMY, memory_limit=256 * MIB))))
    assert (found.id, found.severity) == ("memory-limit", Severity.WILL_HURT)
    told = found.evidence[1].say
    assert "bodies in flight 256MiB, verdicts 22.9MiB, index 3.2MiB" in told
    assert found.changes[1].setting == "or receive.in_flight_bytes"


def test_a_directory_in_memory_counts_as_memory() -> None:
    """Its pages are charged to the same control group."""
    machine = replace(ROOMY, memory_limit=8 * GIB, in_memory=True)
    found = one(room.memory_limit(facts(machine=machine)))
    assert "data directory 14GiB" in found.evidence[1].say
    assert found.changes[1].setting == "or buffer.max_bytes and outbox.max_bytes"


def test_a_memory_limit_that_is_enough() -> None:
    """512 MiB are; without a limit there is nothing to say."""
    machine = replace(ROOMY, memory_limit=512 * MIB)
    assert list(room.memory_limit(facts(machine=machine))) == []
    assert list(room.memory_limit(facts(machine=replace(ROOMY, memory_limit=None)))) == []
