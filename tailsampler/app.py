"""The whole gateway on one screen: what it is made of, and the order in which it lives.

Start: open the data directory and replay it, start the exporters, take the addresses of the
listeners beside the spans, then open the doors. Stop: close the doors, send what is kept for a
bounded time, close the directory. What is held then stays on the disk for the next start.

Whatever lives beside the spans is contained: it may fail, and is started again (``contained.py``).
"""

import asyncio
import functools
import gc
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from tailsampler import _core
from tailsampler.access.certificates import Certificates, watch_listener
from tailsampler.beside import beside_the_spans
from tailsampler.buffer.core import open_core
from tailsampler.clock import Clock, SystemClock
from tailsampler.demo.child import demo_child
from tailsampler.export.build import build_stage
from tailsampler.export.stage import ExportStage
from tailsampler.leaving import leaving_on_sigterm
from tailsampler.receive.doors import Doors
from tailsampler.settings.core_options import gateway_options, listen_options
from tailsampler.settings.report import Report, report
from tailsampler.settings.root import Settings
from tailsampler.settings.tenants import numbered
from tailsampler.stopping import stop
from tailsampler.store.opening import open_local
from tailsampler.telemetry import banner, logs
from tailsampler.telemetry.addresses import addresses_file
from tailsampler.telemetry.contained import Contained
from tailsampler.telemetry.contrib import Replaced
from tailsampler.telemetry.found import Found
from tailsampler.telemetry.hooks import hooked, loop_handler
from tailsampler.telemetry.ledger import Ledger
from tailsampler.telemetry.refusing import COMPONENT as READINESS
from tailsampler.telemetry.refusing import Refusing
from tailsampler.telemetry.status import Phase, Status
from tailsampler.telemetry.watch import COMPONENT as WATCH
from tailsampler.telemetry.watch import Watch

if TYPE_CHECKING:
    from pathlib import Path

    from tailsampler.settings.export import LocalExporter
    from tailsampler.store.traces import TraceStore

log = structlog.get_logger("tailsampler")


@dataclass(frozen=True, slots=True)
class Gateway:
    """The four stages, and what is known about them."""

    settings: Settings
    core: _core.Gateway
    receive: Doors
    decide: Report
    export: ExportStage
    status: Status
    certificates: Certificates
    store: "TraceStore | None" = None
    """Where ``export`` has a ``type: local``."""
    config_file: str | None = None
    """The name of the file that the settings were read from."""


def build(settings: Settings, clock: Clock, config_file: str | None = None) -> Gateway:
    """Assemble the gateway. Spans travel down these four lines; three of them are in Rust.

    Raises ``StartError`` if the data directory or a file named in the settings cannot be used.
    """
    contained = Contained(clock)
    buffer = open_core(gateway_options(settings))
    receive = Doors(buffer, listen_options(settings))
    decide = report(settings)  # the chain in words; as a plan it went to the core, above
    stores, certificates = _Stores(buffer, clock), Certificates(clock)
    export = build_stage(
        settings.export,
        buffer,
        _core.split,
        contained,
        settings.data_directory,
        stores.open,
        certificates,
        settings.pass_through,
        buffer,
    )
    found = Found.parse(buffer.found())
    found.say()
    status = Status(
        clock,
        contained,
        exporters=export.states,
        tenants=numbered(settings.receive.tenants),
        certificates=certificates.states,
        replaced=Replaced.of(settings),
        version=_core.__version__,
        found=found,
    )
    return Gateway(
        settings,
        buffer,
        receive,
        decide,
        export,
        status,
        certificates,
        stores.opened,
        config_file,
    )


@dataclass(slots=True)
class _Stores:
    """Opens the local trace store for its exporter, and keeps it for the pages."""

    core: _core.Gateway
    clock: Clock
    opened: "TraceStore | None" = None

    def open(self, local: "LocalExporter", path: "Path") -> "TraceStore":
        self.opened = open_local(local, path, self.clock, self._policy_of)
        return self.opened

    def _policy_of(self, trace_id: bytes) -> tuple[str, str] | None:
        """For traces whose root does not say it: there is none, or ``annotate`` is off."""
        found = json.loads(self.core.decision(trace_id) or "null")
        if found is None or found.get("state") != "judged":
            return None
        return found.get("policy") or "", found.get("reason") or ""


