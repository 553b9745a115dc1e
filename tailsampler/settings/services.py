"""The listeners for people and programs beside the spans: admin, control, telemetry."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tailsampler.settings.base import Section
from tailsampler.settings.endpoint import Endpoint, ListenEndpoint, PrivateEndpoint
from tailsampler.settings.units import Duration, lasting
from tailsampler.settings.values import Flag, one_of

_AUTH = {"auth": "authentication is not in this version; listen on loopback"}


class Admin(Section):
    """Pages and the JSON API."""

    HINTS: ClassVar = _AUTH

    enabled: Flag = Field(default=True, description="Serve it. Default: true.")
    endpoint: PrivateEndpoint = Field(
        default=Endpoint("127.0.0.1", 7317),
        description="Address to listen on, loopback only as long as there is no authentication. "
        "Default: 127.0.0.1:7317.",
    )


class Control(Section):
    """The gRPC control service."""

    HINTS: ClassVar = _AUTH

    enabled: Flag = Field(default=True, description="Serve it. Default: true.")
    endpoint: PrivateEndpoint = Field(
        default=Endpoint("127.0.0.1", 7318),
        description="Address to listen on, loopback only as long as there is no authentication. "
        "Default: 127.0.0.1:7318.",
    )


class Logs(Section):
    """What the program says about itself."""

    level: Annotated[
        Literal["debug", "info", "warn", "error"], one_of("debug", "info", "warn", "error")
    ] = Field(default="info", description="Least level that is written. Default: info.")
    encoding: Annotated[Literal["console", "json"], one_of("console", "json")] = Field(
        default="console",
        description="console for people, json for programs. Default: console.",
    )


class Telemetry(Section):
    """Health and metrics: no secrets, no authentication."""

    enabled: Flag = Field(default=True, description="Serve it. Default: true.")
    endpoint: ListenEndpoint = Field(
        default=Endpoint("127.0.0.1", 13133),
        description="Address of /healthz, /readyz and /metrics. Default: 127.0.0.1:13133; "
        "write 0.0.0.0:13133 where a kubelet or a Prometheus must reach it.",
    )
    logs: Logs = Field(default=Logs(), description="What is written to standard error.")


class Shutdown(Section):
    """What SIGTERM does, and how long it may take. What is held at the end stays on disk."""

    mode: Annotated[Literal["keep", "drain"], one_of("keep", "drain")] = Field(
        default="keep",
        description="keep: leave held traces in data_directory, where the next start goes on with "
        "them. drain: judge them now on what arrived (early_shutdown) and export what is kept, for "
        "a directory that does not outlive the process. Default: keep.",
    )
    doors_within: Annotated[Duration, lasting("0s", "10m")] = Field(
        default=timedelta(seconds=5),
        description="Time for requests under way to finish. Default: 5s.",
    )
    export_within: Annotated[Duration, lasting("0s", "10m")] = Field(
        default=timedelta(seconds=10),
        description="Time for exporters to send what the outbox holds; with mode drain, for "
        "judging and sending everything that is held. Default: 10s.",
    )
