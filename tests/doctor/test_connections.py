"""Who can connect, and how many."""

from dataclasses import replace
from typing import Any

import pytest

from tailsampler.doctor import connections
from tailsampler.doctor.finding import Severity
from tests.doctor.builders import ROOMY, facts, ledger, live, one
from tests.needs import ROOT


def door(**found: int) -> Any:
    return live(stats={"door": {"connections": found}})


@pytest.mark.parametrize(
    ("gateway", "severity"),
    [
        (None, Severity.HINT),
        (door(open=512), Severity.HINT),
        (door(open=513), Severity.WILL_HURT),
        (door(open=1, accept_errors=1), Severity.HARM_NOW),
    ],
)
def test_few_descriptors(gateway: Any, severity: Severity) -> None:
    """1,024 are enough for 524 connections; how bad that is goes by how many there are."""
    machine = replace(ROOMY, open_files=1_024)
    found = one(connections.open_files(facts(machine=machine, live=gateway)))
    assert (found.id, found.severity) == ("open-files-limit", severity)
    assert "about 524 connections" in found.what


@pytest.mark.parametrize("limit", [10_500, None])
def test_enough_descriptors(limit: int | None) -> None:
    """10,000 connections and 500 files; no limit is no finding."""
    machine = replace(ROOMY, open_files=limit)
    assert list(connections.open_files(facts(machine=machine))) == []


def test_the_doors_limit_is_that_of_the_source() -> None:
    """The number of connections stands in Rust, and here once more."""
    source = (ROOT / "crates/door/src/limits.rs").read_text()
    assert f"connections: {connections.DOOR_CONNECTIONS:_}," in source


def test_connections_that_were_turned_away() -> None:
    """One is harm: its sender was not heard."""
    found = one(connections.turned_away(facts(live=door(turned_away=4))))
    assert (found.id, found.severity) == ("connections-turned-away", Severity.HARM_NOW)
    assert found.evidence[0].say.startswith("4 connections")
    assert list(connections.turned_away(facts())) == []
    assert list(connections.turned_away(facts(live=None))) == []


def silent(uptime_s: float) -> Any:
    books = ledger()
    books["spans"]["received"] = 0
    return live(uptime_seconds=uptime_s, ledger=books)


DOCKER = replace(ROOMY, container="Docker")


@pytest.mark.parametrize(
    ("uptime_s", "severity"), [(60.0, Severity.HINT), (61.0, Severity.HARM_NOW)]
)
def test_loopback_in_a_container(uptime_s: float, severity: Severity) -> None:
    """Nobody outside reaches it; after a minute without a span that is why."""
    found = one(connections.loopback(facts(machine=DOCKER, live=silent(uptime_s))))
    assert (found.id, found.severity) == ("loopback-in-container", severity)
    assert [change.to for change in found.changes] == ["0.0.0.0:4317", "0.0.0.0:4318"]


def test_loopback_that_is_meant() -> None:
    """A sidecar's spans come, a machine is no container, and another address is reached."""
    assert list(connections.loopback(facts(machine=DOCKER))) == []
    assert list(connections.loopback(facts(live=silent(61.0)))) == []
    text = "receive: {otlp_grpc: {endpoint: '0.0.0.0:4317'}}"
    assert list(connections.loopback(facts(text, machine=DOCKER, live=silent(61.0)))) == []
    assert list(connections.loopback(facts(machine=DOCKER, live=None))) == []
