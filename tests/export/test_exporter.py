"""The loop of one exporter, against an outbox and a backend in memory."""

import asyncio

import pytest
from grpc import StatusCode
from structlog.testing import capture_logs

from tailsampler.export.bisect import REFUSED
from tailsampler.export.exporter import STUMBLE_S, Pace
from tailsampler.export.retry import Accepted, Failed
from tailsampler.testing.clock import ManualClock, settle
from tests.export.fakes import FakeOutbox, FakeTransport, exporter, refuse, running

DOWN = Failed(StatusCode.UNAVAILABLE, "connection refused")


async def test_a_batch_is_settled_when_the_backend_took_it() -> None:
    """What the backend acknowledged leaves the outbox, and no sooner."""
    outbox, transport = FakeOutbox(), FakeTransport(hold=asyncio.Event())
    outbox.put(1, 2)
    async with running(exporter(outbox, transport)) as subject:
        await transport.until_sent(1)
        await settle()
        assert outbox.settled == {}
        assert subject.state.in_flight == 1
        assert transport.hold
        transport.hold.set()
        await outbox.until(lambda: outbox.settled)
        assert outbox.settled == {1: ([], 0)}
    assert transport.closed


async def test_several_requests_are_under_way_at_once_and_no_more() -> None:
    """``in_flight`` hides the round trip and bounds what a slow backend is given."""
    outbox, transport = FakeOutbox(), FakeTransport(hold=asyncio.Event())
    for number in range(8):
        outbox.put(number)
    async with running(exporter(outbox, transport, pace=Pace(in_flight=3))):
        await transport.until_sent(3)
        await settle()
        assert len(transport.sent) == 3
        assert len(outbox.taken) == 3
        assert transport.hold
        transport.hold.set()
        await outbox.until(lambda: len(outbox.settled) == 8)
    assert transport.most_at_once == 3


@pytest.mark.parametrize(
    "answer",
    [
        DOWN,
        Failed(StatusCode.DEADLINE_EXCEEDED),
        Failed(StatusCode.RESOURCE_EXHAUSTED, "busy", 3.0),
        Failed(StatusCode.UNAUTHENTICATED, "token expired"),
    ],
    ids=lambda answer: answer.code.name,
)
async def test_a_backend_that_recovers_gets_everything(answer: Failed) -> None:
    """However long it fails, the spans wait; the same bytes are sent until they are taken."""
    outbox, transport, clock = FakeOutbox(), FakeTransport.that_says(*[answer] * 5), ManualClock()
    outbox.put(1, 2)
    async with running(exporter(outbox, transport, clock)):
        for attempt in range(1, 6):
            await transport.until_sent(attempt)
            await settle()
            await clock.advance(100)
        await outbox.until(lambda: outbox.settled)
    assert outbox.settled == {1: ([], 0)}
    assert transport.sent_ids == [[1, 2]] * 6


@pytest.mark.parametrize(
    ("answer", "again"),
    [
        (DOWN, 0),
        (Failed(StatusCode.UNAVAILABLE, "recvmsg:Connection reset by peer"), 2),
        (Failed(StatusCode.UNAVAILABLE, "Socket closed"), 2),
        (Failed(StatusCode.DEADLINE_EXCEEDED), 2),
        (Failed(StatusCode.RESOURCE_EXHAUSTED, "wait", 1.0), 0),
    ],
    ids=str,
)
async def test_spans_whose_answer_was_lost_may_have_come_twice(answer: Failed, again: int) -> None:
    """They are counted; what the backend surely never had is not."""
    outbox, transport, clock = FakeOutbox(), FakeTransport.that_says(answer), ManualClock()
    outbox.put(1, 2)
    async with running(exporter(outbox, transport, clock)):
        await transport.until_sent(1)
        await settle()
        await clock.advance(100)
        await outbox.until(lambda: outbox.settled)
    assert outbox.again == again


async def test_retry_info_is_waited_out() -> None:
    """Not a moment sooner than the backend asked for."""
    outbox, clock = FakeOutbox(), ManualClock()
    transport = FakeTransport.that_says(Failed(StatusCode.UNAVAILABLE, "later", 12.0))
    outbox.put(1)
    async with running(exporter(outbox, transport, clock)):
        await transport.until_sent(1)
        await clock.advance(11.9)
        assert len(transport.sent) == 1
        await clock.advance(12.0 * 0.5)
        await outbox.until(lambda: outbox.settled)
    assert len(transport.sent) == 2


