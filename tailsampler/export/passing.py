"""Logs and metrics on their way through: one request in, the same bytes out, the answer back.

Nothing is stored and nothing is tried twice: until its backend has answered, a request is its
sender's, who hears what the backend said.
"""

import asyncio
import functools
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from tailsampler.export.exporter import Transport
from tailsampler.export.retry import Accepted, Failed, Meaning, meaning
from tailsampler.telemetry.contained import Contained, is_ending

log = structlog.get_logger("tailsampler.pass_through")

RETRY_AFTER_S: Final = 1.0
"""What senders are told where the backend did not say when to come again."""
IDLE_POLL_S: Final = 1.0
"""A wake-up that got lost costs this long."""


class Relay(Protocol):
    """Where the requests come from, and their answers go."""

    def take_passed(self, signal: str, /) -> tuple[int, bytes] | None:
        """The next request of a signal, with its ticket."""

    def answer_passed(
        self,
        ticket: int,
        /,
        *,
        rejected: int = 0,
        message: str | None = None,
        failed: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        """What its sender is told."""


@dataclass(slots=True)
class Passing:
    """Carries one signal to one backend, for as long as ``run`` runs."""

    signal: str
    name: str
    """Of the backend."""
    relay: Relay
    transport: Transport
    contained: Contained
    in_flight: int = 16
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _away: bool = False

    @property
    def component(self) -> str:
        """Its name among the components that may fail."""
        return f"pass_through.{self.signal}"

    def wake(self) -> None:
        """There may be something new; safe to call at any rate."""
        self._woken.set()

    async def run(self) -> None:
        """Pass on until cancelled; what is under way then is its sender's again."""
        slots = asyncio.Semaphore(self.in_flight)
        try:
            while True:
                await slots.acquire()
                ticket, payload = await self._next()
                task = asyncio.create_task(self._carry(ticket, payload), name=self.component)
                self._tasks.add(task)
                task.add_done_callback(functools.partial(self._done, slots))
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self.transport.close()

    def _done(self, slots: asyncio.Semaphore, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        slots.release()

    async def _next(self) -> tuple[int, bytes]:
        while True:
            self._woken.clear()
            if (taken := self.relay.take_passed(self.signal)) is not None:
                return taken
            # Not on the gateway's clock: that is how long a lost wake-up may cost, and no more.
            try:
                await asyncio.wait_for(self._woken.wait(), IDLE_POLL_S)
            except TimeoutError:
                continue

    async def _carry(self, ticket: int, payload: bytes) -> None:
        try:
            answer = await self.transport.send(payload)
        except BaseException as error:
            self.relay.answer_passed(ticket, retry_after_s=RETRY_AFTER_S)
            if is_ending(error):
                raise
            self.contained.failed(self.component, error)
            return
        self._tell(answer)
        self._answer(ticket, answer)
        self.contained.well(self.component)

    def _answer(self, ticket: int, answer: Accepted | Failed) -> None:
        tell = functools.partial(self.relay.answer_passed, ticket)
        if isinstance(answer, Accepted):
            return tell(rejected=answer.rejected, message=answer.message)
        match meaning(answer):
            case Meaning.REFUSED | Meaning.TOO_LARGE:
                return tell(failed=True, message=answer.words)
            case Meaning.RETRY | Meaning.OPERATOR:
                return tell(retry_after_s=answer.retry_after_s or RETRY_AFTER_S)

    def _tell(self, answer: Accepted | Failed) -> None:
        """Say once that the backend is away, and once that it is back."""
        away = isinstance(answer, Failed)
        if away and not self._away:
            log.warning(
                "pass_through.not_taken",
                signal=self.signal,
                backend=self.name,
                answer=answer.words if isinstance(answer, Failed) else "",
            )
        elif self._away and not away:
            log.info("pass_through.taken_again", signal=self.signal, backend=self.name)
        self._away = away
