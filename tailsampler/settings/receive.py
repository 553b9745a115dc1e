"""The doors: where spans come in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field, PlainValidator
from pydantic_core import InitErrorDetails

from tailsampler.settings.base import Section, found
from tailsampler.settings.endpoint import Endpoint, ListenEndpoint
from tailsampler.settings.export import parse_header_name
from tailsampler.settings.overload import Overload
from tailsampler.settings.tenants import Tenant, tenant_problems
from tailsampler.settings.tls import ServerTls
from tailsampler.settings.units import Size, sized
from tailsampler.settings.values import Flag, Whole, between

_AUTH = {
    "auth": "senders' tokens hold for both doors; write receive.tenants: [{name: shop, "
    "tokens: [...]}], or tls.client_ca_file"
}


class OtlpGrpc(Section):
    """OTLP/gRPC."""

    HINTS: ClassVar = _AUTH | {
        "max_recv_msg_size": "write max_recv_msg_size_mib, in MiB",
        "transport": "only TCP is listened on; leave it out",
        "keepalive": "the connection's own defaults hold; leave it out",
    }

    enabled: Flag = Field(default=True, description="Open this door. Default: true.")
    endpoint: ListenEndpoint = Field(
        default=Endpoint("127.0.0.1", 4317),
        description="Address to listen on. Default: 127.0.0.1:4317, this machine alone; "
        "write 0.0.0.0:4317 for every interface.",
    )
    max_recv_msg_size_mib: Annotated[Whole, between(1, 1024)] = Field(
        default=64,
        description="Largest request after decompression, in MiB; larger ones are answered "
        "RESOURCE_EXHAUSTED. Default: 64.",
    )
    tls: ServerTls | None = Field(default=None, description="TLS. Default: none, plain text.")


class OtlpHttp(Section):
    """OTLP/HTTP, protobuf and JSON, on ``/v1/traces``."""

    HINTS: ClassVar = _AUTH | {"cors": "browsers are not served yet; leave it out"}

    enabled: Flag = Field(default=True, description="Open this door. Default: true.")
    endpoint: ListenEndpoint = Field(
        default=Endpoint("127.0.0.1", 4318),
        description="Address to listen on. Default: 127.0.0.1:4318, this machine alone; "
        "write 0.0.0.0:4318 for every interface.",
    )
    max_request_body_size: Annotated[Size, sized("1KiB", "1GiB")] = Field(
        default=64 << 20,
        description="Largest request after decompression; larger ones are answered 413. "
        "Default: 64MiB.",
    )
    tls: ServerTls | None = Field(default=None, description="TLS. Default: none, plain text.")


class Receive(Section):
    """Where spans come in."""

    HINTS: ClassVar = {
        "otlp": "write otlp_grpc: {endpoint: ...} and otlp_http: {endpoint: ...}",
        "kafka": "Kafka is not in this version; write otlp_grpc or otlp_http",
        "grpc": "write otlp_grpc",
        "http": "write otlp_http",
        "auth": "write tenants: [{name: shop, tokens: [...]}]",
        "required": "write require_tenant",
    }

    otlp_grpc: OtlpGrpc = Field(default=OtlpGrpc(), description="The OTLP/gRPC door.")
    otlp_http: OtlpHttp = Field(default=OtlpHttp(), description="The OTLP/HTTP door.")
    in_flight_bytes: Annotated[Size, sized("1MiB", "1TiB")] = Field(
        default=256 << 20,
        description="Bytes of request bodies in memory at once, all connections together; past "
        "it requests are refused and senders try again. Default: 256MiB.",
    )
    pass_through_bytes: Annotated[Size, sized("1MiB", "1TiB")] = Field(
        default=32 << 20,
        description="Bytes of logs and metrics that wait for their backends at once, of the above; "
        "past it they are refused, so that a backend that hangs costs traces nothing. "
        "Default: 32MiB.",
    )
    rate_limit_spans_per_second: Annotated[Whole, between(1, 1 << 40)] | None = Field(
        default=None,
        description="Spans a second that are taken, all senders together; past it requests are "
        "refused with the delay after which they will be taken, and tenants share alike. A "
        "second's worth may come at once. Default: none, as much as the machine can.",
        examples=[10_000],
    )
    overload: Overload = Field(
        default=Overload(), description="What happens where more comes in than can be held."
    )
    threads: Annotated[Whole, between(1, 64)] = Field(
        default=1,
        description="Threads that serve the doors. Default: 1, enough for most machines.",
    )
    tenants: tuple[Tenant, ...] = Field(
        default=(),
        description="Who sends, where that matters. Default: nobody in particular; all spans are "
        "of the tenant `default`.",
        examples=["[{name: shop, tokens: [...]}]"],
    )
    tenant_header: Annotated[str, PlainValidator(parse_header_name)] | None = Field(
        default=None,
        description="Header that names the tenant of a request, where it has no tokens, e.g. "
        "x-scope-orgid. Whoever reaches the door can write any name there. Default: none.",
        examples=["x-scope-orgid"],
    )
    require_tenant: Flag | None = Field(
        default=None,
        description="Refuse requests of no known tenant (UNAUTHENTICATED, 401) instead of "
        "counting them to `default`. Default: true if any tenant has tokens.",
    )

    @property
    def tenant_required(self) -> bool:
        """``require_tenant``, or what it is if nothing is written."""
        if self.require_tenant is None:
            return any(tenant.tokens for tenant in self.tenants)
        return self.require_tenant

    def contradictions(self) -> Iterator[InitErrorDetails]:
        """No door, or a door whose largest request never fits."""
        if not (self.otlp_grpc.enabled or self.otlp_http.enabled):
            say = "both doors are closed, so no span can come in; write enabled: true for one"
            yield found("no_door", say, ("otlp_grpc", "enabled"))
        largest = {
            ("otlp_grpc", "max_recv_msg_size_mib"): self.otlp_grpc.max_recv_msg_size_mib << 20,
            ("otlp_http", "max_request_body_size"): self.otlp_http.max_request_body_size,
        }
        for loc, size in largest.items():
            if size > self.in_flight_bytes:
                say = "this is over receive.in_flight_bytes, so such a request never fits; "
                yield found("request_over_budget", say + "lower this or raise that", loc)
        yield from tenant_problems(self.tenants)
        known = any(tenant.tokens for tenant in self.tenants) or self.tenant_header
        if self.tenant_required and not known:
            say = "no request could be of a tenant; write tenants: [{name: shop, tokens: [...]}]"
            yield found("no_way_in", f"{say}, or tenant_header", ("require_tenant",))