async def test_a_failing_backend_is_not_given_new_batches() -> None:
    """While it backs off, the exporter does not try the same door with every batch it has."""
    outbox, clock = FakeOutbox(), ManualClock()
    transport = FakeTransport.that_says(DOWN)
    outbox.put(1)
    async with running(exporter(outbox, transport, clock)) as subject:
        await transport.until_sent(1)
        await settle()
        assert subject.state.describe(clock.now_s)["last_error"] == DOWN.words
        outbox.put(2)
        subject.wake()
        await clock.advance(0.9)
        assert len(transport.sent) == 1
        await clock.advance(0.2)
        await clock.advance(1.0)
        await clock.advance(1.0)
        await outbox.until(lambda: len(outbox.settled) == 2)
        assert subject.state.healthy


async def test_one_batch_that_chokes_the_backend_does_not_hold_up_the_rest() -> None:
    """A batch that times out again and again waits by itself."""
    outbox, clock = FakeOutbox(), ManualClock()
    poison = refuse({1}, Failed(StatusCode.DEADLINE_EXCEEDED))
    transport = FakeTransport(rule=poison, hold=asyncio.Event())
    for number in (1, 2):
        outbox.put(number)
    async with running(exporter(outbox, transport, clock)) as subject:
        await transport.until_sent(2)
        clock.now_s += 1  # both are under way; the answers come a second later
        subject.state.answered("accepted", clock.now_s)
        assert transport.hold
        transport.hold.set()
        await outbox.until(lambda: 2 in outbox.settled)
        outbox.put(3)
        subject.wake()
        await settle()
        await clock.advance(0.2)
        assert transport.sent_ids == [[1], [2], [3]]
        assert 1 in outbox.taken


async def test_bad_spans_are_dropped_and_the_rest_is_exported() -> None:
    """A refusal for good costs the spans that cause it, by position, and is an error in the log."""
    outbox = FakeOutbox()
    transport = FakeTransport(rule=refuse({13}, Failed(StatusCode.INVALID_ARGUMENT, "bad id")))
    outbox.put(10, 11, 12, 13, 14)
    with capture_logs() as logs:
        async with running(exporter(outbox, transport)):
            await outbox.until(lambda: outbox.settled)
    assert outbox.settled == {1: ([(REFUSED, 3, 1)], 0)}
    refused = [entry for entry in logs if entry["event"] == "export.spans_dropped"]
    assert [(entry["log_level"], entry["spans"]) for entry in refused] == [("error", 1)]
    assert "bad id" in refused[0]["answer"]


async def test_partial_success_is_booked_as_rejected() -> None:
    """Spans that the backend rejected are not called exported."""
    outbox, transport = FakeOutbox(), FakeTransport.that_says(Accepted(2, "no service.name"))
    outbox.put(1, 2, 3)
    async with running(exporter(outbox, transport)):
        await outbox.until(lambda: outbox.settled)
    assert outbox.settled == {1: ([], 2)}


async def test_a_size_limit_is_learned() -> None:
    """After one refusal for size, batches are asked for that fit."""
    outbox = FakeOutbox()
    too_large = Failed(StatusCode.RESOURCE_EXHAUSTED, "received message larger than max (9 vs. 4)")
    transport = FakeTransport.that_says(too_large)
    outbox.put(*range(10_000))
    size = len(outbox.batches[0].payload)
    async with running(exporter(outbox, transport)) as subject:
        await outbox.until(lambda: outbox.settled)
        await settle()
        assert subject.max_bytes == size // 2
    assert outbox.settled == {1: ([], 0)}


async def test_a_cancelled_exporter_gives_its_batches_back() -> None:
    """A batch whose fate is unknown stays in the outbox."""
    outbox, transport = FakeOutbox(), FakeTransport(hold=asyncio.Event())
    outbox.put(1)
    async with running(exporter(outbox, transport)):
        await transport.until_sent(1)
    assert outbox.given_back == [1]
    assert outbox.settled == {}


