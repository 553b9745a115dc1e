"""The demo as a program: wait for the gateway, send at a pace, say what was sent."""

import asyncio
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from random import Random
from typing import IO, Final
from urllib.parse import urlsplit

from tailsampler.clock import Clock, SystemClock
from tailsampler.demo import report
from tailsampler.demo.emit import Emitter
from tailsampler.demo.mix import arrivals
from tailsampler.demo.pace import Pace
from tailsampler.demo.senders import Counts, MakeExporter, Senders, otlp, sdk_logs_to
from tailsampler.errors import ControlError

GRPC_URL: Final = "http://127.0.0.1:4317"
HTTP_URL: Final = "http://127.0.0.1:4318"

WELL: Final = 0
FINDING: Final = 1

TICK_S: Final = 0.05
"""How finely traces are paced; what is due within one tick is made together."""
CLOSE_WITHIN_S: Final = 1.5
_SAY_EVERY_S: Final = 10.0
_ASK_AGAIN_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says."""

    http_url: str | None
    """Where services of one kind send; None: nowhere."""
    grpc_url: str | None
    """The same for the other kind."""
    rate: float
    """Traces a second."""
    seed: int | None = None
    """The same plans, with the same ids, at each run; None: others each time."""
    for_s: float | None = None
    """Then stop; None: go on until a signal."""
    as_json: bool = False
    with_parent: bool = False
    """Stop as soon as standard input ends: whoever started this is gone."""
    say_every_s: float = _SAY_EVERY_S


def run(options: Options) -> int:
    """Send until the time is over or a signal comes; returns the exit status.

    1 if the gateway did not take everything. Raises ``ControlError`` for an address that is none.
    """
    make = otlp(options.grpc_url, options.http_url)
    addresses = [host_port(url) for url in (options.grpc_url, options.http_url) if url is not None]
    # A process that a gateway starts inherits its mask, and the gateway blocks what it waits for.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    return asyncio.run(_run(options, make, addresses))


async def _run(options: Options, make: MakeExporter, addresses: list[tuple[str, int]]) -> int:
    clock, stop = SystemClock(), asyncio.Event()
    with _ends_by_signal(stop):
        if options.with_parent:
            await _ends_with_parent(stop)
        await until_reachable(addresses, clock, stop, sys.stderr)
        return await demo(options, make, clock, stop, sys.stdout)


async def demo(
    options: Options, make: MakeExporter, clock: Clock, stop: asyncio.Event, out: IO[str]
) -> int:
    """Send until ``stop``; what it says goes to ``out``."""
    seed = secrets.randbits(64) if options.seed is None else options.seed
    senders = Senders(make, Random(f"ids {seed}"))  # noqa: S311 - ids of a demo, no secrets
    pace = Pace(Emitter(senders.tracers), arrivals(Random(seed), options.rate))  # noqa: S311 - as above
    began_s = clock.monotonic_s()
    with sdk_logs_to(senders.counts):
        telling = _Telling(options, pace, senders.counts, out)
        telling.begin()
        while not stop.is_set():
            at_s = clock.monotonic_s() - began_s
            over = options.for_s is not None and at_s >= options.for_s
            if over and not pace.waiting:
                break
            if over:
                pace.step_late(clock.wall_ns())
            else:
                pace.step(at_s, clock.wall_ns())
            telling.look(at_s)
            await _sleep(TICK_S, clock, stop)
        await asyncio.to_thread(senders.close, CLOSE_WITHIN_S)
    telling.end(clock.monotonic_s() - began_s)
    return FINDING if pace.spans > senders.counts.taken else WELL


class _Telling:
    """Says what changed: progress now and then, trouble when it begins and when it ends."""

    def __init__(self, options: Options, pace: Pace, counts: Counts, out: IO[str]) -> None:
        self._options = options
        self._pace = pace
        self._counts = counts
        self._out = out
        self._said_s = 0.0
        self._troubled = False

    def begin(self) -> None:
        options = self._options
        if options.as_json:
            return
        where = " and ".join(url for url in (options.grpc_url, options.http_url) if url)
        rate = f"{options.rate:g} traces a second"
        self._say(f"demo: ten services send {rate} to {where}; Ctrl-C ends it")

    def look(self, at_s: float) -> None:
        failing = bool(self._counts.failing)
        if failing != self._troubled and not self._options.as_json:
            reason = self._counts.reason
            self._say(
                f"demo: the gateway does not take all spans: {reason}"
                if failing
                else "demo: the gateway takes all spans again"
            )
        self._troubled = failing
        if at_s - self._said_s >= self._options.say_every_s:
            self._said_s = at_s
            if self._options.as_json:
                self._say(report.as_json(self._pace, self._counts, at_s, final=False))
            else:
                self._say(report.line(self._pace, self._counts, at_s))

    def end(self, at_s: float) -> None:
        if self._options.as_json:
            self._say(report.as_json(self._pace, self._counts, at_s, final=True))
        else:
            # Whoever reads it may be gone, e.g. with the gateway that started this.
            with suppress(BrokenPipeError):
                if self._options.with_parent:
                    self._say("demo: " + " ".join(report.endings(self._pace, self._counts, at_s)))
                else:
                    report.summary(self._pace, self._counts, at_s, self._out)

    def _say(self, text: str) -> None:
        with suppress(BrokenPipeError):
            self._out.write(text + "\n")
            self._out.flush()


async def until_reachable(
    addresses: list[tuple[str, int]], clock: Clock, stop: asyncio.Event, out: IO[str]
) -> None:
    """Return once something listens on all of them, or ``stop`` is set."""
    told = False
    for host, port in addresses:
        while not stop.is_set():
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError as error:
                if not told:
                    out.write(f"demo: waiting for the gateway at {host}:{port} ({error})\n")
                    out.flush()
                    told = True
                await _sleep(_ASK_AGAIN_S, clock, stop)
            else:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
                break


def host_port(url: str) -> tuple[str, int]:
    """Where an ``http://host:port`` leads; raises ``ControlError`` if it is no such thing."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or port is None or parts.scheme not in {"http", "https"}:
        raise ControlError("bad_endpoint", f"{url} is no URL with a port; write {HTTP_URL}")
    return host, port


@contextmanager
def _ends_by_signal(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    both = (signal.SIGINT, signal.SIGTERM)
    for number in both:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in both:
            loop.remove_signal_handler(number)


async def _ends_with_parent(stop: asyncio.Event) -> None:
    """Set ``stop`` when standard input ends, as it does when the parent is killed."""

    class Ends(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            del exc
            stop.set()

    await asyncio.get_running_loop().connect_read_pipe(Ends, sys.stdin)


async def _sleep(seconds: float, clock: Clock, stop: asyncio.Event) -> None:
    """Wait on the clock, or until ``stop``."""
    tasks = {
        asyncio.ensure_future(clock.sleep(seconds)),
        asyncio.ensure_future(stop.wait()),
    }
    _, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
