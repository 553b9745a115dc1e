"""The listeners beside the spans: health, admin, control. The data plane needs none of them."""

import asyncio
import functools
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from tailsampler.access.audit import FILE_NAME, Audit
from tailsampler.access.certificates import watch_listener
from tailsampler.access.operators import Access
from tailsampler.access.serving import server_context
from tailsampler.settings.core_options import sharing_age_ms
from tailsampler.telemetry.sockets import address, bind

if TYPE_CHECKING:
    from aiohttp import web

    from tailsampler.app import Gateway
    from tailsampler.settings.tls import ServerTls
    from tailsampler.telemetry.listener import Renew


@dataclass(frozen=True, slots=True)
class Beside:
    """Listeners that have their addresses; health and admin answer after ``serve``."""

    addresses: Mapping[str, str]
    """``host:port`` by section of the settings."""
    _gateway: "Gateway"
    _sockets: Mapping[str, socket.socket]
    _stack: AsyncExitStack

    async def serve(self, bound: Mapping[str, str]) -> None:
        """Answer on the sockets, until the context ends; ``bound`` is what the pages name."""
        contained = self._gateway.status.contained
        for name in self._sockets:
            tried = asyncio.Event()
            # One that cannot be made is tried again; the other, and the spans, do without it.
            serving = contained.keep(name, functools.partial(self._serve, name, bound, tried))
            task = asyncio.create_task(serving, name=f"listener {name}")
            self._stack.push_async_callback(_ended, task)
            await tried.wait()

    async def _serve(self, name: str, bound: Mapping[str, str], tried: asyncio.Event) -> None:
        serving: list[Renew] = []  # none yet, then one
        try:
            # In a thread: this imports aiohttp, and the exporters are at work already.
            application = await asyncio.to_thread(_APPLICATIONS[name], self._gateway, bound)
            from tailsampler.telemetry.listener import listening  # noqa: PLC0415 - imported by now

            # A copy: the next attempt needs a socket that is still open.
            bound_socket, context = self._sockets[name].dup(), await self._context(name, serving)
            async with listening(application, bound_socket, context) as renew:
                serving.append(renew)
                tried.set()
                await asyncio.Event().wait()
        finally:
            tried.set()

    async def _context(self, name: str, serving: "Sequence[Renew]") -> "ssl.SSLContext | None":
        tls = _tls(self._gateway, name)
        if tls is None:
            return None

        async def again() -> None:
            context = await asyncio.to_thread(server_context, tls, name)
            for renew in serving:
                await renew(context)

        watch_listener(self._gateway.certificates, name, tls, again)
        return await asyncio.to_thread(server_context, tls, name)


def _tls(gateway: "Gateway", name: str) -> "ServerTls | None":
    settings = gateway.settings
    return settings.admin.tls if name == "admin" else settings.telemetry.tls


@asynccontextmanager
async def beside_the_spans(gateway: "Gateway") -> AsyncIterator[Beside]:
    """Take the addresses; yields what is to be served on them.

    Raises ``StartError`` if one cannot be had.
    """
    settings = gateway.settings
    sockets: dict[str, socket.socket] = {}
    async with AsyncExitStack() as stack:
        for name, section in (("telemetry", settings.telemetry), ("admin", settings.admin)):
            if section.enabled:
                if section.tls is not None:
                    # What could never be served is an error of the start, not of each attempt.
                    await asyncio.to_thread(server_context, section.tls, name)
                sockets[name] = bind(*section.endpoint, name)
                stack.callback(sockets[name].close)
        addresses = {name: address(bound) for name, bound in sockets.items()}
        if settings.control.enabled:
            from tailsampler.control.service import controlling  # noqa: PLC0415 - if wanted

            control = controlling(
                gateway.core,
                gateway.export.flush,
                str(settings.control.endpoint),
                gateway.status,
                {policy.name: policy.sample_rate for policy in gateway.decide.chain},
                access=Access(settings.admin.auth),
                audit=_audit(gateway),
                tls=settings.control.tls,
                certificates=gateway.certificates,
            )
            addresses["control"] = await stack.enter_async_context(control)
            if settings.peers.enabled:
                _share(gateway, stack)
        yield Beside(addresses, gateway, sockets, stack)


def _share(gateway: "Gateway", stack: AsyncExitStack) -> None:
    from tailsampler.control.sharing import COMPONENT, Sharing  # noqa: PLC0415 - if wanted

    contained = gateway.status.contained
    settings, clock = gateway.settings, gateway.status.clock
    reach_s = sharing_age_ms(settings) / 1e3
    sharing = Sharing(settings.peers, gateway.core, clock, contained, reach_s=reach_s)
    gateway.status.peers = sharing.states
    telling = contained.keep(COMPONENT, sharing.run)
    stack.push_async_callback(_ended, asyncio.create_task(telling, name=COMPONENT))


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _telemetry(gateway: "Gateway", addresses: Mapping[str, str]) -> "web.Application":
    from tailsampler.telemetry.health import health_app  # noqa: PLC0415 - slow, see above

    del addresses
    return health_app(gateway.core, gateway.status)


def _admin(gateway: "Gateway", addresses: Mapping[str, str]) -> "web.Application":
    from tailsampler.admin.app import admin_app  # noqa: PLC0415 - slow, see above

    return admin_app(
        gateway.core,
        gateway.status,
        [asdict(policy) for policy in gateway.decide.chain],
        gateway.settings.admin.endpoint.host,
        settings=gateway.settings,
        store=lambda: gateway.store,
        addresses=addresses,
        config_file=gateway.config_file,
        audit=_audit(gateway),
    )


def _audit(gateway: "Gateway") -> Audit:
    return Audit(gateway.settings.data_directory / FILE_NAME, gateway.status.clock)


_APPLICATIONS: Final = {"telemetry": _telemetry, "admin": _admin}
