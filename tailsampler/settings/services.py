"""The listeners for people and programs beside the spans: admin, control, telemetry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic_core import InitErrorDetails

from tailsampler.settings.auth import Auth, unprotected
from tailsampler.settings.base import Section, found
from tailsampler.settings.endpoint import Endpoint, ListenEndpoint
from tailsampler.settings.tls import ServerTls
from tailsampler.settings.units import Duration, lasting
from tailsampler.settings.values import Flag, one_of


class Admin(Section):
    """Pages and the JSON API."""

    enabled: Flag = Field(default=True, description="Serve it. Default: true.")
    endpoint: ListenEndpoint = Field(
        default=Endpoint("127.0.0.1", 7317),
        description="Address to listen on; one that is not loopback needs auth.tokens or "
        "tls.client_ca_file. Default: 127.0.0.1:7317.",
    )
    tls: ServerTls | None = Field(default=None, description="TLS. Default: none, plain text.")
    auth: Auth = Field(
        default=Auth(), description="Who may read and who may operate; of `control`, too."
    )

    def contradictions(self) -> Iterator[InitErrorDetails]:
        """An address for everybody."""
        say = unprotected(self.endpoint, self.auth, self.tls)
        if self.enabled and say:
            yield found("listener_without_authentication", say, ("endpoint",))


class Control(Section):
    """The gRPC control service."""

    HINTS: ClassVar = {"auth": "the tokens of admin.auth hold here, too; write them there"}

    enabled: Flag = Field(default=True, description="Serve it. Default: true.")
    endpoint: ListenEndpoint = Field(
        default=Endpoint("127.0.0.1", 7318),
        description="Address to listen on; one that is not loopback needs admin.auth.tokens or "
        "tls.client_ca_file. Default: 127.0.0.1:7318.",
    )
    tls: ServerTls | None = Field(default=None, description="TLS. Default: none, plain text.")


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
        description="Address of /healthz, /livez, /readyz and /metrics. Default: 127.0.0.1:13133; "
        "write 0.0.0.0:13133 where a kubelet or a Prometheus must reach it.",
    )
    tls: ServerTls | None = Field(default=None, description="TLS. Default: none, plain text.")
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
