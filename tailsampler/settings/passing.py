"""Where signals go that are not sampled: logs and metrics, as they came."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, PlainValidator
from pydantic_core import InitErrorDetails

from tailsampler.settings.base import BadValueError, Section, found
from tailsampler.settings.endpoint import TargetEndpoint
from tailsampler.settings.export import parse_headers, parse_name
from tailsampler.settings.tls import ClientTls
from tailsampler.settings.units import Duration, lasting
from tailsampler.settings.values import Secret, Whole, between, one_of, shown

Signal = Literal["logs", "metrics"]


def _signals(value: object) -> object:
    if value == "traces" or (isinstance(value, list | tuple) and "traces" in value):
        say = "traces are sampled here, and kept ones go to export; write [logs, metrics]"
        raise BadValueError("traces_are_sampled", say)
    if isinstance(value, list | tuple) and not value:
        raise BadValueError("no_signal", "nothing is passed on; write [logs, metrics]")
    return (value,) if isinstance(value, str) else value


class PassThrough(Section):
    """A backend for logs, metrics or both. Their bytes are not touched, and nothing is stored."""

    HINTS: ClassVar = {
        "type": "what is passed on goes by OTLP/gRPC; leave it out",
        "retry_on_failure": "nothing is stored, so the sender tries again; leave it out",
        "max_outbox_bytes": "nothing is stored; write receive: {pass_through_bytes: 32MiB}",
    }

    name: Annotated[str, PlainValidator(parse_name)] = Field(
        description="Its name in the log.", examples=["loki"]
    )
    signals: Annotated[
        tuple[Annotated[Signal, one_of("logs", "metrics")], ...], BeforeValidator(_signals)
    ] = Field(description="logs, metrics, or both.", examples=["[logs, metrics]"])
    endpoint: TargetEndpoint = Field(
        description="The backend's host:port.", examples=["collector:4317"]
    )
    tls: ClientTls = Field(default=ClientTls(), description="TLS. Default: on, verified.")
    headers: Annotated[dict[str, Secret], PlainValidator(parse_headers)] = Field(
        default={},
        description="Sent with each request; never printed. Default: none.",
        examples=["{x-scope-orgid: shop}"],
    )
    compression: Annotated[
        Literal["none", "gzip", "deflate"], one_of("none", "gzip", "deflate")
    ] = Field(default="none", description="none, gzip or deflate. Default: none.")
    timeout: Annotated[Duration, lasting("1ms", "1m")] = Field(
        default=timedelta(seconds=5),
        description="How long the backend may take; the sender waits for it. Default: 5s.",
    )
    in_flight: Annotated[Whole, between(1, 256)] = Field(
        default=16, description="Requests under way at once, of each signal. Default: 16."
    )


def pass_through_problems(targets: tuple[PassThrough, ...]) -> Iterator[InitErrorDetails]:
    """A signal that would go to two backends."""
    taken: dict[str, str] = {}
    for index, target in enumerate(targets):
        for signal in target.signals:
            if signal in taken:
                say = f"{shown(signal)} go to {taken[signal]} already; name them once"
                yield found("signal_taken", say, ("pass_through", index, "signals"))
            taken.setdefault(signal, target.name)
