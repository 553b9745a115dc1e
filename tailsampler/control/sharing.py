"""Tell the other gateways of the tier which traces are kept here for what they may not see."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

import grpc
import grpc.aio
import structlog

from tailsampler.control.v1 import control_pb2 as pb
from tailsampler.control.v1.control_pb2_grpc import ControlStub
from tailsampler.export.build import read_tls
from tailsampler.telemetry.peers import PeerState

if TYPE_CHECKING:
    from tailsampler.clock import Clock
    from tailsampler.settings.endpoint import Endpoint
    from tailsampler.settings.peers import Peers
    from tailsampler.telemetry.contained import Contained

log = structlog.get_logger("tailsampler.peers")

COMPONENT: Final = "peers"
VERDICT_BYTES: Final = 24
MOST_VERDICTS: Final = 10_000
"""In one request."""
TIMEOUT_S: Final = 2.0
"""For one request; a peer that takes longer is told nothing that is older than a moment."""
INSTANCE: Final = secrets.token_bytes(8)
"""Of this process: by it a gateway knows itself among its peers."""

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses behind a name, ``host:port`` each; raises ``OSError``."""


@dataclass(frozen=True, slots=True)
class Request:
    """What every request of this process bears."""

    instance: bytes
    metadata: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class Found(Protocol):
    """The part of ``_core.Gateway`` that knows what is to be told."""

    def take_found(self) -> bytes:
        """24 bytes a trace."""


@dataclass(slots=True)
class Peer:
    """Another gateway, and how telling it goes."""

    endpoint: str
    channel: grpc.aio.Channel
    state: PeerState = field(default_factory=PeerState)
    behind: bool = True
    """It has just come, or did not take all: it is told again what was found of late."""
    _under_way: asyncio.Task[None] | None = None

    def tell(self, request: Request, fresh: bytes, late: bytes) -> None:
        """Begin to tell it what is new, or all that was found of late, unless it is slow."""
        verdicts = late if self.behind else fresh
        if self.state.itself:
            self.behind = False
            return
        if not verdicts:
            return
        if self._under_way is not None and not self._under_way.done():
            self.behind = True
            return
        self.behind = False
        self._under_way = asyncio.create_task(self._tell(request, verdicts), name=COMPONENT)

    async def settled(self) -> None:
        """Wait until it has taken, or missed, what it was told."""
        if self._under_way is not None:
            await asyncio.gather(self._under_way, return_exceptions=True)

    async def _tell(self, request: Request, verdicts: bytes) -> None:
        stub = ControlStub(self.channel)
        step = MOST_VERDICTS * VERDICT_BYTES
        for start in range(0, len(verdicts), step):
            part = verdicts[start : start + step]
            message = pb.ShareVerdictsRequest(instance=request.instance, verdicts=part)
            count = len(part) // VERDICT_BYTES
            try:
                answer = await stub.ShareVerdicts(
                    message, timeout=TIMEOUT_S, metadata=request.metadata
                )
            except grpc.aio.AioRpcError as error:
                self.state.missed += count
                self.behind = True
                self._fails(error)
                return
            if answer.itself:
                self.state.itself = True
                return
            self.state.told += count
            if self.state.failing:
                self.state.failing = False
                log.info("peer.back", peer=self.endpoint)

    def _fails(self, error: grpc.aio.AioRpcError) -> None:
        if not self.state.failing:
            self.state.failing = True
            log.warning(
                "peer.not_told",
                peer=self.endpoint,
                code=error.code().name,
                error=error.details(),
                message="Traces that are split between this gateway and that one are judged by "
                "each on its own part until it can be told again.",
            )

    async def close(self) -> None:
        """Cut off what is under way."""
        if self._under_way is not None:
            self._under_way.cancel()
            await asyncio.gather(self._under_way, return_exceptions=True)
        await self.channel.close()


