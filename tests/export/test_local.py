"""The transport to the local trace store."""

import asyncio
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from google.protobuf.message import DecodeError
from grpc import StatusCode
from structlog.testing import capture_logs

from tailsampler.export.local import TIDY_EVERY_S, TIDY_PAUSE_S, LocalStore, Store
from tailsampler.export.retry import Accepted, Failed, Meaning, meaning
from tailsampler.settings.export import LocalExporter
from tailsampler.store.opening import open_local
from tailsampler.telemetry.contained import Contained
from tailsampler.testing.clock import ManualClock
from tests.export.fakes import payload


@dataclass
class Written:
    rejected: int = 0
    message: str = ""


@dataclass
class FakeStore:
    """Answers as it is told; remembers who called."""

    answer: Written | Exception = field(default_factory=Written)
    more: list[bool | Exception] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)

    def write(self, payload: bytes) -> Written:
        self._note("write")
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def tidy(self) -> bool:
        self._note("tidy")
        more = self.more.pop(0) if self.more else False
        if isinstance(more, Exception):
            raise more
        return more

    def close(self) -> None:
        self._note("close")

    def _note(self, what: str) -> None:
        self.calls.append(what)
        self.threads.add(threading.current_thread().name)


def local(store: Store, clock: ManualClock | None = None) -> LocalStore:
    clock = clock or ManualClock()
    return LocalStore(store, clock, Contained(clock))


async def answer_to(answer: Written | Exception) -> Accepted | Failed:
    transport = local(FakeStore(answer))
    try:
        return await transport.send(payload(1))
    finally:
        await transport.close()


async def test_what_was_rejected_is_passed_on() -> None:
    """Spans beyond a trace's bound are counted, with the reason."""
    assert await answer_to(Written(3, "too large")) == Accepted(3, "too large")


async def test_a_store_that_cannot_be_used_is_tried_again() -> None:
    """Spans stay in the outbox while the file is locked or the disk full."""
    answer = await answer_to(OSError("cannot use traces.sqlite: database is locked"))
    assert answer == Failed(StatusCode.UNAVAILABLE, "cannot use traces.sqlite: database is locked")
    assert isinstance(answer, Failed)
    assert meaning(answer) is Meaning.RETRY


async def test_what_is_no_spans_is_refused() -> None:
    """One unreadable span does not hold up the rest for good: the batch is searched for it."""
    error = ValueError("these bytes are no trace data")
    error.__cause__ = DecodeError()
    answer = await answer_to(error)
    assert isinstance(answer, Failed)
    assert meaning(answer) is Meaning.REFUSED


async def test_a_bug_in_the_store_costs_no_spans() -> None:
    """Only bytes that cannot be read are refused; any other ``ValueError`` is our own failure."""
    with pytest.raises(json.JSONDecodeError):
        await answer_to(json.JSONDecodeError("a bug", "", 0))


async def test_a_thread_of_its_own_does_everything() -> None:
    """A slow disk keeps no other work waiting; the file is closed after the last write."""
    store = FakeStore()
    transport = local(store)
    await asyncio.gather(transport.send(payload(1)), transport.send(payload(2)))
    await transport.close()
    assert len(store.threads) == 1
    assert store.calls.count("write") == 2
    assert store.calls[-1] == "close"


async def test_a_store_that_was_never_written_to_is_closed() -> None:
    """It was opened at the start all the same."""
    store = FakeStore()
    await local(store).close()
    assert store.calls == ["close"]


async def test_old_traces_go_without_new_ones() -> None:
    """A slice a minute, or one after the other while there is more; a failure is said, and over."""
    store, clock = FakeStore(more=[True, False, OSError("locked"), False]), ManualClock()
    transport = local(store, clock)
    with capture_logs() as logs:
        await transport.send(payload(1))
        for wait_s in (TIDY_PAUSE_S, TIDY_EVERY_S, TIDY_EVERY_S, TIDY_EVERY_S):
            await clock.until_asleep(wait_s)
            await clock.advance(wait_s)
        await clock.until_asleep(TIDY_EVERY_S)
    await transport.close()
    assert store.calls.count("tidy") == 5
    assert [entry["event"] for entry in logs] == ["store.not_tidied"]


async def test_the_real_store_stands_behind_it(tmp_path: Path) -> None:
    """What was accepted is found, also after it was closed; sent again, it stands there once."""
    clock = ManualClock()
    store = open_local(LocalExporter(), tmp_path / "traces.sqlite", clock)
    transport = local(store, clock)
    for _ in range(2):
        assert await transport.send(payload(1, 2)) == Accepted()
        await transport.close()
    found = await asyncio.to_thread(store.get, (1).to_bytes(16, "big"))
    await transport.close()
    assert found is not None
    assert found.row.spans == 2
