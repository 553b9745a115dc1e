"""The loop of one exporter: take a batch from the outbox, send it, settle it.

Exporters share nothing but the core, so one dead backend never holds back another. A span leaves
the outbox only by ``settle``; whatever ends an attempt before that (a crash, a cancelled task, a
lost answer) leads to the same spans being sent again.

While a backend is away the circuit is open: batches go back to the outbox, where they can be given
up if they are too many, and one at a time is sent to see whether it is back.
"""

import asyncio
import dataclasses
import functools
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from tailsampler.clock import Clock
from tailsampler.export.bisect import DIVIDES, REFUSED, Delivery, Split, deliver
from tailsampler.export.retry import (
    Accepted,
    Backoff,
    Failed,
    Meaning,
    delay_s,
    may_have_arrived,
    meaning,
)
from tailsampler.export.state import ExporterState
from tailsampler.export.taken import Batch, Outbox, Taken
from tailsampler.telemetry.contained import Contained, is_ending, words_of

log = structlog.get_logger("tailsampler.export")

# A wake-up that got lost (there should be none) costs this long, not forever.
IDLE_POLL_S: Final = 1.0
# Learned limits stop here: a backend that refuses 64 KiB for its size refuses single spans.
LEAST_BATCH_BYTES: Final = 65_536
# After a failure of our own (the outbox could not be read, a bug), so that it is no hot loop.
STUMBLE_S: Final = 5.0


class BackendAwayError(Exception):
    """The circuit has opened: this batch waits in the outbox."""


class Transport(Protocol):
    """One kind of backend."""

    async def send(self, payload: bytes, tenant: str | None = None) -> Accepted | Failed:
        """Deliver one request, of one tenant if that matters.

        Never raises for what a backend or a network can do.
        """

    async def close(self) -> None:
        """Release connections and files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much an exporter sends at once."""

    max_bytes: int = 4_000_000
    """Bytes of a request before compression; under the 4 MiB that grpc servers take by default."""
    linger_ms: int = 200
    """How long a smaller batch waits for company."""
    in_flight: int = 4
    """Requests under way at once."""


