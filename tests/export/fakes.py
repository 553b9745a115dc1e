"""An outbox, a split and a backend in memory, each as simple as its contract."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tailsampler.export.exporter import Exporter, Pace
from tailsampler.export.retry import Accepted, Failed
from tailsampler.telemetry.contained import Contained
from tailsampler.testing.clock import ManualClock
from tailsampler.testing.spans import request, resource, span


def payload(*span_ids: int) -> bytes:
    spans = [span(span_id=number) for number in span_ids]
    return request(resource("shop", *spans)).SerializeToString()


def span_ids(payload: bytes) -> list[int]:
    message = ExportTraceServiceRequest.FromString(payload)
    return [
        int.from_bytes(found.span_id)
        for group in message.resource_spans
        for scope in group.scope_spans
        for found in scope.spans
    ]


def split(payload: bytes, at: int) -> tuple[bytes, bytes]:
    """What ``_core.split`` promises, by way of parsed messages."""
    left = ExportTraceServiceRequest.FromString(payload)
    right = ExportTraceServiceRequest.FromString(payload)
    position = 0
    for ours, theirs in zip(left.resource_spans, right.resource_spans, strict=True):
        for our_scope, their_scope in zip(ours.scope_spans, theirs.scope_spans, strict=True):
            here = min(max(at - position, 0), len(our_scope.spans))
            position += len(our_scope.spans)
            del our_scope.spans[here:]
            del their_scope.spans[:here]
    return left.SerializeToString(), right.SerializeToString()


@dataclass(frozen=True)
class FakeBatch:
    token: int
    payload: bytes
    spans: int
    traces: int = 1
    tenant: str = "default"


@dataclass
class FakeOutbox:
    """Hands out the batches it was given; remembers how each was dealt with."""

    batches: deque[FakeBatch] = field(default_factory=deque)
    taken: dict[int, FakeBatch] = field(default_factory=dict)
    settled: dict[int, tuple[list[tuple[str, int, int]], int]] = field(default_factory=dict)
    given_back: list[int] = field(default_factory=list)
    unsure: list[int] = field(default_factory=list)
    """Of these, those that the backend may have."""
    again: int = 0
    """Spans that the backend may have twice."""
    asked: list[tuple[str, int, int]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    linger_holds: bool = False
    """Batches are young: they are handed out only to those who do not linger."""

    def put(self, *span_ids: int) -> None:
        token = len(self.batches) + len(self.taken) + len(self.settled) + 1
        self.batches.append(FakeBatch(token, payload(*span_ids), len(span_ids)))

    def take(self, exporter: str, max_bytes: int, linger_ms: int, /) -> FakeBatch | None:
        self.asked.append((exporter, max_bytes, linger_ms))
        if not self.batches or (self.linger_holds and linger_ms):
            return None
        batch = self.batches.popleft()
        self.taken[batch.token] = batch
        return batch

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
        self.again += again
        del self.taken[token]
        self.settled[token] = (dropped, rejected)
        self.changed.set()

    def give_back(self, exporter: str, token: int, /, *, unsure: bool) -> None:
        if unsure:
            self.unsure.append(token)
        self.batches.appendleft(self.taken.pop(token))
        self.given_back.append(token)
        self.changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait, by events and not by time, until the outbox looks like this."""
        while not condition():
            self.changed.clear()
            await self.changed.wait()


@dataclass
class FakeTransport:
    """Answers as told: by a list, then by a function of the request, then by accepting."""

    answers: deque[Accepted | Failed | BaseException] = field(default_factory=deque)
    rule: Callable[[bytes], Accepted | Failed] = lambda _: Accepted()
    hold: asyncio.Event | None = None
    sent: list[bytes] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    most_at_once: int = 0
    closed: bool = False
    _now: int = 0

    @classmethod
    def that_says(cls, *answers: Accepted | Failed | BaseException) -> "FakeTransport":
        return cls(answers=deque(answers))

    async def send(self, payload: bytes, tenant: str | None = None) -> Accepted | Failed:
        self.sent.append(payload)
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        self.arrived.set()
        try:
            if self.hold is not None:
                await self.hold.wait()
            answer = self.answers.popleft() if self.answers else self.rule(payload)
        finally:
            self._now -= 1
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def close(self) -> None:
        self.closed = True

    async def until_sent(self, count: int) -> None:
        while len(self.sent) < count:
            self.arrived.clear()
            await self.arrived.wait()

    @property
    def sent_ids(self) -> list[list[int]]:
        return [span_ids(one) for one in self.sent]


def exporter(
    outbox: FakeOutbox,
    transport: FakeTransport,
    clock: ManualClock | None = None,
    *,
    name: str = "tempo",
    pace: Pace | None = None,
    contained: Contained | None = None,
) -> Exporter:
    """An exporter whose retries have no jitter: ``random`` gives the middle."""
    clock = clock or ManualClock()
    return Exporter(
        name=name,
        outbox=outbox,
        transport=transport,
        split=split,
        clock=clock,
        contained=contained or Contained(clock),
        random=lambda: 0.5,
        pace=pace or Pace(),
    )


P = ParamSpec("P")
T = TypeVar("T")


class Inline(ThreadPoolExecutor):
    """Runs at once what a thread would run: with a clock that stands still, order is then exact."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the result
            future.set_exception(error)
        return future


@asynccontextmanager
async def running(subject: Exporter) -> AsyncIterator[Exporter]:
    asyncio.get_running_loop().set_default_executor(Inline())
    task = asyncio.create_task(subject.run())
    try:
        yield subject
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def refuse(bad: Iterable[int], answer: Failed) -> Callable[[bytes], Accepted | Failed]:
    """A backend that refuses every request with one of these spans in it."""
    wanted = set(bad)
    return lambda payload: answer if wanted & set(span_ids(payload)) else Accepted()
