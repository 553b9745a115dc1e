"""Gateways that tell one another, over real connections."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from structlog.testing import capture_logs

from tailsampler.access.operators import OPEN, Access
from tailsampler.control.service import controlling
from tailsampler.control.sharing import MOST_VERDICTS, VERDICT_BYTES, Sharing, resolve
from tailsampler.control.v1 import control_pb2 as pb
from tailsampler.control.v1.control_pb2_grpc import ControlStub
from tailsampler.settings.auth import Auth
from tailsampler.settings.peers import Peers
from tailsampler.testing.clock import ManualClock
from tests.control.test_service import FakeFlush
from tests.telemetry.fakes import FakeCore, status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

INTERVAL_S = 0.2
ALWAYS = bytes(8)
HALF = (1 << 55).to_bytes(8, "big")
TOKEN = "token-of-the-whole-tier"
ROLES = {"peer": True, "operate": True, "read": False}


def told(trace: int, threshold: bytes = ALWAYS) -> bytes:
    return trace.to_bytes(16, "big") + threshold


def access(role: str) -> Access:
    return Access(Auth.model_validate({"tokens": [{"name": "t", "token": TOKEN, "role": role}]}))


@asynccontextmanager
async def listening(
    core: FakeCore, instance: bytes = b"other", guard: Access = OPEN
) -> AsyncIterator[str]:
    async with controlling(
        core, FakeFlush(core), "127.0.0.1:0", status(), {}, access=guard, instance=instance
    ) as endpoint:
        yield endpoint


class Finding:
    """A core that has found this."""

    def __init__(self, *found: bytes) -> None:
        self.found = list(found)

    def take_found(self) -> bytes:
        return self.found.pop(0) if self.found else b""


@asynccontextmanager
async def telling(
    core: Finding, endpoints: Sequence[str] = (), **settings: Any
) -> AsyncIterator[tuple[Sharing, ManualClock]]:
    clock = ManualClock()
    values = {"tls": {"insecure": True}, "endpoints": list(endpoints), **settings}
    peers = Peers.model_validate(values)
    sharing = Sharing(peers, core, clock, status().contained, instance=b"this one")
    running = asyncio.create_task(sharing.run())
    try:
        yield sharing, clock
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def rounds(sharing: Sharing, clock: ManualClock, count: int = 1) -> None:
    """So many intervals, each told to its end."""
    for _ in range(count):
        await clock.until_asleep(INTERVAL_S)
        await sharing.settled()
        await clock.advance(INTERVAL_S)
    await clock.until_asleep(INTERVAL_S)
    await sharing.settled()


async def test_all_others_are_told_and_nobody_tells_itself() -> None:
    """What is found goes to each peer; the one among them that is this process takes nothing."""
    cores = [FakeCore(), FakeCore(), FakeCore()]
    async with AsyncExitStack() as stack:
        names = (b"one", b"two", b"this one")
        endpoints = [
            await stack.enter_async_context(listening(core, name))
            for core, name in zip(cores, names, strict=True)
        ]
        found = told(1) + told(2, HALF)
        started = telling(Finding(found, b"", told(3)), endpoints)
        sharing, clock = await stack.enter_async_context(started)
        await rounds(sharing, clock, 3)
        states = [sharing.states[endpoint] for endpoint in endpoints]
    assert [core.heard for core in cores] == [[found, told(3)], [found, told(3)], []]
    assert [state.told for state in states] == [3, 3, 0]
    assert [state.itself for state in states] == [False, False, True]


async def test_a_peer_that_is_away_costs_the_others_nothing() -> None:
    """It is said once, counted, and over when the peer is back."""
    there, back = FakeCore(), FakeCore()
    async with listening(there) as first, listening(back) as second:
        pass
    async with listening(there) as first:
        finding = Finding(told(1), told(2))
        with capture_logs() as logs:
            async with telling(finding, [first, second]) as (sharing, clock):
                await rounds(sharing, clock, 2)
                state = sharing.states[second]
                assert (state.told, state.failing) == (0, True)
                assert state.missed >= 2
        assert there.heard == [told(1), told(2)]
    assert [one["event"] for one in logs].count("peer.not_told") == 1


async def test_an_address_of_long_ago_costs_the_others_nothing() -> None:
    """A name may still give the address of a pod that is gone: there nobody answers, ever."""
    there, finding = FakeCore(), Finding(told(1), told(2), told(3))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nobody = "{}:{}".format(*silent.getsockname())
        async with (
            listening(there) as endpoint,
            telling(finding, [nobody, endpoint]) as (sharing, clock),
        ):
            for heard in ([told(1)], [told(1), told(2)], [told(1), told(2), told(3)]):
                await clock.until_asleep(INTERVAL_S)
                await sharing.settled(endpoint)
                assert there.heard == heard
                await clock.advance(INTERVAL_S)
            assert sharing.states[nobody].told == 0


async def test_who_was_away_is_told_what_was_found_meanwhile() -> None:
    """A gateway that restarts holds parts of traces that others found evidence for."""
    core = FakeCore()
    async with listening(core) as endpoint:
        pass
    finding = Finding(told(1), told(2), b"", told(3))
    async with telling(finding, [endpoint]) as (sharing, clock):
        sharing.reach_s = 1e9  # the clock runs on while the connection is made, in real time
        await rounds(sharing, clock, 2)
        async with controlling(core, FakeFlush(core), endpoint, status(), {}, instance=b"other"):
            while not core.heard:
                await rounds(sharing, clock)
            await rounds(sharing, clock, 2)
            assert not sharing.states[endpoint].failing
    assert b"".join(core.heard) == told(1) + told(2) + told(3)


async def test_what_is_old_is_told_nobody() -> None:
    """All parts of it are judged by now."""
    core = FakeCore()
    async with listening(core) as endpoint:
        pass
    async with telling(Finding(told(1)), [endpoint]) as (sharing, clock):
        await rounds(sharing, clock, 2)
        await clock.advance(sharing.reach_s)
        async with controlling(core, FakeFlush(core), endpoint, status(), {}, instance=b"other"):
            await rounds(sharing, clock, 5)
    assert core.heard == []


@pytest.mark.parametrize("role", ROLES)
async def test_who_may_share(role: str) -> None:
    """Tokens of peers and operators share, those that read do not."""
    core = FakeCore()
    async with (
        listening(core, guard=access(role)) as endpoint,
        telling(Finding(told(1)), [endpoint], token=TOKEN) as (sharing, clock),
    ):
        await rounds(sharing, clock)
    assert core.heard == ([told(1)] if ROLES[role] else [])


async def test_a_token_of_a_peer_does_nothing_else() -> None:
    """Least privilege: it neither reads nor operates."""
    core = FakeCore()
    metadata = (("authorization", f"Bearer {TOKEN}"),)
    async with (
        listening(core, guard=access("peer")) as endpoint,
        grpc.aio.insecure_channel(endpoint) as channel,
    ):
        stub = ControlStub(channel)
        calls = (stub.GetLedger(pb.GetLedgerRequest(), metadata=metadata),)
        for call in (*calls, stub.Drain(pb.DrainRequest(), metadata=metadata)):
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await call
            assert failed.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert core.judged == []


@pytest.mark.parametrize(
    "verdicts",
    [
        told(1)[:-1],
        told(1, (1 << 56).to_bytes(8, "big")),
        told(1) * (MOST_VERDICTS + 1),
    ],
    ids=["half", "never", "too many"],
)
async def test_what_makes_no_sense_is_refused(verdicts: bytes) -> None:
    """Before it reaches the core."""
    core = FakeCore()
    async with listening(core) as endpoint, grpc.aio.insecure_channel(endpoint) as channel:
        request = pb.ShareVerdictsRequest(instance=b"x", verdicts=verdicts)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await ControlStub(channel).ShareVerdicts(request)
        assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert core.heard == []


async def test_more_than_one_request_holds() -> None:
    """All of it arrives, in parts."""
    core = FakeCore()
    found = b"".join(told(trace) for trace in range(2 * MOST_VERDICTS + 1))
    async with (
        listening(core) as endpoint,
        telling(Finding(found), [endpoint]) as (sharing, clock),
    ):
        await rounds(sharing, clock)
    assert b"".join(core.heard) == found
    assert max(map(len, core.heard)) == MOST_VERDICTS * VERDICT_BYTES


async def test_the_name_is_looked_up_again_and_again() -> None:
    """Gateways come and go; while the name cannot be resolved those that are known stay."""
    first, second = FakeCore(), FakeCore()
    answers: list[list[str] | OSError] = []

    async def look_up(host: str, port: int) -> list[str]:
        assert (host, port) == ("tier", 7318)
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    async with listening(first) as one, listening(second) as two:
        answers += [[one], OSError("away"), [one, two], [two]]
        finding = Finding(*(told(trace) for trace in range(4)))
        started = telling(finding, dns="tier:7318", resolve_interval="1s", interval="1s")
        async with started as (sharing, clock):
            sharing.resolve = look_up
            for known in ([one], [one], [one, two], [two]):
                await clock.until_asleep(1.0)
                await sharing.settled()
                assert sorted(sharing.states) == sorted(known)
                await clock.advance(1.0)
    assert first.heard == [told(0), told(1), told(2)]
    assert second.heard == [told(0) + told(1) + told(2), told(3)]


async def test_addresses_of_a_name() -> None:
    """As ``host:port``, each once."""
    assert await resolve("127.0.0.1", 7318) == ["127.0.0.1:7318"]
    assert await resolve("::1", 7318) == ["[::1]:7318"]
