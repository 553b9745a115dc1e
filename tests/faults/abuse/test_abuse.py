"""Hostile senders over real sockets: closed, counted by reason, and honest ones are served."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tailsampler.testing.backend import CapturingBackend
from tests.end_to_end.process import GatewayProcess, Json
from tests.faults.abuse.attacker import carry_out
from tests.faults.abuse.attacks import ATTACKS, Attack
from tests.faults.abuse.frames import BEGINNING
from tests.faults.abuse.report import counted
from tests.faults.senders import GrpcSender, Ids, small_traces
from tests.model.build import request

IDLE = 1000
LONGEST_S = 50.0  # a bound for a machine under load; no test waits for it to pass


def named(attacks: list[Attack]) -> list[object]:
    """Parameters with the names of their attacks."""
    return [pytest.param(attack, id=attack.name) for attack in attacks]


def serves(gateway: GatewayProcess) -> None:
    """An honest request is accepted."""
    with GrpcSender(gateway.addresses["otlp_grpc"]) as sender:
        sender.send(request(small_traces(Ids(91), 2)))


@pytest.mark.parametrize(
    "attack", named([each for each in ATTACKS if each.reason is not None and each.soon])
)
def test_it_is_closed_and_counted(gateway: GatewayProcess, attack: Attack) -> None:
    """An attack that passes a limit loses its connection, for the reason that is counted."""
    assert attack.reason is not None
    before = counted(gateway)
    outcome = carry_out(attack, gateway.addresses[attack.door], LONGEST_S, enough=1)
    assert outcome.closed >= 1, outcome  # those that attack together may go together
    after = counted(gateway)
    assert after[attack.reason] > before[attack.reason]
    serves(gateway)


def test_tiny_frames_are_honest(gateway: GatewayProcess) -> None:
    """They are taken, and the connection stays."""
    attack = next(each for each in ATTACKS if each.name == "tiny_frames")
    before = counted(gateway)
    outcome = carry_out(attack, gateway.addresses[attack.door], seconds=1.0)
    assert outcome.closed == 0, outcome
    assert counted(gateway) == before
    serves(gateway)


@pytest.mark.timeout(120)
def test_idle_connections_are_cheap(
    make_gateway: Callable[[CapturingBackend, Json], GatewayProcess], backend: CapturingBackend
) -> None:
    """A thousand connections that begin and say nothing more take less than 32 MiB."""
    gateway = make_gateway(backend, {})
    gateway.start()
    serves(gateway)
    host, _, port = gateway.addresses["otlp_grpc"].rpartition(":")
    resident: list[int] = []
    with ExitStack() as stack:
        # The first ones pay for what the process needs once, and that may come a little later.
        for count in (IDLE // 2, IDLE, IDLE):
            for _ in range(count):
                line = stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
                line.sendall(BEGINNING)
                assert line.recv(9)  # the gateway's settings: it has begun as well
            serves(gateway)
            resident.append(gateway.resident_bytes())
    grown = [after - before for before, after in itertools.pairwise(resident)]
    assert min(grown) < 32 << 20
