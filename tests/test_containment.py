"""Each part of a running gateway is made to fail; spans go through all the same."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, cast

import aiohttp
import pytest
from structlog.testing import capture_logs

from tailsampler.telemetry.hooks import hooked
from tailsampler.testing.backend import CapturingBackend
from tailsampler.testing.clock import ManualClock
from tests.test_app import PlayedCore, gateway_of

pytest.importorskip("tailsampler._core", reason="the native part is not built: make setup")

from tailsampler import beside  # after the check
from tailsampler.admin import app as admin
from tailsampler.admin.pages import flow
from tailsampler.app import Gateway, serve
from tailsampler.demo import child
from tailsampler.telemetry import banner
from tailsampler.telemetry.health import Metrics
from tailsampler.telemetry.history import History
from tailsampler.telemetry.watch import Watch

Patch = pytest.MonkeyPatch


class Panic(BaseException):
    """What a panic in Rust looks like from Python."""


def broken(*_: object, **__: object) -> NoReturn:
    raise Panic("injected")


@dataclass
class Running:
    """A gateway that serves, and what a person sees of it."""

    gateway: Gateway
    core: PlayedCore
    backend: CapturingBackend
    session: aiohttp.ClientSession
    addresses: dict[str, str] = field(default_factory=dict)

    async def ask(self, listener: str, path: str) -> tuple[int, str]:
        async with self.session.get(f"http://{self.addresses[listener]}{path}") as answer:
            return answer.status, await answer.text()

    async def counted(self, component: str) -> None:
        """Return once the failure is counted, while time passes."""
        clock = cast("ManualClock", self.gateway.status.clock)
        while not self.gateway.status.contained.counts.get(component):
            await clock.advance(0.05)
            await asyncio.to_thread(os.sched_yield)

    async def span_goes_through(self, number: int) -> None:
        clock = cast("ManualClock", self.gateway.status.clock)
        self.core.bring(number)
        while bytes(7) + bytes([number]) not in self.backend.span_ids() or self.core.taken:
            await clock.advance(0.05)
            await asyncio.to_thread(os.sched_yield)


@pytest.fixture
def core() -> Iterator[PlayedCore]:
    played = PlayedCore()
    yield played
    os.close(played.fd)


@asynccontextmanager
async def running(
    core: PlayedCore, directory: Path, prepare: Callable[[Gateway], None], *, demo: bool = False
) -> AsyncIterator[Running]:
    with CapturingBackend() as backend, capture_logs() as logs:
        gateway = gateway_of(core, directory, backend.endpoint)
        prepare(gateway)
        with hooked(gateway.status.contained):
            task = asyncio.create_task(serve(gateway, demo=demo))
            try:
                async with aiohttp.ClientSession() as session:
                    found = Running(gateway, core, backend, session)
                    while not (directory / "addresses.json").exists():
                        await asyncio.to_thread(os.sched_yield)
                    ready = [entry for entry in logs if entry["event"] == "gateway.ready"]
                    found.addresses = {key: str(value) for key, value in ready[0].items()}
                    yield found
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


Inject = Callable[[Patch, Gateway, PlayedCore], None]


def _page(patch: Patch, gateway: Gateway, core: PlayedCore) -> None:
    patch.setattr(flow, "headline", broken)


def _metrics_page(patch: Patch, gateway: Gateway, core: PlayedCore) -> None:
    patch.setattr(Metrics, "_render", broken)


def _exporter_loop(patch: Patch, gateway: Gateway, core: PlayedCore) -> None:
    [exporter] = gateway.export.exporters
    take, calls = exporter._next_batch, iter([1])

    async def once() -> Any:
        for _ in calls:
            broken()
        return await take()

    patch.setattr(type(exporter), "_next_batch", lambda _: once())


def _settling(patch: Patch, gateway: Gateway, core: PlayedCore) -> None:
    settle, calls = core.settle, iter([1])

    def once(*args: Any, **kwargs: Any) -> None:
        for _ in calls:
            broken()
        settle(*args, **kwargs)

    patch.setattr(core, "settle", once)


def _transport(patch: Patch, gateway: Gateway, core: PlayedCore) -> None:
    transport = gateway.export.exporters[0].transport
    send, calls = transport.send, iter([1])

    async def once(payload: bytes, tenant: str) -> Any:
        for _ in calls:
            raise asyncio.CancelledError  # as a library may, though nobody cancelled us
        return await send(payload, tenant)

    patch.setattr(type(transport), "send", lambda _, payload, tenant: once(payload, tenant))


def _waking(patch: Patch, gateway: Gateway, core: PlayedCore) -> None:
    calls = iter([1])

    def once() -> int:
        for _ in calls:
            broken()
        return 0

    patch.setattr(core, "signalled", once)


def _history(patch: Patch, gateway: Gateway, core: PlayedCore) -> None:
    patch.setattr(History, "_look", broken)


def _watch(patch: Patch, gateway: Gateway, core: PlayedCore) -> None:
    read, calls = Watch._read, iter([1])

    def once(watch: Watch) -> Any:
        for _ in calls:
            broken()
        return read(watch)

    patch.setattr(Watch, "_read", once)


def _admin_application(patch: Patch, gateway: Gateway, core: PlayedCore) -> None:
    patch.setitem(cast("Any", beside._APPLICATIONS), "admin", broken)


def _warm(patch: Patch, gateway: Gateway, core: PlayedCore) -> None:
    patch.setattr(admin, "_warm", broken)


def _banner(patch: Patch, gateway: Gateway, core: PlayedCore) -> None:
    patch.setattr(banner, "text", broken)


def _demo(patch: Patch, gateway: Gateway, core: PlayedCore) -> None:
    def missing(_: object) -> NoReturn:
        raise FileNotFoundError("python")

    patch.setattr(child, "_start", missing)


def _thread(patch: Patch, gateway: Gateway, core: PlayedCore) -> None:
    """Nothing is prepared; the test starts one."""


COMPONENTS: dict[str, tuple[str, Inject]] = {
    "a page": ("admin", _page),
    "the metrics page": ("telemetry", _metrics_page),
    "the loop of an exporter": ("export.otlp_grpc", _exporter_loop),
    "a settlement": ("export.otlp_grpc", _settling),
    "a transport": ("export.otlp_grpc", _transport),
    "the wake-up": ("wake", _waking),
    "the history": ("history", _history),
    "the watch": ("watch", _watch),
    "the admin listener": ("admin", _admin_application),
    "the warming": ("warm", _warm),
    "the banner": ("banner", _banner),
    "the demo": ("demo", _demo),
    "a thread": ("thread", _thread),
    "a callback": ("event_loop", _thread),
}


async def provoke(found: Running, what: str) -> None:
    """Do what makes the prepared failure happen, where it does not by itself."""
    if what == "a page":
        status, text = await found.ask("admin", "/")
        assert (status, "Panic" in text) == (500, True)
        status, _ = await found.ask("admin", "/settings")
        assert status == 200
    elif what == "the metrics page":
        status, _ = await found.ask("telemetry", "/metrics")
        assert status == 500
        status, _ = await found.ask("telemetry", "/healthz")
        assert status == 200
    elif what in {"a settlement", "a transport", "the wake-up", "the loop of an exporter"}:
        found.core.bring(1)
    elif what == "a thread":
        thread = threading.Thread(target=broken)
        thread.start()
        await asyncio.to_thread(thread.join)
    elif what == "a callback":
        asyncio.get_running_loop().call_soon([].pop)


@pytest.mark.parametrize("what", COMPONENTS)
async def test_spans_go_through_whatever_fails(
    what: str, core: PlayedCore, tmp_path: Path, monkeypatch: Patch
) -> None:
    """A failure is counted under its component; one alone does not end readiness."""
    component, inject = COMPONENTS[what]
    async with running(
        core, tmp_path, lambda gateway: inject(monkeypatch, gateway, core), demo=what == "the demo"
    ) as found:
        await provoke(found, what)
        await found.counted(component)
        await found.span_goes_through(7)
        assert bytes(7) + b"\x07" in found.backend.span_ids()
        assert not core.taken
        status, text = await found.ask("telemetry", "/readyz")
        assert status == 200, text
        if what != "the metrics page":
            _, text = await found.ask("telemetry", "/metrics")
            assert f'contained_failures_total{{component="{component}"}}' in text


async def test_an_exporter_that_cannot_come_back_ends_readiness(
    core: PlayedCore, tmp_path: Path, monkeypatch: Patch
) -> None:
    """``/readyz`` names it; what it had in hand is in the outbox; when it is mended all is well."""

    def prepare(gateway: Gateway) -> None:
        transport = gateway.export.exporters[0].transport
        monkeypatch.setattr(type(transport), "send", broken)

    async with running(core, tmp_path, prepare) as found:
        clock = cast("ManualClock", found.gateway.status.clock)
        core.bring(1)
        while found.gateway.status.ready:
            await clock.advance(0.05)
            await asyncio.to_thread(os.sched_yield)
        status, text = await found.ask("telemetry", "/readyz")
        assert status == 503
        assert "export.otlp_grpc fails again and again: Panic: injected" in text
        status, text = await found.ask("admin", "/")
        assert "In trouble" in text
        monkeypatch.undo()
        await found.span_goes_through(2)
        status, _ = await found.ask("telemetry", "/readyz")
        assert status == 200
        assert len(core.settled) == 2


async def test_a_listener_that_could_not_be_made_is_tried_again(
    core: PlayedCore, tmp_path: Path, monkeypatch: Patch
) -> None:
    """Its address is held meanwhile; the health listener answers without it."""
    make, calls = beside._APPLICATIONS["admin"], iter([1])

    def once(*args: Any) -> Any:
        for _ in calls:
            broken()
        return make(*args)

    monkeypatch.setitem(cast("Any", beside._APPLICATIONS), "admin", once)
    async with running(core, tmp_path, lambda _: None) as found:
        await found.counted("admin")
        status, _ = await found.ask("telemetry", "/healthz")
        assert status == 200
        asked = asyncio.create_task(found.ask("admin", "/"))
        clock = cast("ManualClock", found.gateway.status.clock)
        while not asked.done():
            await clock.advance(0.05)
            await asyncio.to_thread(os.sched_yield)
        assert (await asked)[0] == 200
