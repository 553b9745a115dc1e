"""An OTLP backend that takes everything and keeps nothing but a count."""

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import grpc

SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"
MAX_BYTES = 64 << 20


class DiscardingBackend:
    """Listens on a port of its own while the ``with`` block runs."""

    def __init__(self) -> None:
        self.requests = 0
        self.bytes = 0
        self._server = grpc.server(
            ThreadPoolExecutor(2), options=[("grpc.max_receive_message_length", MAX_BYTES)]
        )
        export: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
            self._take
        )
        service = grpc.method_handlers_generic_handler(SERVICE, {"Export": export})
        self._server.add_generic_rpc_handlers((service,))
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    def _take(self, request: bytes, _context: grpc.ServicerContext) -> bytes:
        self.requests += 1
        self.bytes += len(request)
        return b""

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop(grace=None).wait()
