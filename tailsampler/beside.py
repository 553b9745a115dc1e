"""The listeners beside the spans: health, admin, control. The data plane needs none of them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tailsampler.telemetry.sockets import address, bind

if TYPE_CHECKING:
    from aiohttp import web

    from tailsampler.app import Gateway


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
        if not self._sockets:
            return
        # In a thread: this imports aiohttp, and the exporters are at work already.
        applications = await asyncio.to_thread(_applications, self._gateway, bound)
        from tailsampler.telemetry.listener import listening  # noqa: PLC0415 - imported by now

        for name, listener in self._sockets.items():
            await self._stack.enter_async_context(listening(applications[name], listener))


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
            )
            addresses["control"] = await stack.enter_async_context(control)
        yield Beside(addresses, gateway, sockets, stack)


def _applications(gateway: "Gateway", addresses: Mapping[str, str]) -> "dict[str, web.Application]":
    from tailsampler.admin.app import admin_app  # noqa: PLC0415 - slow, see above
    from tailsampler.telemetry.health import health_app  # noqa: PLC0415

    core, status = gateway.core, gateway.status
    chain = [asdict(policy) for policy in gateway.decide.chain]
    return {
        "telemetry": health_app(core, status),
        "admin": admin_app(
            core,
            status,
            chain,
            gateway.settings.admin.endpoint.host,
            settings=gateway.settings,
            store=lambda: gateway.store,
            addresses=addresses,
            config_file=gateway.config_file,
        ),
    }
