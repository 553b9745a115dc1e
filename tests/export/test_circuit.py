"""When batches go to a backend at all."""

import asyncio

from grpc import StatusCode
from structlog.testing import capture_logs

from tailsampler.export.circuit import OPENS_AFTER, Circuit, CircuitState
from tailsampler.export.exporter import Pace
from tailsampler.export.retry import Accepted, Failed
from tailsampler.testing.clock import ManualClock, settle
from tests.export.fakes import FakeOutbox, FakeTransport, exporter, running

DOWN = Failed(StatusCode.UNAVAILABLE, "connection refused")


def test_failures_in_a_row_open_it_and_an_answer_closes_it() -> None:
    """One failure is no outage; an answer between two of them begins the count anew."""
    circuit = Circuit()
    for _ in range(OPENS_AFTER - 1):
        assert not circuit.failed(1.0)
    assert not circuit.answered()
    for _ in range(OPENS_AFTER - 1):
        assert not circuit.failed(2.0)
        assert circuit.admits(2.0)
    assert circuit.failed(3.0)
    circuit.pause(10.0)
    assert (circuit.state, circuit.opened_s, circuit.wait_s(4.0)) == (CircuitState.OPEN, 3.0, 6.0)
    assert not circuit.admits(9.9)
    assert circuit.answered()
    assert circuit.admits(9.9)


def test_one_probe_at_a_time() -> None:
    """While it is on its way nothing else is; if it fails, the circuit is open again."""
    circuit = Circuit()
    for _ in range(OPENS_AFTER):
        circuit.failed(0.0)
    circuit.pause(10.0)
    assert circuit.admits(10.0)
    assert circuit.state is CircuitState.HALF_OPEN
    assert circuit.admits(10.0), "it has not begun yet: perhaps there is nothing to send"
    circuit.begun()
    assert not circuit.admits(10.0)
    assert not circuit.failed(11.0), "it opens once"
    circuit.pause(30.0)
    assert not circuit.admits(29.0)
    assert circuit.admits(30.0)
    circuit.begun()
    circuit.ended()
    assert circuit.admits(30.0), "a probe that came to no answer makes way for another"


async def down_for(clock: ManualClock, seconds: int) -> None:
    for _ in range(seconds * 4):
        await clock.advance(0.25)
        await settle()


async def test_what_is_in_hand_goes_back_while_the_backend_is_away() -> None:
    """Nothing is held where the outbox cannot give it up, and one line says so."""
    outbox, clock = FakeOutbox(), ManualClock()
    transport = FakeTransport(rule=lambda _: DOWN)
    for number in range(4):
        outbox.put(number)
    with capture_logs() as logs:
        async with running(exporter(outbox, transport, clock, pace=Pace(in_flight=4))) as subject:
            await down_for(clock, 300)
            assert not subject.state.circuit.is_closed()
            assert outbox.taken == {}
            assert outbox.unsure == [], "nothing of them can have arrived"
            assert len(transport.sent) < 40, "probes, up to 30 s apart"
            transport.rule = lambda _: Accepted()
            await down_for(clock, 60)
            await outbox.until(lambda: len(outbox.settled) == 4)
            assert subject.state.circuit.is_closed()
    events = [entry["event"] for entry in logs]
    assert events.count("export.backend_is_away") == 1
    assert events.count("export.backend_is_back") == 1
    assert events.count("export.retrying") < OPENS_AFTER
    back = next(entry for entry in logs if entry["event"] == "export.backend_is_back")
    assert 250 < back["away_s"] < 400


async def test_probes_go_one_at_a_time() -> None:
    """A backend that comes back is not met by all that waits."""
    outbox, clock = FakeOutbox(), ManualClock()
    transport = FakeTransport(rule=lambda _: DOWN)
    for number in range(8):
        outbox.put(number)
    async with running(exporter(outbox, transport, clock, pace=Pace(in_flight=4))):
        await down_for(clock, 30)
        transport.hold, transport.most_at_once = asyncio.Event(), 0
        await down_for(clock, 60)
        assert transport.most_at_once == 1
        transport.rule = lambda _: Accepted()
        transport.hold.set()
        await down_for(clock, 60)
        await outbox.until(lambda: len(outbox.settled) == 8)


async def test_what_may_have_arrived_says_so_when_it_goes_back() -> None:
    """An answer that was lost is counted, also when the batch was given back after it."""
    outbox, clock = FakeOutbox(), ManualClock()
    lost = Failed(StatusCode.DEADLINE_EXCEEDED, "no answer")
    transport = FakeTransport(rule=lambda _: lost)
    outbox.put(1)
    async with running(exporter(outbox, transport, clock)):
        await down_for(clock, 120)
        assert set(outbox.unsure) == {1}


async def test_a_probe_waits_for_as_long_as_the_backend_asked() -> None:
    """RetryInfo is honoured by probes, too."""
    outbox, clock = FakeOutbox(), ManualClock()
    transport = FakeTransport(rule=lambda _: Failed(StatusCode.UNAVAILABLE, "later", 100.0))
    outbox.put(1)
    async with running(exporter(outbox, transport, clock)) as subject:
        await down_for(clock, 1_500)
        circuit = subject.state.circuit
        while circuit.state is not CircuitState.OPEN:
            await down_for(clock, 1)
        assert circuit.wait_s(clock.now_s) == subject.state.pause_s(clock.now_s) > 0
        sent = len(transport.sent)
        await down_for(clock, 99)
        assert len(transport.sent) <= sent + 1
