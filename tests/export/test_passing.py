"""One signal on its way through, with a relay and a backend that are played."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from grpc import StatusCode

from tailsampler.export.passing import RETRY_AFTER_S, Passing
from tailsampler.export.retry import Accepted, Failed
from tailsampler.telemetry.contained import Contained
from tailsampler.testing.clock import ManualClock

Said = dict[str, object]


@dataclass
class Played:
    """Requests that wait, and what their senders heard."""

    waiting: list[tuple[int, bytes]] = field(default_factory=list)
    heard: dict[int, Said] = field(default_factory=dict)
    all_heard: asyncio.Event = field(default_factory=asyncio.Event)

    def take_passed(self, signal: str, /) -> tuple[int, bytes] | None:
        assert signal == "logs"
        return self.waiting.pop(0) if self.waiting else None

    def answer_passed(self, ticket: int, /, **said: object) -> None:
        assert ticket not in self.heard, "one answer each"
        self.heard[ticket] = said
        if not self.waiting:
            self.all_heard.set()


class Backend:
    """Answers as it is told, in order; a function is called."""

    def __init__(self, *answers: Accepted | Failed | Callable[[], Accepted]) -> None:
        self.answers = list(answers)
        self.sent: list[bytes] = []
        self.closed = False

    async def send(self, payload: bytes, _tenant: str | None = None) -> Accepted | Failed:
        self.sent.append(payload)
        answer = self.answers.pop(0)
        if callable(answer):
            return answer()
        return answer

    async def close(self) -> None:
        self.closed = True


async def passed(relay: Played, backend: Backend) -> None:
    """Pass on everything that waits, and end."""
    passing = Passing("logs", "loki", relay, backend, Contained(ManualClock()), in_flight=1)
    task = asyncio.create_task(passing.run())
    passing.wake()
    await relay.all_heard.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert backend.closed


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Accepted(), {"rejected": 0, "message": ""}),
        (Accepted(rejected=2, message="old"), {"rejected": 2, "message": "old"}),
        (
            Failed(StatusCode.INVALID_ARGUMENT, "no"),
            {"failed": True, "message": "INVALID_ARGUMENT: no"},
        ),
        (Failed(StatusCode.UNAVAILABLE, "away"), {"retry_after_s": RETRY_AFTER_S}),
        (Failed(StatusCode.UNAVAILABLE, "away", 7.0), {"retry_after_s": 7.0}),
        (Failed(StatusCode.UNAUTHENTICATED, "token"), {"retry_after_s": RETRY_AFTER_S}),
    ],
)
async def test_the_answer_goes_back(answer: Accepted | Failed, said: Said) -> None:
    """Word for word, and by what it means for the sender."""
    relay, backend = Played([(1, b"a request")]), Backend(answer)
    await passed(relay, backend)
    assert backend.sent == [b"a request"]
    assert relay.heard == {1: said}


async def test_a_bug_is_no_loss() -> None:
    """The sender keeps the request, and the next one goes through."""

    def broken() -> Accepted:
        raise ZeroDivisionError

    relay = Played([(1, b"one"), (2, b"two")])
    await passed(relay, Backend(broken, Accepted()))
    assert relay.heard[1] == {"retry_after_s": RETRY_AFTER_S}
    assert relay.heard[2] == {"rejected": 0, "message": ""}


async def test_what_is_under_way_at_the_end_is_the_senders_again() -> None:
    """It hears so at once."""
    relay = Played([(1, b"one")])
    begun = asyncio.Event()

    class Hanging(Backend):
        async def send(self, payload: bytes, _tenant: str | None = None) -> Accepted | Failed:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError(payload)

    passing = Passing("logs", "loki", relay, Hanging(), Contained(ManualClock()))
    task = asyncio.create_task(passing.run())
    await begun.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert relay.heard == {1: {"retry_after_s": RETRY_AFTER_S}}
