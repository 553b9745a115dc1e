"""Watching a gateway over a real connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from tailsampler.control.client import ControlClient
from tailsampler.control.service import controlling
from tailsampler.control.v1 import control_pb2 as pb
from tailsampler.control.v1.control_pb2_grpc import ControlStub
from tailsampler.errors import ControlError
from tailsampler.telemetry.status import Status
from tailsampler.testing.clock import ManualClock
from tests.control.test_service import FakeFlush
from tests.telemetry.fakes import FakeCore, status, verdict

RATES = {"slow": 0.1, "errors": 1.0}


@dataclass
class Watched:
    """A gateway whose clock is in the test's hand."""

    core: FakeCore = field(default_factory=FakeCore)
    status: Status = field(default_factory=status)
    endpoint: str = ""

    @property
    def clock(self) -> ManualClock:
        assert isinstance(self.status.clock, ManualClock)
        return self.status.clock

    @asynccontextmanager
    async def samples(
        self, request: pb.WatchStatsRequest
    ) -> AsyncIterator["grpc.aio.UnaryStreamCall[pb.WatchStatsRequest, pb.WatchStatsResponse]"]:
        async with grpc.aio.insecure_channel(self.endpoint) as channel:
            call = ControlStub(channel).WatchStats(request)
            try:
                yield call
            finally:
                call.cancel()


async def read(
    call: "grpc.aio.UnaryStreamCall[pb.WatchStatsRequest, pb.WatchStatsResponse]",
) -> pb.StatsSample:
    answer = await call.read()
    assert isinstance(answer, pb.WatchStatsResponse)
    return answer.sample


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    found = Watched()
    serving = controlling(found.core, FakeFlush(found.core), "127.0.0.1:0", found.status, RATES)
    async with serving as found.endpoint:
        yield found


async def test_the_first_sample_comes_at_once_and_says_it_all(watched: Watched) -> None:
    """Books, phase, policies in the order of the chain, exporters with their health."""
    state = watched.status.exporters["tempo"]
    state.failed("connection refused", sent_s=0.0, now_s=watched.clock.now_s, delay_s=2.0)
    async with watched.samples(pb.WatchStatsRequest()) as call:
        found = await read(call)
    assert (found.version, found.phase, found.uptime.seconds) == ("1.2.3", "ready", 60)
    assert found.at.ToNanoseconds() == watched.clock.wall_ns()
    assert found.ledger.spans.received == 100
    policies = [(one.name, one.traces_kept, one.traces_dropped) for one in found.policies]
    assert policies == [("slow", 0, 0), ("errors", 9, 0), ("default", 0, 11)]
    assert found.policies[0].sample_rate == 0.1
    assert not found.policies[2].HasField("sample_rate")
    [exporter] = found.exporters
    assert (exporter.name, exporter.healthy) == ("tempo", False)
    assert (exporter.last_error, exporter.backing_off.seconds) == ("connection refused", 2)
    assert list(found.recent) == []


async def test_samples_follow_the_interval(watched: Watched) -> None:
    """The next one comes after the interval that was asked for, with the numbers of then."""
    asked = pb.WatchStatsRequest(interval=Duration(seconds=5))
    async with watched.samples(asked) as call:
        first = await read(call)
        await watched.clock.until_asleep(5.0)
        watched.core.books["traces"]["open"] = 77
        await watched.clock.advance(5.0)
        second = await read(call)
    assert (first.ledger.traces.open, second.ledger.traces.open) == (2, 77)
    assert second.uptime.seconds - first.uptime.seconds == 5


async def test_the_newest_verdicts_come_if_they_are_asked_for(watched: Watched) -> None:
    """As many as asked, with what is known of each."""
    watched.core.newest = [verdict(), verdict(kept=False, policy="default")]
    async with watched.samples(pb.WatchStatsRequest(recent=1)) as call:
        [found] = (await read(call)).recent
    assert found.trace_id.hex() == verdict()["trace_id"]
    assert (found.judged.kept, found.judged.policy) == (True, "errors")


@pytest.mark.parametrize("interval", [Duration(), Duration(nanos=99_000_000), Duration(seconds=61)])
async def test_intervals_have_bounds(watched: Watched, interval: Duration) -> None:
    """Neither a flood nor a connection that looks dead."""
    async with watched.samples(pb.WatchStatsRequest(interval=interval)) as call:
        with pytest.raises(grpc.aio.AioRpcError, match=r"0\.1 to 60 s between samples") as raised:
            await call.read()
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_the_client_reads_until_it_has_seen_enough(watched: Watched) -> None:
    """Closing the iterator ends the call; the gateway lives on."""
    client = ControlClient.connect(watched.endpoint)

    def one() -> pb.StatsSample:
        samples = client.watch(60.0)
        found = next(samples)
        samples.close()
        return found

    try:
        assert (await asyncio.to_thread(one)).ledger.balanced
        assert (await asyncio.to_thread(client.ledger)).balanced
    finally:
        client.close()


async def test_a_gateway_that_is_not_there_is_an_error_in_words() -> None:
    """Not an exception of the transport."""
    client = ControlClient.connect("127.0.0.1:1")
    with pytest.raises(ControlError, match=r"cannot reach 127\.0\.0\.1:1"):
        await asyncio.to_thread(lambda: next(client.watch()))
    client.close()
