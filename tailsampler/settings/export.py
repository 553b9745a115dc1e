"""Where kept spans go: a list of exporters, told apart by ``type``; the first is the primary."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PlainValidator, SecretStr, ValidationError
from pydantic_core import InitErrorDetails

from tailsampler.settings.base import BadValueError, Section, did_you_mean, found
from tailsampler.settings.endpoint import TargetEndpoint
from tailsampler.settings.local import INDEXED, Attributes, Retention
from tailsampler.settings.tls import ClientTls
from tailsampler.settings.units import Duration, Size, duration_text, lasting, sized
from tailsampler.settings.values import (
    FilePath,
    Flag,
    Secret,
    Whole,
    between,
    one_of,
    parse_number,
    parse_secret,
    parse_text,
    resolved,
    shown,
)

_HEADER = re.compile(r"[0-9a-z_.-]+")
_NAME = re.compile(r"[a-z0-9][a-z0-9._/-]{0,62}")
_LATER = {
    "otlp_http": "sending by HTTP is not in this version; write type: otlp_grpc",
    "otlphttp": "sending by HTTP is not in this version; write type: otlp_grpc",
    "kafka": "Kafka is not in this version; write type: otlp_grpc or file",
    "otlp": "write type: otlp_grpc",
    "debug": "write type: file and read the file",
}


def parse_name(value: object) -> str:
    """A name that can stand in a metric label and in a path."""
    text = parse_text(value)
    if not _NAME.fullmatch(text):
        say = f"{shown(value)} is not a name; write small letters, digits, and . _ / - inside"
        raise BadValueError("bad_name", say)
    return text


def refuse_elapsed(value: object) -> None:
    """There is no time after which kept traces are dropped."""
    if resolved(value) not in (None, 0, "0s"):
        say = f"{shown(value)} would drop kept traces; they wait in the outbox, so leave it out"
        raise BadValueError("cannot_give_up", say)


def parse_header_name(value: object) -> str:
    """The name of a header, in small letters, as HTTP/2 has them."""
    name = parse_text(value).lower()
    _check_header_name(name, ())
    return name


def parse_headers(value: object) -> dict[str, SecretStr]:
    """Names in small letters, as HTTP/2 wants them, to secrets."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadValueError(
            "not_a_mapping", "headers is a mapping; write headers: {x-scope-orgid: shop}"
        )
    headers: dict[str, SecretStr] = {}
    problems: list[InitErrorDetails] = []
    for key, raw in value.items():
        name = str(key).lower()
        try:
            _check_header_name(name, headers)
            headers[name] = _header_value(raw)
        except BadValueError as wrong:
            problems.append(found(wrong.type, wrong.message_template, (str(key),)))
    if problems:
        raise ValidationError.from_exception_data("headers", problems)
    return headers


def _check_header_name(name: str, taken: Container[str]) -> None:
    if not _HEADER.fullmatch(name):
        say = f"{name} is not a header name; write letters, digits, and . _ - only"
        raise BadValueError("bad_header_name", say)
    if name.startswith("grpc-") or name.endswith("-bin"):
        say = f"{name} cannot be set: grpc-... belongs to gRPC, and ...-bin is not text; remove it"
        raise BadValueError("reserved_header", say)
    if name in taken:
        raise BadValueError("duplicate_header", f"{name} stands here twice; keep one of them")


def _header_value(raw: object) -> SecretStr:
    secret = parse_secret(raw)
    text = secret.get_secret_value()
    if not (text.isascii() and text.isprintable()):
        say = "this value holds characters that no header can carry; write printable ASCII"
        raise BadValueError("bad_header_value", f"{say} on one line")
    return secret


class Retry(Section):
    """The pauses after a failure that may pass. Nothing is given up: the outbox holds it."""

    HINTS: ClassVar = {
        "multiplier": "each pause is twice the one before it; leave it out",
        "randomization_factor": "pauses vary by half already; leave it out",
    }

    enabled: Flag = Field(
        default=True,
        description="Only true is possible: kept traces are not dropped because a backend is away.",
    )
    initial_interval: Annotated[Duration, lasting("1ms", "1h")] = Field(
        default=timedelta(seconds=1), description="First pause. Default: 1s."
    )
    max_interval: Annotated[Duration, lasting("1ms", "24h")] = Field(
        default=timedelta(seconds=30), description="Longest pause. Default: 30s."
    )
    max_elapsed_time: Annotated[None, PlainValidator(refuse_elapsed)] = Field(
        default=None,
        description="Only null is possible: kept traces wait in the outbox as long as it takes.",
    )

    def contradictions(self) -> Iterator[InitErrorDetails]:
        """Giving up, and a first pause over the longest one."""
        if not self.enabled:
            say = "kept traces wait in the outbox and are sent again; leave it out"
            yield found("cannot_give_up", say, ("enabled",))
        if self.initial_interval > self.max_interval:
            say = (
                f"this is over max_interval ({duration_text(self.max_interval)}); "
                "lower it, or raise max_interval"
            )
            yield found("intervals_reversed", say, ("initial_interval",))


