"""What one exporter has in hand: batches taken from the outbox, and neither settled nor given back.

The outbox hands a batch out once. Whatever ends an attempt (a bug, a cancelled task, a call that
was cancelled before it answered) has to give the batch back, or its spans stand still until a
restart; so a token that could not be given back is remembered, and given back later.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from tailsampler.clock import Clock
from tailsampler.export.bisect import Delivery
from tailsampler.telemetry.contained import is_ending

# A call that is under way when the exporter ends is a read of a few megabytes; a disk that takes
# longer does not keep the process from stopping.
_WAIT_FOR_TAKE_S: Final = 1.0


class Batch(Protocol):
    """What the outbox hands out; ``_core.Batch`` or a stand-in."""

    @property
    def token(self) -> int:
        """Names the batch in ``settle`` and ``give_back``."""

    @property
    def payload(self) -> bytes:
        """A serialized ``ExportTraceServiceRequest``."""

    @property
    def spans(self) -> int:
        """Spans in it."""

    @property
    def tenant(self) -> str:
        """Whose the first trace in it is."""

    @property
    def traces(self) -> int:
        """Traces, or late parts of traces, in it."""


class Outbox(Protocol):
    """The part of ``_core.Gateway`` that an exporter needs."""

    def take(self, exporter: str, max_bytes: int, linger_ms: int, /) -> Batch | None:
        """Hand out the next batch, live spans first; None if nothing is ready."""

    def settle(
        self,
        exporter: str,
        token: int,
        /,
        *,
        dropped: list[tuple[str, int, int]],
        rejected: int,
        again: int,
    ) -> None:
        """Book every span of the batch as exported, but those named."""

    def give_back(self, exporter: str, token: int, /, *, unsure: bool) -> None:
        """Have the batch handed out again; ``unsure``: the backend may have it."""


@dataclass(slots=True)
class Taken:
    """The books of one exporter's batches, by token. For use on one event loop."""

    name: str
    """Of the exporter."""
    outbox: Outbox
    clock: Clock
    failed: Callable[[str, BaseException], None]
    """Told of failures of the outbox: the event and the exception."""
    executor: Executor | None = None
    """Where ``take`` runs: it reads from disk. A pool of its own, so that slow pages, which use
    the loop's, never hold up an export; None: the loop's."""
    _unsettled: set[int] = field(default_factory=set)
    _owed: set[int] = field(default_factory=set)
    """Of these, those that nobody works on any more."""
    _unsent: set[int] = field(default_factory=set)
    """Of these, those of which the backend can have nothing."""
    _taking: "asyncio.Future[Batch | None] | None" = None

    async def take(self, max_bytes: int, linger_ms: int) -> Batch | None:
        """The next batch; None if nothing is ready. Raises what the outbox raises."""
        for token in tuple(self._owed):
            self.give_back(token)
        loop = asyncio.get_running_loop()
        taking = loop.run_in_executor(
            self.executor, self.outbox.take, self.name, max_bytes, linger_ms
        )
        self._taking = taking
        try:
            # The thread cannot be stopped: what it takes after we were cancelled is given back.
            batch = await asyncio.shield(taking)
        except asyncio.CancelledError:
            taking.add_done_callback(self._unwanted)
            raise
        if batch is not None:
            self._unsettled.add(batch.token)
        return batch

    def settle(self, batch: Batch, delivery: Delivery) -> None:
        """Book what became of a batch. Raises what the outbox raises."""
        self.outbox.settle(
            self.name,
            batch.token,
            dropped=delivery.dropped,
            rejected=delivery.rejected,
            again=delivery.again,
        )
        self._unsettled.discard(batch.token)
        self._unsent.discard(batch.token)

    def not_sent(self, batch: Batch) -> None:
        """Nothing of it can have arrived: if it is given back, nobody counts it as sent again."""
        self._unsent.add(batch.token)

    def let_go(self, batch: Batch) -> None:
        """Nobody works on it any more: give it back, unless it is settled."""
        if batch.token in self._unsettled:
            self.give_back(batch.token)

    def give_back(self, token: int) -> None:
        """Have a batch handed out again; if that fails it is tried before the next ``take``."""
        try:
            self.outbox.give_back(self.name, token, unsure=token not in self._unsent)
        except BaseException as error:
            if is_ending(error):
                raise
            self._owed.add(token)
            self.failed("export.not_given_back", error)
        else:
            self._owed.discard(token)
            self._unsent.discard(token)
            self._unsettled.discard(token)

    async def wait(self) -> None:
        """Return when no call of ``take`` is under way, or after a moment."""
        if self._taking is None or self._taking.done():
            return
        bound = asyncio.ensure_future(self.clock.sleep(_WAIT_FOR_TAKE_S))
        both: list[asyncio.Future[Any]] = [self._taking, bound]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        bound.cancel()

    def _unwanted(self, taking: "asyncio.Future[Batch | None]") -> None:
        if taking.cancelled() or taking.exception() is not None:
            return
        batch = taking.result()
        if batch is not None:
            self._unsettled.add(batch.token)
            self._unsent.add(batch.token)
            self.give_back(batch.token)
