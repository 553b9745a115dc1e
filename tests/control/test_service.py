"""The service on grpc.aio and its client, over a real connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
import pytest
from structlog.testing import capture_logs

from tailsampler.control.client import ControlClient
from tailsampler.control.service import DEFAULT_DRAIN_S, controlling
from tailsampler.control.v1 import control_pb2 as pb
from tailsampler.control.v1.control_pb2_grpc import ControlStub
from tailsampler.errors import ControlError, StartError
from tailsampler.telemetry.ledger import Ledger
from tests.telemetry.fakes import FakeCore, books, held, ledger, status, verdict

KNOWN = bytes.fromhex("4bf92f3577b34da6a3ce929d0e0e4736")
HELD = bytes.fromhex("00000000000000000000000000000001")


@dataclass
class FakeFlush:
    """Notes its bound, and settles everything if it is allowed to."""

    core: FakeCore
    works: bool = True
    bounds: list[float] = field(default_factory=list)
    done: list[bool] = field(default_factory=list)

    async def __call__(
        self, books_of: Callable[[], str], within_s: float, done: Callable[[Ledger], bool]
    ) -> bool:
        self.bounds.append(within_s)
        self.done.append(done(Ledger.parse(books_of())))
        if self.works:
            empty = books(exported=55, held={"buffer": 0, "outbox": 0})
            self.core.books["spans"].update(empty)
            self.core.books["bytes"].update(empty)
            self.core.books["exporters"]["tempo"] = {"spans": empty, "bytes": empty}
        self.done.append(done(Ledger.parse(books_of())))
        return self.works


def serving(
    core: FakeCore, flush: FakeFlush, endpoint: str = "127.0.0.1:0"
) -> AbstractAsyncContextManager[str]:
    return controlling(core, flush, endpoint, status(), {"errors": 1.0, "default": 0.5})


@asynccontextmanager
async def served(core: FakeCore, flush: FakeFlush | None = None) -> AsyncIterator[ControlClient]:
    async with serving(core, flush or FakeFlush(core)) as endpoint:
        client = ControlClient.connect(endpoint)
        try:
            yield client
        finally:
            client.close()


async def test_the_books_come_as_they_are() -> None:
    """The same numbers as by the admin listener."""
    async with served(FakeCore()) as client:
        found = await asyncio.to_thread(client.ledger)
    assert (found.spans.received, found.traces.judged, found.balanced) == (100, 20, True)


async def test_decisions_come_in_the_order_asked() -> None:
    """One answer an id, also for those nobody knows."""
    core = FakeCore(decisions={KNOWN: verdict(), HELD: held()})
    unknown = bytes(15) + b"\xff"
    async with served(core) as client:
        found = await asyncio.to_thread(lambda: list(client.decisions([HELD, unknown, KNOWN])))
    assert [one.trace_id for one in found] == [HELD, unknown, KNOWN]
    assert [one.WhichOneof("state") for one in found] == ["held", "unknown", "judged"]


async def test_a_call_that_fails_costs_itself_alone() -> None:
    """INTERNAL in words, counted; the next call is answered. Streams likewise."""
    core, gateway = FakeCore(), status()

    def broken(_: int, /) -> str:
        raise KeyError("a bug")

    def decided(_: bytes, /) -> str:
        raise KeyError("a bug")

    core.recent = broken  # type: ignore[method-assign]  # a bug in the core
    core.decision = decided  # type: ignore[method-assign]  # and another
    serving = controlling(core, FakeFlush(core), "127.0.0.1:0", gateway, {})
    with capture_logs() as logs:
        async with serving as endpoint, grpc.aio.insecure_channel(endpoint) as channel:
            stub: Any = ControlStub(channel)
            for stream in (
                stub.WatchStats(pb.WatchStatsRequest(recent=3)),
                stub.GetDecisions(pb.GetDecisionsRequest(trace_ids=[KNOWN])),
            ):
                with pytest.raises(grpc.aio.AioRpcError) as raised:
                    await stream.read()
                assert raised.value.code() is grpc.StatusCode.INTERNAL
                assert "KeyError" in (raised.value.details() or "")
            assert (await stub.GetLedger(pb.GetLedgerRequest())).ledger.balanced
    assert gateway.contained.counts["control"] == 2
    assert {entry["method"] for entry in logs} == {"WatchStats", "GetDecisions"}


async def test_no_ids_no_answers() -> None:
    """Asking for nothing is not an error."""
    async with served(FakeCore()) as client:
        assert await asyncio.to_thread(lambda: list(client.decisions([]))) == []


async def test_an_id_of_the_wrong_length_is_refused_before_any_answer() -> None:
    """The position of the bad one is named."""
    async with served(FakeCore(decisions={KNOWN: verdict()})) as client:
        with pytest.raises(ControlError, match=r"trace_ids\[1\] has 3 bytes"):
            await asyncio.to_thread(lambda: list(client.decisions([KNOWN, b"abc"])))


async def test_drain_judges_and_waits_and_says_what_is_left() -> None:
    """After a drain that worked nothing is held."""
    core = FakeCore(held_traces=2)
    flush = FakeFlush(core)
    async with served(core, flush) as client:
        found = await asyncio.to_thread(client.drain, 3.5)
    assert core.judged == ["all"]
    assert flush.bounds == [3.5]
    assert flush.done == [False, True]
    assert (found.traces_judged, found.empty) == (2, True)
    assert found.ledger.spans.held_in_outbox == 0


async def test_a_drain_that_does_not_succeed_says_so() -> None:
    """A backend that is down leaves spans in the outbox, and they are counted."""
    core = FakeCore()
    async with served(core, FakeFlush(core, works=False)) as client:
        found = await asyncio.to_thread(client.drain, 0.0)
    assert not found.empty
    assert found.ledger.spans.held_in_outbox == 5


async def test_drain_waits_for_verdicts_that_are_still_to_come() -> None:
    """The core judges in slices: an empty outbox before the last slice is not the end."""
    core = FakeCore(held_traces=2)
    judge_all = core.judge_all

    def judge_later() -> int:
        count = judge_all()
        core.books["traces"]["judged"] -= 1
        return count

    core.judge_all = judge_later  # type: ignore[method-assign]  # a slower core
    flush = FakeFlush(core)
    async with served(core, flush) as client:
        await asyncio.to_thread(client.drain, 1.0)
    assert flush.done == [False, False]


async def test_drain_has_a_bound_of_its_own() -> None:
    """A caller that names none does not wait forever."""
    core = FakeCore()
    flush = FakeFlush(core)
    async with (
        serving(core, flush) as endpoint,
        grpc.aio.insecure_channel(endpoint) as channel,
    ):
        await ControlStub(channel).Drain(pb.DrainRequest())
    assert flush.bounds == [DEFAULT_DRAIN_S]


async def test_an_address_that_is_taken_is_an_error_in_words() -> None:
    """It names the address and the setting to change."""
    core = FakeCore(ledger())
    async with serving(core, FakeFlush(core)) as endpoint:
        with pytest.raises(StartError, match=r"set control\.endpoint"):
            async with serving(core, FakeFlush(core), endpoint):
                pass


async def test_a_gateway_that_is_not_there_is_an_error_in_words() -> None:
    """The address is named."""
    gone = ControlClient.connect("127.0.0.1:1")
    with pytest.raises(ControlError, match=r"cannot reach 127\.0\.0\.1:1"):
        await asyncio.to_thread(gone.ledger)
    gone.close()