class Rotation(Section):
    """When a file is put aside, with the Collector's names."""

    HINTS: ClassVar = {
        "max_days": "parts are put aside by size alone; write max_megabytes and max_backups",
        "localtime": "parts are numbered, not dated; leave it out",
    }

    max_megabytes: Annotated[Whole, between(1, 1 << 20)] = Field(
        default=100, description="Size at which the file is put aside, in MiB. Default: 100."
    )
    max_backups: Annotated[Whole, between(0, 10_000)] = Field(
        default=5,
        description="Parts put aside and kept, .1 the newest; 0 starts the file over. Default: 5.",
    )


class _Sink(Section):
    """What every exporter has."""

    # Declared here so that a printed exporter begins with them; each type narrows them.
    type: str
    name: str
    max_batch_bytes: Annotated[Size, sized("64KiB", "64MiB")] = Field(
        default=1 << 20,
        description="Largest batch that is put together; a single larger trace goes alone. "
        "Default: 1MiB, well under the 4 MiB that gRPC servers take by default.",
    )
    linger: Annotated[Duration, lasting("0s", "1m")] = Field(
        default=timedelta(milliseconds=200),
        description="How long kept spans wait for company in a batch. Default: 200ms.",
    )
    max_outbox_bytes: Annotated[Size, sized("1MiB", "1024TiB")] | None = Field(
        default=None,
        description="Bytes of the outbox that may be held for this exporter while its backend is "
        "away. At it, what the last policy of the chain kept is given up first, the oldest of it "
        "first, and what the first policy kept last, all as outbox_full. Default: three quarters "
        "of outbox.max_bytes, which all exporters share.",
        examples=["1GiB"],
    )
    max_outbox_age: Annotated[Duration, lasting("1m", "8760h")] | None = Field(
        default=None,
        description="How long kept spans are held for this exporter; older ones are given up as "
        "outbox_expired, whichever policy kept them. Default: as long as there is room.",
        examples=["24h"],
    )
    drain_share: Annotated[float, PlainValidator(parse_number), between(0, 1)] = Field(
        default=0.5,
        description="Part of what is sent that spans older than 10 s may have while newer ones "
        "wait, so that a backend that is back gets live traffic first. Default: 0.5.",
    )


class LocalExporter(_Sink):
    """Kept spans in the local trace store, where the pages and Tempo's read API find them."""

    HINTS: ClassVar = {
        "max_age": "write it inside of retention:",
        "max_bytes": "write it inside of retention:",
    }
    FILE: ClassVar = "traces.sqlite"
    """The file in the data directory, where no path is given."""

    type: Annotated[Literal["local"], one_of("local")] = Field(
        default="local", description="local.", examples=["local"]
    )
    name: Annotated[str, PlainValidator(parse_name)] = Field(
        default="local", description="Name in metrics and in the ledger. Default: local."
    )
    path: FilePath | None = Field(
        default=None,
        description="The SQLite file. Default: traces.sqlite in data_directory.",
    )
    retention: Retention = Field(default=Retention(), description="When traces are removed.")
    indexed_attributes: Attributes = Field(
        default=INDEXED,
        description="Attributes of spans and resources by which traces are found without being "
        "read, beside service, names, kind, status and policy; a search by others takes longer. "
        "Default: http.route, http.response.status_code, rpc.service, db.system.name, "
        "messaging.destination.name, deployment.environment.name, k8s.namespace.name, error.type "
        "and their like.",
        examples=["[http.route, tenant]"],
    )
    max_trace_bytes: Annotated[Size, sized("64KiB", "256MiB")] = Field(
        default=32 << 20,
        description="Largest trace that is stored; what comes beyond is rejected and counted. "
        "Default: 32MiB.",
    )


class FileExporter(_Sink):
    """Kept spans as OTLP JSON, one request a line: what the Collector's file exporter writes."""

    FILE: ClassVar = "kept-traces.jsonl"
    """The file in the data directory, where no path is given."""

    type: Annotated[Literal["file"], one_of("file")] = Field(
        default="file", description="file.", examples=["file"]
    )
    name: Annotated[str, PlainValidator(parse_name)] = Field(
        default="file", description="Name in metrics and in the ledger. Default: file."
    )
    path: FilePath | None = Field(
        default=None,
        description="File that is appended to. Default: kept-traces.jsonl in data_directory.",
    )
    rotation: Rotation = Field(default=Rotation(), description="When the file is put aside.")