@dataclass(slots=True)
class Exporter:
    """Carries kept traces to one backend, for as long as ``run`` runs."""

    name: str
    outbox: Outbox
    transport: Transport
    split: Split
    clock: Clock
    contained: Contained
    random: Callable[[], float]
    """Uniform in [0, 1); spreads retries."""
    executor: Executor | None = None
    """Where the outbox is read; None: the loop's own threads."""
    pace: Pace = field(default_factory=Pace)
    backoff: Backoff = field(default_factory=Backoff)
    state: ExporterState = field(default_factory=ExporterState)
    max_bytes: int = 0
    """Bytes asked of the outbox; shrinks when the backend says that requests are too large."""
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _flush: asyncio.Event = field(default_factory=asyncio.Event)
    _empty: asyncio.Event = field(default_factory=asyncio.Event)
    _answered: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _taken: Taken = field(init=False)

    def __post_init__(self) -> None:
        self._taken = Taken(self.name, self.outbox, self.clock, self._stumble, self.executor)

    @property
    def component(self) -> str:
        """Its name among the components that may fail."""
        return f"export.{self.name}"

    def wake(self) -> None:
        """Look at the outbox again; safe to call at any rate."""
        self._woken.set()

    async def run(self) -> None:
        """Export until cancelled; then give back what is unsettled."""
        self.max_bytes = self.pace.max_bytes
        slots = asyncio.Semaphore(self.pace.in_flight)
        try:
            while True:
                await slots.acquire()
                batch = await self._next_batch()
                self.state.circuit.begun()
                task = asyncio.create_task(self._carry(batch), name=f"export {self.name}")
                self._tasks.add(task)
                self.state.in_flight = len(self._tasks)
                task.add_done_callback(functools.partial(self._finished, batch, slots))
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._taken.wait()
            await self.transport.close()

    async def flush(self) -> None:
        """Send small batches at once; return when nothing is left to send.

        The caller sets the bound: a backend that is down makes this wait for its return.
        """
        self._flush.set()
        self._empty.clear()
        self.wake()
        try:
            await self._empty.wait()
        finally:
            self._flush.clear()

    async def _next_batch(self) -> Batch:
        # What is left behind a batch may be young, and whoever brought it has woken us already.
        something_came = True
        while True:
            await self._until_admitted()
            something_came |= self._woken.is_set()
            self._woken.clear()
            flushing = self._flush.is_set()
            try:
                linger_ms = 0 if flushing else self.pace.linger_ms
                batch = await self._taken.take(self.max_bytes, linger_ms)
            except BaseException as error:
                if is_ending(error):
                    raise
                self._stumble("export.outbox_unreadable", error)
                continue
            if batch is not None:
                return batch
            if flushing and not self._tasks:
                self._empty.set()
            # Empty, or too young. Whoever wakes us brought something, so let it gather company
            # for as long as it may; then it is old enough to be handed out whatever its size.
            if not something_came:
                await self._within(IDLE_POLL_S, self._woken)
            something_came = False
            if not self._flush.is_set():
                await self._within(self.pace.linger_ms / 1000, self._flush)

    async def _carry(self, batch: Batch) -> None:
        again = False

        async def send(payload: bytes) -> Accepted | Failed:
            nonlocal again
            answer, lost = await self._send_until_final(payload, batch.tenant)
            again |= lost or isinstance(answer, Accepted)
            if answer is None:
                raise BackendAwayError
            return answer

        try:
            delivery = await deliver(batch.payload, batch.spans, send, self.split)
            self._taken.settle(batch, delivery)
            self.state.batches += 1
            self.contained.well(self.component)
            self._learn(delivery)
            self._tell(delivery, batch)
        except BackendAwayError:
            if not again:
                self._taken.not_sent(batch)
        except BaseException as error:
            if is_ending(error):
                raise
            self._stumble("export.batch_failed", error)

    async def _send_until_final(
        self, payload: bytes, tenant: str
    ) -> tuple[Accepted | Failed | None, bool]:
        """The answer, and whether an earlier one was lost; None if the circuit opens before it."""
        attempt, again = 0, False
        while True:
            sent_s = self.clock.monotonic_s()
            answer = await self.transport.send(payload, tenant)
            now_s = self.clock.monotonic_s()
            means = meaning(answer) if isinstance(answer, Failed) else None
            if isinstance(answer, Accepted) or means in DIVIDES:
                self._heard(means.value if means else "accepted", now_s)
                if isinstance(answer, Accepted):
                    return dataclasses.replace(answer, again=again), again
                return answer, again
            attempt += 1
            again |= may_have_arrived(answer)
            wait_s = self._missed(answer, attempt, sent_s, now_s)
            if not self.state.circuit.is_closed():
                return None, again
            await self.clock.sleep(wait_s)
            if not self.state.circuit.is_closed():
                return None, again

    def _heard(self, outcome: str, now_s: float) -> None:
        """The backend dealt with a request."""
        circuit = self.state.circuit
        away_s = now_s - circuit.opened_s
        if circuit.answered():
            log.info("export.backend_is_back", exporter=self.name, away_s=round(away_s, 1))
        self.state.answered(outcome, now_s)
        self._answered.set()

    def _missed(self, answer: Failed, attempt: int, sent_s: float, now_s: float) -> float:
        """An attempt has to be repeated; after how many seconds."""
        circuit = self.state.circuit
        # What was sent before another batch was answered says nothing of the backend as a whole.
        opens = self.state.last_answer_s < sent_s and circuit.failed(now_s)
        wait_s = delay_s(answer, attempt + circuit.probes, self.random(), self.backoff)
        self.state.failed(answer.words, sent_s=sent_s, now_s=now_s, delay_s=wait_s)
        if opens or circuit.is_closed():
            self._complain(answer, attempt, wait_s, opens=opens)
        circuit.pause(now_s + wait_s)
        return wait_s

    async def _until_admitted(self) -> None:
        circuit = self.state.circuit
        while True:
            now_s = self.clock.monotonic_s()
            wait_s = max(self.state.pause_s(now_s), circuit.wait_s(now_s))
            if wait_s <= 0 and circuit.admits(now_s):
                return
            self._answered.clear()
            await self._within(wait_s or IDLE_POLL_S, self._answered)

    async def _within(self, seconds: float, event: asyncio.Event) -> None:
        """Wait for the event, but not longer than this."""
        if event.is_set():
            return
        waits = [
            asyncio.ensure_future(event.wait()),
            asyncio.ensure_future(self.clock.sleep(seconds)),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _finished(self, batch: Batch, slots: asyncio.Semaphore, task: asyncio.Task[None]) -> None:
        # Here and not in the task: one that is cancelled before it began never runs at all.
        self._tasks.discard(task)
        self.state.in_flight = len(self._tasks)
        slots.release()
        self.state.circuit.ended()
        self._taken.let_go(batch)
        self.wake()

    def _learn(self, delivery: Delivery) -> None:
        if 0 < delivery.too_large // 2 < self.max_bytes:
            self.max_bytes = max(delivery.too_large // 2, LEAST_BATCH_BYTES)

    def _stumble(self, event: str, error: BaseException) -> None:
        """Report our own failure, and go on slowly: the spans are still in the outbox."""
        now_s = self.clock.monotonic_s()
        self.contained.failed(self.component, error, needed=True, event=event, exporter=self.name)
        self.state.last_answer_s = float("-inf")
        self.state.failed(words_of(error), sent_s=now_s, now_s=now_s, delay_s=STUMBLE_S)

    def _complain(self, answer: Failed, attempt: int, wait_s: float, *, opens: bool) -> None:
        fields = {
            "exporter": self.name,
            "answer": answer.words,
            "attempt": attempt,
            "again_in_s": round(wait_s, 1),
        }
        if meaning(answer) is Meaning.OPERATOR:
            log.error(
                "export.backend_denies",
                **fields,
                message="Nothing is dropped; kept traces gather in the outbox until its bound. "
                "Check the endpoint, the token and its tenant.",
            )
        elif opens:
            log.warning(
                "export.backend_is_away",
                **fields,
                message="Kept traces gather in the outbox until its bound; one batch at a time "
                "is sent to see whether the backend is back.",
            )
        else:
            log.warning("export.retrying", **fields)

    def _tell(self, delivery: Delivery, batch: Batch) -> None:
        lost = sum(count for _, _, count in delivery.dropped)
        if lost and delivery.refusal:
            log.error(
                "export.spans_dropped",
                exporter=self.name,
                spans=lost,
                of=batch.spans,
                reason=REFUSED,
                answer=delivery.refusal.words,
            )
        if delivery.rejected:
            log.error(
                "export.spans_rejected",
                exporter=self.name,
                spans=delivery.rejected,
                of=batch.spans,
                answer=delivery.warning,
            )
        elif delivery.warning:
            log.warning("export.backend_warns", exporter=self.name, answer=delivery.warning)
