"""An OTLP backend that takes everything and keeps nothing but a count."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

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


class KeepingBackend(DiscardingBackend):
    """One that keeps every request in a file, to be looked at afterwards."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._lock = threading.Lock()
        self._file = path.open("wb")

    def _take(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        with self._lock:
            self._file.write(len(request).to_bytes(8, "little"))
            self._file.write(request)
        return super()._take(request, context)

    def span_ids(self) -> set[int]:
        """The ids of all spans that came so far."""
        with self._lock:
            self._file.flush()
        found: set[int] = set()
        with self._path.open("rb") as file:
            while size := file.read(8):
                request = ExportTraceServiceRequest.FromString(
                    file.read(int.from_bytes(size, "little"))
                )
                for resource in request.resource_spans:
                    for scope in resource.scope_spans:
                        found.update(int.from_bytes(span.span_id, "big") for span in scope.spans)
        return found
