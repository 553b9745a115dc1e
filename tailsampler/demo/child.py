"""The demo as a child process of a gateway; it never outlives its parent."""

import asyncio
import functools
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog

from tailsampler.clock import Clock
from tailsampler.telemetry.contained import Contained

log = structlog.get_logger("tailsampler.demo")

# The demo itself takes 1.5 s at most for what it has not sent yet.
_STOP_WITHIN_S: Final = 3.0
_UNSPECIFIED: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - asked, not listened on


def command(bound: Mapping[str, str]) -> list[str]:
    """How the demo is started for a gateway that listens there."""
    arguments = [sys.executable, "-m", "tailsampler", "demo", "--with-parent"]
    for listener, option in (("otlp_grpc", "--grpc-endpoint"), ("otlp_http", "--endpoint")):
        if listener in bound:
            arguments += [option, _url(bound[listener])]
    return arguments


@asynccontextmanager
async def demo_child(
    bound: Mapping[str, str],
    clock: Clock,
    program: Sequence[str] | None = None,
    contained: Contained | None = None,
) -> AsyncIterator[None]:
    """Run the demo while the context lasts.

    ``bound`` holds ``host:port`` by listener; without ``otlp_grpc`` and ``otlp_http`` there is
    nothing to send to, and nothing is started. A demo that ends or cannot be started is reported
    and not started again. ``program`` instead of the demo is for tests.
    """
    contained = contained or Contained(clock)
    if not {"otlp_grpc", "otlp_http"} & set(bound):
        log.warning("demo.not_started", message="Both doors are disabled.")
        yield
        return
    try:
        process = await _start(program or command(bound))
    except Exception as error:  # noqa: BLE001 - contained: the gateway does without its demo
        contained.failed("demo", error, message="The gateway goes on without its demo.")
        yield
        return
    log.info("demo.started", pid=process.pid)
    watching = asyncio.create_task(
        contained.once("demo", functools.partial(_watch, process)), name="demo"
    )
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await contained.once("demo", functools.partial(_stop, process, clock))


async def _start(program: Sequence[str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *program,
        # Nothing is ever written into this pipe. It ends when this process does, even by
        # kill -9, and the demo ends with it.
        stdin=asyncio.subprocess.PIPE,
        stdout=sys.stderr.fileno(),
        # Ctrl-C reaches everybody in the terminal's group; the gateway stops its demo itself.
        start_new_session=True,
    )


async def _watch(process: asyncio.subprocess.Process) -> None:
    status = await process.wait()
    log.warning(
        "demo.ended", status=status, message="The gateway goes on; `tailsampler demo` sends again."
    )


async def _stop(process: asyncio.subprocess.Process, clock: Clock) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if process.returncode is not None:
        return
    ended = asyncio.ensure_future(process.wait())
    bound = asyncio.ensure_future(clock.sleep(_STOP_WITHIN_S))
    await asyncio.wait({ended, bound}, return_when=asyncio.FIRST_COMPLETED)
    if not ended.done():
        log.warning("demo.killed", message="It did not stop by itself in time.")
        process.kill()
    bound.cancel()
    await asyncio.gather(ended, bound, return_exceptions=True)
    log.info("demo.stopped", status=process.returncode)


def _url(address: str) -> str:
    host, _, port = address.rpartition(":")
    return f"http://{_UNSPECIFIED.get(host, host)}:{port}"
