"""Send requests to an OTLP/gRPC backend, as the bytes they already are."""

import os
import ssl
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import grpc
import grpc.aio

from tailsampler.export.retry import Accepted, Failed
from tailsampler.settings.tenants import DEFAULT

_METHODS: Final = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}

_COMPRESSIONS: Final = {
    "none": grpc.Compression.NoCompression,
    "gzip": grpc.Compression.Gzip,
    "deflate": grpc.Compression.Deflate,
}
_STATUS_DETAILS: Final = "grpc-status-details-bin"

_OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    # We size requests ourselves and hear from the backend what is too large for it.
    ("grpc.max_send_message_length", -1),
    # An answer is a few bytes; whatever sends more is no OTLP backend.
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
    # The outbox retries, by OTLP's rules; a second, invisible layer would blur the counts.
    ("grpc.enable_retries", 0),
    # grpc waits up to two minutes between connection attempts; a backend that is back should
    # get its traces sooner.
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 10_000),
    # Two exporters to one address (two tenants) must not share a connection's fate.
    ("grpc.use_local_subchannel_pool", 1),
    # Find out that the peer is gone even when nothing is under way.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Files of a TLS connection, already read."""

    ca: bytes | None = None
    """PEM; None: the roots that ship with grpc."""
    key: bytes | None = None
    cert: bytes | None = None
    server_name: str | None = None
    """The name to expect in the certificate, where it differs from the endpoint's."""


@dataclass(slots=True, kw_only=True)
class OtlpGrpc:
    """A connection to one backend."""

    endpoint: str
    """``host:port``, or any target that grpc resolves."""
    tls: Tls | None
    """None: plain text."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Sent with every request; may hold secrets, so they are never printed."""
    tenant_header: str | None = None
    """The header that names the tenant of a request, in place of one of this name above."""
    compression: Literal["none", "gzip", "deflate"] = "none"
    timeout_s: float = 10.0
    """For one attempt."""
    signal: Literal["traces", "logs", "metrics"] = "traces"
    """What the requests carry. Their answers have one form."""
    # Both are made on the first send: grpc.aio ties a channel to the loop that is running then.
    _channel: grpc.aio.Channel | None = None
    _export: Any = None

    async def send(self, payload: bytes, tenant: str | None = None) -> Accepted | Failed:
        """Deliver one request and say how it went."""
        if self._channel is None:
            self._connect()
        try:
            response: bytes = await self._export(
                payload, timeout=self.timeout_s, metadata=self._metadata(tenant)
            )
        except grpc.aio.AioRpcError as error:
            return Failed(error.code(), error.details() or "", _retry_after_s(error))
        return _accepted(response) if response else Accepted()

    async def renew(self, tls: Tls | None) -> None:
        """Send by a new connection from now on, with these files.

        Requests under way end on the old one. Raises ``ValueError`` for a key that does not belong
        to its certificate, and for files without any: the old connection stays.
        """
        if tls is not None:
            check(tls)
        old, self.tls = self._channel, tls
        self._channel = self._export = None
        if old is not None:
            await old.close(self.timeout_s)

    async def close(self) -> None:
        """Close the connection; what is under way is cut off."""
        if self._channel is not None:
            await self._channel.close()
            self._channel = self._export = None

    def _metadata(self, tenant: str | None) -> tuple[tuple[str, str], ...]:
        named = self.tenant_header
        if named is None or tenant is None:
            return self.headers
        if tenant == DEFAULT and any(name == named for name, _ in self.headers):
            return self.headers  # whoever runs this says what nobody's spans are called
        others = tuple(header for header in self.headers if header[0] != named)
        return (*others, (named, tenant))

    def _connect(self) -> None:
        compression = _COMPRESSIONS[self.compression]
        options: list[tuple[str, Any]] = list(_OPTIONS)
        if self.tls is None:
            self._channel = grpc.aio.insecure_channel(self.endpoint, options, compression)
        else:
            if self.tls.server_name:
                options.append(("grpc.ssl_target_name_override", self.tls.server_name))
            credentials = grpc.ssl_channel_credentials(self.tls.ca, self.tls.key, self.tls.cert)
            self._channel = grpc.aio.secure_channel(
                self.endpoint, credentials, options, compression
            )
        # No serializers: bytes in, bytes out. Spans never become Python objects.
        self._export = self._channel.unary_unary(_METHODS[self.signal])


def check(tls: Tls) -> None:
    """Raise ``ValueError`` for what grpcio would take without a word, and then never connect."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.ca is not None:
        context.load_verify_locations(cadata=tls.ca.decode("ascii", "replace"))
    if tls.cert is None or tls.key is None:
        return
    # OpenSSL reads a pair from files alone; one in memory leaves the key on no disk.
    descriptor = os.memfd_create("pair", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, tls.key + b"\n" + tls.cert)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=b"")
    finally:
        os.close(descriptor)


def _accepted(response: bytes) -> Accepted:
    # Only an answer that says something is parsed; the usual one is empty.
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - rare, and slow to import
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415
        ExportTraceServiceResponse,
    )

    try:
        partial = ExportTraceServiceResponse.FromString(response).partial_success
    except DecodeError:
        return Accepted(message="the backend's answer is not an ExportTraceServiceResponse")
    return Accepted(rejected=partial.rejected_spans, message=partial.error_message)


def _retry_after_s(error: grpc.aio.AioRpcError) -> float | None:
    for key, value in error.trailing_metadata() or ():
        if key == _STATUS_DETAILS and isinstance(value, bytes):
            return _retry_info_s(value)
    return None


def _retry_info_s(details: bytes) -> float | None:
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - rare, and slow to import
    from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped]  # noqa: PLC0415
        RetryInfo,
    )
    from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        for detail in Status.FromString(details).details:
            info = RetryInfo()
            if detail.Is(RetryInfo.DESCRIPTOR) and detail.Unpack(info):
                return float(info.retry_delay.seconds) + float(info.retry_delay.nanos) / 1e9
    except DecodeError:
        return None  # unreadable details add nothing to the status, which stands
    return None