class OtlpGrpcExporter(_Sink):
    """Kept spans to an OTLP/gRPC backend: Tempo, Jaeger, a Collector."""

    HINTS: ClassVar = {
        "sending_queue": "the outbox on disk is the queue; write outbox.max_bytes, in_flight and "
        "max_batch_bytes",
        "auth": "authentication extensions are not in this version; write headers",
        "url": "write endpoint: host:port",
        "num_consumers": "write in_flight",
    }

    type: Annotated[Literal["otlp_grpc"], one_of("otlp_grpc")] = Field(
        default="otlp_grpc", description="otlp_grpc.", examples=["otlp_grpc"]
    )
    name: Annotated[str, PlainValidator(parse_name)] = Field(
        default="otlp_grpc", description="Name in metrics and in the ledger. Default: otlp_grpc."
    )
    endpoint: TargetEndpoint = Field(
        description="The backend's host:port.", examples=["tempo:4317"]
    )
    tls: ClientTls = Field(default=ClientTls(), description="TLS. Default: on, verified.")
    headers: Annotated[dict[str, Secret], PlainValidator(parse_headers)] = Field(
        default={},
        description="Sent with each request; never printed. Default: none.",
        examples=["{x-scope-orgid: shop}"],
    )
    tenant_header: Annotated[str, PlainValidator(parse_header_name)] | None = Field(
        default=None,
        description="Header that names the tenant whose traces a request holds, for example "
        "x-scope-orgid; no request then holds traces of two, so that many tenants make small "
        "requests. A trace is of the tenant that sent its first span, whoever adds to it. Those "
        "of no known tenant are those of `default`, or of what headers says for this name. "
        "Default: none.",
        examples=["x-scope-orgid"],
    )
    compression: Annotated[
        Literal["none", "gzip", "deflate"], one_of("none", "gzip", "deflate")
    ] = Field(
        default="none",
        description="none, gzip or deflate, which are those that grpcio has. Default: none, "
        "which costs the least CPU; write gzip where the network costs more.",
    )
    timeout: Annotated[Duration, lasting("1ms", "10m")] = Field(
        default=timedelta(seconds=5), description="Bound of one attempt. Default: 5s."
    )
    in_flight: Annotated[Whole, between(1, 256)] = Field(
        default=4, description="Requests under way at once. Default: 4."
    )
    retry_on_failure: Retry = Field(
        default=Retry(), description="What happens after a failure that may pass."
    )


Exporter = LocalExporter | FileExporter | OtlpGrpcExporter
EXPORTERS: dict[str, type[LocalExporter | FileExporter | OtlpGrpcExporter]] = {
    "local": LocalExporter,
    "file": FileExporter,
    "otlp_grpc": OtlpGrpcExporter,
}


def parse_exporter(value: object) -> Exporter:
    """One entry of ``export``, by its ``type``."""
    if isinstance(value, LocalExporter | FileExporter | OtlpGrpcExporter):
        return value
    form = "write - {type: local}, or - {type: otlp_grpc, endpoint: tempo:4317}"
    if not isinstance(value, dict):
        raise BadValueError("not_an_exporter", f"{shown(value)} is not an exporter; {form}")
    if "type" not in value:
        raise BadValueError("exporter_without_type", f"type is missing; {form}")
    kind = value["type"]
    if isinstance(kind, str) and kind in EXPORTERS:
        return EXPORTERS[kind].model_validate(value)
    if isinstance(kind, str) and kind in _LATER:
        raise BadValueError("exporter_not_supported", f"{kind} is not known here; {_LATER[kind]}")
    meant = did_you_mean(kind, EXPORTERS) if isinstance(kind, str) else None
    hint = f"did you mean {meant}?" if meant else f"write one of {', '.join(EXPORTERS)}"
    raise BadValueError("unknown_exporter", f"there is no exporter of type {shown(kind)}; {hint}")


def parse_export(value: object) -> object:
    """A list that is not empty."""
    if isinstance(value, list | tuple) and value:
        return value
    if value is None or isinstance(value, list | tuple):
        say = "there is no exporter, so kept traces would have nowhere to go; write - {type: local}"
        raise BadValueError("no_exporter", say)
    raise BadValueError("not_a_list", "export is a list; write export: [{type: local}]")
