"""A stand-in for a Collector: hands every OTLP/gRPC trace request on as it is, and the answer back.

    python -m benchmarks.relay 127.0.0.1:4317=127.0.0.1:14317 127.0.0.1:24317

listens on 4317 and hands on to 14317; on 24317 it answers by itself. Without a queue, as a pipeline
whose exporter has none: the sender hears what the next one says.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from typing import Final

import grpc

from benchmarks.backend import MAX_BYTES, SERVICE

_SIZES: Final = [
    ("grpc.max_receive_message_length", MAX_BYTES),
    ("grpc.max_send_message_length", MAX_BYTES),
]
_TIMEOUT_S: Final = 30.0


class Relay:
    """One pipeline: a receiver, and perhaps an exporter."""

    def __init__(self, listen: str, to: str | None) -> None:
        self._server = grpc.aio.server(options=_SIZES)
        export: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
            self._take
        )
        service = grpc.method_handlers_generic_handler(SERVICE, {"Export": export})
        self._server.add_generic_rpc_handlers((service,))
        self._server.add_insecure_port(listen)
        self._export: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] | None = None
        if to is not None:
            # Its own subchannels: connections of several channels to one address would be shared.
            options = [*_SIZES, ("grpc.use_local_subchannel_pool", 1)]
            self._channel = grpc.aio.insecure_channel(to, options=options)
            self._export = self._channel.unary_unary(f"/{SERVICE}/Export")

    async def _take(self, request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        if self._export is None:
            return b""
        try:
            # A pod's containers start in any order; whoever sent waits meanwhile.
            answer = await self._export(request, timeout=_TIMEOUT_S, wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            await context.abort(error.code(), error.details() or "")
        return answer

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._server.start()
        try:
            await self._server.wait_for_termination()
        finally:
            await self._server.stop(grace=1.0)
            if self._export is not None:
                await self._channel.close()


async def _all(routes: list[str]) -> None:
    relays = []
    for route in routes:
        listen, _, to = route.partition("=")
        relays.append(Relay(listen, to or None))
    await asyncio.gather(*(relay.run() for relay in relays))


def main() -> None:
    """Serve every route until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relay", description=__doc__)
    parser.add_argument("routes", nargs="+", metavar="LISTEN[=TO]")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_all(parser.parse_args().routes))


if __name__ == "__main__":
    main()
