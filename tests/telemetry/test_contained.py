"""Failures of our own: counted, said once, taken into readiness, and overcome."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from tailsampler.telemetry.contained import (
    LONGEST_PAUSE_S,
    MOST_WORDS,
    ROW,
    TRUST_S,
    Contained,
    is_ending,
    place_of,
    words_of,
)
from tailsampler.telemetry.ledger import Ledger
from tailsampler.testing.clock import ManualClock, settle


class Panic(BaseException):
    """What a panic in Rust looks like from Python: no ``Exception``."""


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


Fail = Callable[[], Awaitable[None]]


def raising(error: BaseException) -> Fail:
    async def run() -> None:
        raise error

    return run


async def ending() -> None:
    """A loop that should not return."""


FAILURES = {
    "exception": raising(KeyError("a bug")),
    "panic": raising(Panic("a panic")),
    "stray cancellation": raising(asyncio.CancelledError()),
    "end": ending,
}


@pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES)
async def test_what_fails_is_started_again(fail: Fail) -> None:
    """Whatever it raises, and also if it only ends."""
    clock, runs = ManualClock(), 0
    contained = Contained(clock)

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            await fail()
            return
        await asyncio.Event().wait()

    with capture_logs() as logs:
        task = asyncio.create_task(contained.keep("demo", run))
        await clock.until_asleep(1.0)
        await clock.advance(1.0)
        assert runs == 2
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert contained.counts == {"demo": 1}
    assert [(entry["event"], entry["component"]) for entry in logs] == [
        ("component.failed", "demo")
    ]


async def test_a_row_of_failures_makes_a_trouble_and_time_without_one_ends_it() -> None:
    """Readiness needs to know who cannot come back, and when it has."""
    clock = ManualClock()
    contained = Contained(clock)
    with capture_logs():
        for number in range(ROW):
            assert contained.troubles() == ()
            contained.failed("watch", KeyError(number), needed=True)
            clock.now_s += 1
        [trouble] = contained.troubles()
        assert (trouble.component, trouble.needed) == ("watch", True)
        assert trouble.say == "watch fails again and again: KeyError: 2"
        clock.now_s += TRUST_S
        assert contained.troubles() == ()
        contained.failed("watch", KeyError("later"), needed=True)
        assert contained.troubles() == ()


async def test_a_sign_of_life_ends_a_row() -> None:
    """Failures with work done in between are no row."""
    contained = Contained(ManualClock())
    with capture_logs():
        for _ in range(10):
            contained.failed("export.tempo", KeyError("a bug"))
            contained.well("export.tempo")
    assert contained.troubles() == ()
    assert contained.counts == {"export.tempo": 10}


async def test_pauses_grow_to_a_bound() -> None:
    """A component that cannot live costs little, and is tried for ever."""
    clock = ManualClock()
    contained = Contained(clock)
    with capture_logs():
        task = asyncio.create_task(contained.keep("history", raising(KeyError("a bug"))))
        for _ in range(12):
            await settle()
            await clock.advance(LONGEST_PAUSE_S)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert clock.slept[:6] == [1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_PAUSE_S]
    assert max(clock.slept) == LONGEST_PAUSE_S < TRUST_S


async def test_the_same_failure_is_said_once_a_minute() -> None:
    """A page that is asked for every second does not fill the disk with its traceback."""
    clock = ManualClock()
    contained = Contained(clock)
    with capture_logs() as logs:
        for _ in range(180):
            contained.failed("admin", KeyError("a bug"))
            clock.now_s += 1
    assert contained.counts == {"admin": 180}
    assert len(logs) == 3


async def test_a_cancellation_is_obeyed_even_if_the_end_fails() -> None:
    """A component that raises while it is stopped is said, and is not started again."""
    clock = ManualClock()
    contained = Contained(clock)

    async def run() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("cannot close")

    with capture_logs() as logs:
        task = asyncio.create_task(contained.keep("trace_store", run))
        await settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert [entry["error"] for entry in logs] == ["OSError: cannot close"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(), GeneratorExit()], ids=repr)
def test_who_wants_to_end_is_let(error: BaseException) -> None:
    """These are orders and no failures."""
    assert is_ending(error)
    assert not is_ending(Panic())


def test_an_error_is_told_on_one_bounded_line() -> None:
    """Slug and sentence of the core, lines, megabytes, and what cannot be written at all."""
    assert words_of(RuntimeError("stopped", "the data plane\nhas stopped")) == (
        "RuntimeError: stopped: the data plane has stopped"
    )
    assert words_of(OSError(28, "No space left on device")).endswith("No space left on device")
    assert len(words_of(ValueError("x" * 1_000_000))) == MOST_WORDS
    assert words_of(KeyError(MuteError())).startswith("KeyError: (")


def test_the_place_is_in_our_own_source() -> None:
    """Not in the library that raised it."""
    with pytest.raises(json.JSONDecodeError) as raised:
        Ledger.parse("{")
    assert place_of(raised.value).startswith("telemetry/ledger.py:")
    assert place_of(KeyError()) == ""
