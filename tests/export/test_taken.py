"""Batches in hand: however an attempt ends, they are settled or handed out again."""

import asyncio
import functools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs

from tailsampler.export.exporter import STUMBLE_S
from tailsampler.export.taken import Taken
from tailsampler.testing.clock import ManualClock, settle
from tests.export.fakes import FakeBatch, FakeOutbox, FakeTransport, exporter, running


class Panic(BaseException):
    """What a panic in Rust looks like from Python."""


class SlowOutbox(FakeOutbox):
    """Its ``take`` waits for a disk that the test has in its hand."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.answers = threading.Event(), threading.Event()
        self.returned = threading.Event()

    def take(self, exporter: str, max_bytes: int, linger_ms: int, /) -> FakeBatch | None:
        self.entered.set()
        self.answers.wait()
        return super().take(exporter, max_bytes, linger_ms)

    def give_back(self, exporter: str, token: int, /, *, unsure: bool) -> None:
        super().give_back(exporter, token, unsure=unsure)
        self.returned.set()


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as found:
        yield found


def nobody(event: str, error: BaseException) -> None:
    raise AssertionError(event) from error


async def test_a_batch_that_comes_too_late_is_given_back(thread: ThreadPoolExecutor) -> None:
    """Who asked was cancelled meanwhile; the thread could not be, and brings a batch."""
    outbox = SlowOutbox()
    outbox.put(1)
    taken = Taken("tempo", outbox, ManualClock(), nobody, thread)
    task = asyncio.create_task(taken.take(1_000, 0))
    await asyncio.to_thread(outbox.entered.wait)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    outbox.answers.set()
    while not outbox.given_back:
        await settle()
    assert outbox.given_back == [1]
    assert not outbox.unsure, "nobody began to send it"
    assert [batch.token for batch in outbox.batches] == [1]


async def test_a_disk_that_hangs_does_not_keep_an_exporter_from_ending(
    thread: ThreadPoolExecutor,
) -> None:
    """It waits a moment for what the disk may still bring, and no longer."""
    outbox, clock = SlowOutbox(), ManualClock()
    taken = Taken("tempo", outbox, clock, nobody, thread)
    task = asyncio.create_task(taken.take(1_000, 0))
    await asyncio.to_thread(outbox.entered.wait)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    waiting = asyncio.create_task(taken.wait())
    await clock.until_asleep(1.0)
    await clock.advance(1.0)
    await waiting
    outbox.answers.set()


async def test_a_batch_that_could_not_be_given_back_is_given_back_later() -> None:
    """The failure is told, and the token remembered until the outbox takes it."""
    outbox = FakeOutbox()
    outbox.put(1)
    told: list[str] = []
    taken = Taken("tempo", outbox, ManualClock(), lambda event, _: told.append(event))
    batch = await taken.take(1_000, 0)
    assert batch is not None
    give_back = outbox.give_back

    def broken(*_: object, unsure: bool) -> None:
        raise Panic("injected")

    outbox.give_back = broken  # type: ignore[method-assign]  # a bug in the core
    taken.let_go(batch)
    assert told == ["export.not_given_back"]
    outbox.give_back = give_back  # type: ignore[method-assign]  # and it is mended
    again = await taken.take(1_000, 0)
    assert again is not None
    assert again.token == batch.token


@pytest.mark.parametrize("error", [Panic("a panic"), asyncio.CancelledError()], ids=repr)
async def test_what_no_exporter_expects_loses_no_batch(error: BaseException) -> None:
    """A panic, or a cancellation that nobody asked for, is a failure like any other."""
    outbox, clock = FakeOutbox(), ManualClock()
    transport = FakeTransport.that_says(error)
    outbox.put(1)
    with capture_logs() as logs:
        async with running(exporter(outbox, transport, clock)) as subject:
            await outbox.until(lambda: outbox.given_back)
            while not outbox.settled:
                await clock.advance(STUMBLE_S / 5)
            assert subject.contained.counts == {"export.tempo": 1}
            assert not subject.contained.troubles()
    assert [entry["event"] for entry in logs] == ["export.batch_failed"]


async def test_a_batch_whose_task_never_began_is_given_back() -> None:
    """A task that is cancelled before its first step never runs; its end is heard all the same."""
    outbox = FakeOutbox()
    outbox.put(1)
    subject = exporter(outbox, FakeTransport())
    batch = await subject._taken.take(1_000, 0)
    assert batch is not None
    slots = asyncio.Semaphore(0)
    task = asyncio.create_task(subject._carry(batch))
    task.add_done_callback(functools.partial(subject._finished, batch, slots))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await settle()
    assert outbox.given_back == [1]
    assert not slots.locked()