@dataclass(slots=True)
class Sharing:
    """Tells every peer what is new, for as long as ``run`` runs."""

    settings: Peers
    core: Found
    clock: Clock
    contained: Contained
    resolve: Resolve = field(default_factory=lambda: resolve)
    instance: bytes = INSTANCE
    reach_s: float = 20.0
    """What was found longer ago is told nobody: all parts of it are judged."""
    states: dict[str, PeerState] = field(default_factory=dict)
    """By ``host:port``; a peer that the name does not give any more is forgotten."""
    _peers: dict[str, Peer] = field(default_factory=dict)
    _found: deque[tuple[float, bytes]] = field(default_factory=deque)
    _found_bytes: int = 0
    _resolved_s: float | None = None

    async def run(self) -> None:
        """Tell until cancelled; it is for ``Contained.keep``."""
        try:
            while True:
                await self._look_up()
                found = await asyncio.to_thread(self.core.take_found)
                late = self._late(found)
                for peer in self._peers.values():
                    peer.tell(self._request(), found, late)
                self.contained.well(COMPONENT)
                await self.clock.sleep(self.settings.interval.total_seconds())
        finally:
            for peer in self._peers.values():
                await peer.close()
            self._peers.clear()
            self.states.clear()
            self._resolved_s = None

    async def settled(self, *endpoints: str) -> None:
        """Wait until these peers, or all, have taken or missed what they were told."""
        for endpoint in endpoints or tuple(self._peers):
            await self._peers[endpoint].settled()

    def _late(self, found: bytes) -> bytes:
        """What was found of late, the newest last: for peers that were away meanwhile."""
        now_s = self.clock.monotonic_s()
        if found:
            self._found.append((now_s, found))
            self._found_bytes += len(found)
        most = self.settings.max_traces * VERDICT_BYTES
        while self._found and (
            self._found[0][0] < now_s - self.reach_s or self._found_bytes > most
        ):
            self._found_bytes -= len(self._found.popleft()[1])
        if not any(peer.behind for peer in self._peers.values()):
            return b""  # nobody asks for it
        return b"".join(one for _, one in self._found)

    def _request(self) -> Request:
        token = self.settings.token
        if token is None:
            return Request(self.instance)
        authorization = ("authorization", f"Bearer {token.get_secret_value()}")
        return Request(self.instance, (authorization,))

    async def _look_up(self) -> None:
        now_s = self.clock.monotonic_s()
        again_s = self.settings.resolve_interval.total_seconds()
        if self._resolved_s is not None and now_s - self._resolved_s < again_s:
            return
        self._resolved_s = now_s
        name = self.settings.dns
        try:
            wanted = set(
                (str(endpoint) for endpoint in self.settings.endpoints)
                if name is None
                else await self.resolve(*name)
            )
        except OSError as error:
            # Who was known stays known: a name server that is away is no reason to split traces.
            log.warning("peers.not_resolved", name=str(name), error=str(error))
            return
        for gone in self._peers.keys() - wanted:
            del self.states[gone]
            await self._peers.pop(gone).close()
        for endpoint in sorted(wanted - self._peers.keys()):
            channel = await self._channel(endpoint, name)
            self._peers[endpoint] = peer = Peer(endpoint, channel)
            self.states[endpoint] = peer.state
            log.info("peer.found", peer=endpoint)

    async def _channel(self, endpoint: str, name: Endpoint | None) -> grpc.aio.Channel:
        tls = self.settings.tls
        if tls.insecure:
            return grpc.aio.insecure_channel(endpoint, _OPTIONS)
        files = await asyncio.to_thread(read_tls, tls, "peers.tls")
        credentials = grpc.ssl_channel_credentials(files.ca, files.key, files.cert)
        # Certificates name the service, not the address behind it.
        expected = files.server_name or (None if name is None else name.host)
        options = [*_OPTIONS]
        if expected is not None:
            options.append(("grpc.ssl_target_name_override", expected))
        return grpc.aio.secure_channel(endpoint, credentials, options)


_OPTIONS: Final[list[tuple[str, int | str]]] = [
    # What was to be told a second ago is not worth telling.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.keepalive_time_ms", 60_000),
]


async def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, ``host:port`` each; IPv6 in brackets. Raises ``OSError``."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    hosts = {str(address[4][0]) for address in found}
    return sorted(f"[{one}]:{port}" if ":" in one else f"{one}:{port}" for one in hosts)