async def test_flush_sends_young_batches_and_waits_for_answers() -> None:
    """Before the process ends, nothing lingers; flush returns when all of it is settled."""
    outbox, transport = FakeOutbox(linger_holds=True), FakeTransport(hold=asyncio.Event())
    outbox.put(1)
    async with running(exporter(outbox, transport)) as subject:
        flushed = asyncio.create_task(subject.flush())
        await transport.until_sent(1)
        await settle()
        assert not flushed.done()
        assert transport.hold
        transport.hold.set()
        await flushed
    assert outbox.settled == {1: ([], 0)}


async def test_a_young_batch_is_asked_for_again_when_it_is_old_enough() -> None:
    """Age alone makes a small batch ready, and nobody wakes the exporter for that."""
    outbox, transport, clock = FakeOutbox(), FakeTransport(), ManualClock()
    async with running(exporter(outbox, transport, clock, pace=Pace(linger_ms=200))) as subject:
        await clock.until_asleep(0.2)
        await clock.advance(0.2)
        await clock.until_asleep(1.0)
        outbox.put(1)
        subject.wake()
        await clock.until_asleep(0.2)
        assert transport.sent == []
        await clock.advance(0.2)
        await outbox.until(lambda: outbox.settled)
    assert {asked[2] for asked in outbox.asked} == {200}


async def test_what_came_behind_a_batch_waits_no_longer_than_it_must() -> None:
    """It was too young when the exporter looked, and whoever brought it does not come again."""
    outbox, transport = FakeOutbox(), FakeTransport(hold=asyncio.Event())
    clock, pace = ManualClock(), Pace(linger_ms=200, in_flight=1)
    outbox.put(1)
    async with running(exporter(outbox, transport, clock, pace=pace)) as subject:
        await transport.until_sent(1)
        outbox.put(2)
        outbox.linger_holds = True
        subject.wake()
        assert transport.hold
        transport.hold.set()
        await clock.until_asleep(0.2)
        outbox.linger_holds = False
        await clock.advance(0.2)
        await outbox.until(lambda: len(outbox.settled) == 2)


async def test_one_dead_exporter_never_holds_back_another() -> None:
    """Each has its own loop, its own state and its own place in the outbox."""
    dead, alive = FakeOutbox(), FakeOutbox()
    dead.put(1)
    alive.put(1)
    clock = ManualClock()
    hangs = FakeTransport(hold=asyncio.Event())
    works = FakeTransport()
    async with (
        running(exporter(dead, hangs, clock, name="dead")),
        running(exporter(alive, works, clock, name="alive")),
    ):
        await hangs.until_sent(1)
        await alive.until(lambda: alive.settled)
        assert dead.settled == {}


async def test_a_bug_in_a_transport_loses_nothing() -> None:
    """An exception that should not be is reported, and the batch is tried again, slowly."""
    outbox, clock = FakeOutbox(), ManualClock()
    transport = FakeTransport.that_says(RuntimeError("a bug"))
    outbox.put(1)
    with capture_logs() as logs:
        async with running(exporter(outbox, transport, clock)):
            await outbox.until(lambda: outbox.given_back)
            await settle()
            await clock.advance(STUMBLE_S - 0.1)
            assert len(transport.sent) == 1
            await clock.advance(0.2)
            await outbox.until(lambda: outbox.settled)
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == [
        "export.batch_failed"
    ]


async def test_an_unreadable_outbox_is_reported_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A disk that fails for a moment stops the exporter for a moment."""
    outbox, transport, clock = FakeOutbox(), FakeTransport(), ManualClock()
    outbox.put(1)
    take = outbox.take
    failures = iter([OSError("I/O error")])

    def failing_take(*arguments: object) -> object:
        for failure in failures:
            raise failure
        return take(*arguments)  # type: ignore[arg-type]  # passed through as they came

    monkeypatch.setattr(outbox, "take", failing_take)
    with capture_logs() as logs:
        async with running(exporter(outbox, transport, clock)):
            await clock.until_asleep(STUMBLE_S)
            await clock.advance(STUMBLE_S)
            await outbox.until(lambda: outbox.settled)
    assert [entry["event"] for entry in logs] == ["export.outbox_unreadable"]