def run(settings: Settings, *, config_file: str | None = None, demo: bool = False) -> int:
    """Run a gateway until a signal stops it; returns the exit status of the process.

    With ``demo`` ten services of a shop send it their traces.
    Raises ``StartError`` if it could not start.
    """
    logs.configure(settings.telemetry.logs.level, settings.telemetry.logs.encoding)
    with leaving_on_sigterm():
        gateway = build(settings, SystemClock(), config_file)
        # Rust's signal thread owns both signals. Python's own SIGINT handler must be gone first,
        # or it would be called as well and raise KeyboardInterrupt wherever we happen to be.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        gateway.core.watch_signals()
    try:
        with hooked(gateway.status.contained):
            asyncio.run(serve(gateway, demo=demo))
    finally:
        gateway.core.close()
    log.info("gateway.stopped")
    return 0


async def serve(gateway: Gateway, *, demo: bool = False) -> None:
    """Live until a signal comes, then stop in good order."""
    signalled, contained = asyncio.Event(), gateway.status.contained
    asyncio.get_running_loop().set_exception_handler(loop_handler(contained))
    async with AsyncExitStack() as stack:
        write_addresses = stack.enter_context(addresses_file(gateway.settings.data_directory))
        await stack.enter_async_context(_exporting(gateway, signalled))
        beside = await stack.enter_async_context(beside_the_spans(gateway))
        _watch_doors(gateway)
        doors = gateway.receive.open()
        gateway.status.phase = Phase.READY
        bound = {**doors, **beside.addresses}
        write_addresses(bound)
        await contained.once("banner", lambda: _say_ready(gateway, bound))
        shop = demo_child(bound, gateway.status.clock, contained=contained)
        async with shop if demo else nullcontext():
            await beside.serve(bound)
            # What was imported stays: looking through it again and again would cost the trace
            # store a fifth of its speed.
            gc.collect()
            gc.freeze()
            await signalled.wait()
        await stop(gateway)


@asynccontextmanager
async def _exporting(gateway: Gateway, signalled: asyncio.Event) -> AsyncIterator[None]:
    """Run the exporters, wake them when the core has something for them, and watch the core."""
    contained = gateway.status.contained
    eyes = ThreadPoolExecutor(1, thread_name_prefix=WATCH)
    watch = Watch(gateway.core, gateway.status, eyes)
    ears = ThreadPoolExecutor(1, thread_name_prefix=READINESS)
    refusing = Refusing(gateway.core, gateway.status, ears)
    kept = {
        "export": gateway.export.run,
        "wake": lambda: _waking(gateway, signalled),
        WATCH: watch.run,
        READINESS: refusing.run,
    }
    tasks = [
        asyncio.create_task(contained.keep(name, run, needed=True), name=name)
        for name, run in kept.items()
    ]
    renewing = contained.keep("certificates", gateway.certificates.run)
    tasks.append(asyncio.create_task(renewing, name="certificates"))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        eyes.shutdown(wait=False)
        ears.shutdown(wait=False)


def _watch_doors(gateway: Gateway) -> None:
    receive = gateway.settings.receive
    for name, door in (("otlp_grpc", receive.otlp_grpc), ("otlp_http", receive.otlp_http)):
        if door.enabled and door.tls is not None:
            renew = functools.partial(gateway.receive.renew_tls, name)
            watch_listener(gateway.certificates, name, door.tls, renew)


async def _waking(gateway: Gateway, signalled: asyncio.Event) -> None:
    loop, wake_fd, woken = asyncio.get_running_loop(), gateway.core.wake_fd(), asyncio.Event()
    loop.add_reader(wake_fd, woken.set)
    try:
        while True:
            await woken.wait()
            woken.clear()
            with suppress(BlockingIOError):
                os.read(wake_fd, 8)
            gateway.export.wake()
            if gateway.core.signalled():
                signalled.set()
    finally:
        loop.remove_reader(wake_fd)


async def _say_ready(gateway: Gateway, bound: Mapping[str, str]) -> None:
    held = Ledger.parse(gateway.core.ledger()).primary.spans.held
    took_s = round(gateway.status.uptime_s, 3)
    log.info("gateway.ready", **bound, held_spans=held, took_s=took_s)
    if gateway.settings.telemetry.logs.encoding == "console":
        encrypted = gateway.settings.encrypted()
        version = gateway.status.version
        sys.stderr.write(banner.text(gateway.decide, bound, held, version, encrypted))
