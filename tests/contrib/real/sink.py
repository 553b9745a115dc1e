"""Where a Collector's pipelines send what they keep: one gRPC server for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import grpc

PIPELINE = "pipeline"
"""The header by which a pipeline says which one it is."""

_SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"


def _as_it_is(body: bytes) -> bytes:
    return body


class Sink:
    """Bodies of export requests by pipeline, in order."""

    def __init__(self) -> None:
        self.received: dict[str, list[bytes]] = defaultdict(list)
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=4),
            options=[("grpc.max_receive_message_length", -1)],
        )
        export = grpc.unary_unary_rpc_method_handler(self._export, _as_it_is, _as_it_is)
        handler = grpc.method_handlers_generic_handler(_SERVICE, {"Export": export})
        self._server.add_generic_rpc_handlers((handler,))
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop(None).wait()

    def _export(self, body: bytes, context: grpc.ServicerContext) -> bytes:
        headers = dict(context.invocation_metadata())
        self.received[str(headers[PIPELINE])].append(body)
        return b""


def sender(target: str) -> tuple[grpc.Channel, Callable[[bytes], bytes]]:
    """One connection to a Collector, and the call that exports a body on it."""
    channel = grpc.insecure_channel(target, options=[("grpc.max_receive_message_length", -1)])
    call = channel.unary_unary(f"/{_SERVICE}/Export", _as_it_is, _as_it_is)

    def export(body: bytes) -> bytes:
        answer: bytes = call(body, timeout=60, wait_for_ready=True)
        return answer

    return channel, export
