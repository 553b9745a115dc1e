"""The whole configuration. Its sections stand in the order in which a span meets them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field
from pydantic_core import InitErrorDetails

from tailsampler.decide.dialects import read_sampling
from tailsampler.decide.dialects.contrib.block import TailSampling
from tailsampler.decide.dialects.contrib.compat import Compat
from tailsampler.decide.dialects.contrib.component import Component
from tailsampler.decide.dialects.contrib.gates import DEFAULT_GATES, FeatureGates
from tailsampler.settings.auth import unprotected
from tailsampler.settings.base import Loc, Section, found
from tailsampler.settings.buffer import Buffer
from tailsampler.settings.endpoint import Endpoint
from tailsampler.settings.export import (
    Exporter,
    FileExporter,
    LocalExporter,
    parse_export,
    parse_exporter,
)
from tailsampler.settings.memory import Decisions, Late, Outbox
from tailsampler.settings.passing import PassThrough, pass_through_problems
from tailsampler.settings.peers import Peers
from tailsampler.settings.receive import Receive
from tailsampler.settings.sampling import Sampling
from tailsampler.settings.services import Admin, Control, Shutdown, Telemetry
from tailsampler.settings.values import FilePath

_COLLECTOR = "this is not a Collector's configuration; write "


class Settings(Section):
    """Everything that can be set. All of it has defaults: ``Settings()`` runs."""

    HINTS: ClassVar = {
        "receivers": _COLLECTOR + "receive: {otlp_grpc: {endpoint: ...}}",
        "exporters": _COLLECTOR + "export: [{type: otlp_grpc, endpoint: ...}]",
        "processors": _COLLECTOR + "sampling: {policies: [...]}",
        "extensions": _COLLECTOR + "telemetry: {endpoint: ...} for health",
        "service": _COLLECTOR + "receive, sampling and export; there are no pipelines",
        "policies": "write it inside of sampling:",
        "decision_wait": "write it inside of sampling:",
    }

    data_directory: FilePath = Field(
        default=Path("data"),
        description="Where the buffer log, the outbox and the verdicts stand; one gateway a "
        "directory. Default: ./data.",
    )
    receive: Receive = Field(default=Receive(), description="Where spans come in.")
    buffer: Buffer = Field(default=Buffer(), description="Where undecided spans are held.")
    sampling: Annotated[Sampling, BeforeValidator(read_sampling)] = Field(
        default=Sampling(), description="Which traces are kept. Default: the standard chain."
    )
    tail_sampling: TailSampling | None = Field(
        default=None,
        description="Instead of sampling: the block of a Collector's processor, as it stands "
        "there. Default: null.",
        examples=["{policies: [{name: all, type: always_sample}]}"],
    )
    compat: Compat | None = Field(
        default=None,
        description="The version of contrib whose verdicts tail_sampling gives, where versions "
        "differ. Default: null, the newest that is known.",
        examples=['"0.155"'],
    )
    compat_telemetry: Component = Field(
        default=False,
        description="Offer contrib's metrics beside ours, by contrib's names: true, or the name of "
        "the processor that tail_sampling is the block of. Default: false.",
        examples=["tail_sampling/edge"],
    )
    feature_gates: FeatureGates = Field(
        default=DEFAULT_GATES,
        description="Feature gates of contrib's processor that are on (usetracestate, "
        "recordpolicy) or off (-disableinvertdecisions). Default: [].",
        examples=["[recordpolicy]"],
    )
    late: Late = Field(default=Late(), description="The verdicts that late spans follow.")
    decisions: Decisions = Field(default=Decisions(), description="The verdict log.")
    outbox: Outbox = Field(default=Outbox(), description="Kept spans that wait for exporters.")
    export: Annotated[
        tuple[Annotated[Exporter, BeforeValidator(parse_exporter)], ...],
        BeforeValidator(parse_export),
    ] = Field(
        default=(LocalExporter(),),
        description="Where kept spans go; the first is the primary, whose books the headline "
        "of the ledger follows. Default: [{type: local}].",
    )
    pass_through: tuple[PassThrough, ...] = Field(
        default=(),
        description="Where logs and metrics go, as they came. Default: nowhere, they are refused.",
        examples=["[{name: loki, signals: [logs], endpoint: loki:4317}]"],
    )
    admin: Admin = Field(default=Admin(), description="Pages and the JSON API.")
    control: Control = Field(default=Control(), description="The gRPC control service.")
    peers: Peers = Field(
        default=Peers(), description="The other gateways of a tier. Default: there are none."
    )
    telemetry: Telemetry = Field(default=Telemetry(), description="Health, metrics and logs.")
    shutdown: Shutdown = Field(default=Shutdown(), description="What SIGTERM does.")

    def contradictions(self) -> Iterator[InitErrorDetails]:
        """Names and addresses that are taken twice, and a control service for everybody."""
        if self.tail_sampling is not None and "sampling" in self.model_fields_set:
            both = "sampling: stands in this file, too, and one of them can judge; leave one out"
            yield found("two_chains", both, ("tail_sampling",))
        if self.compat is not None and self.tail_sampling is None:
            alone = "only a tail_sampling: block is judged as a version of contrib; leave it out"
            yield found("compat_without_block", alone, ("compat",))
        gated = self.feature_gates != DEFAULT_GATES
        for key, written in ("compat_telemetry", self.compat_telemetry), ("feature_gates", gated):
            if written and self.tail_sampling is None:
                alone = "it is about a tail_sampling: block, and there is none; leave it out"
                yield found("compat_without_block", alone, (key,))
        yield from self._exporter_clashes()
        yield from pass_through_problems(self.pass_through)
        say = unprotected(self.control.endpoint, self.admin.auth, self.control.tls)
        if self.control.enabled and say:
            yield found("listener_without_authentication", say, ("control", "endpoint"))
        if self.peers.enabled and not self.control.enabled:
            say = "the others tell this gateway by its control service; write enabled: true"
            yield found("peers_without_control", say, ("control", "enabled"))
        taken: dict[Endpoint, str] = {}
        for where, endpoint in self.listeners():
            name = ".".join(str(part) for part in where)
            clash = next((taken[other] for other in taken if _clash(endpoint, other)), None)
            if clash:
                say = f"{endpoint} is taken by {clash}; write another port"
                yield found("address_taken", say, (*where, "endpoint"))
            taken.setdefault(endpoint, name)

    def _exporter_clashes(self) -> Iterator[InitErrorDetails]:
        names: dict[str, int] = {}
        paths: dict[Path, str] = {}
        stores: dict[str, str] = {}
        for index, exporter in enumerate(self.export):
            if exporter.name in names:
                say = (
                    f"exporter {names[exporter.name]} is called {exporter.name}, too; "
                    f"write another name:, e.g. {exporter.name}-{index + 1}"
                )
                yield found("duplicate_exporter", say, ("export", index, "name"))
            names.setdefault(exporter.name, index)
            if isinstance(exporter, LocalExporter):
                for other in stores.values():
                    say = f"{other} is the local trace store; there is one, so leave this one out"
                    yield found("second_trace_store", say, ("export", index, "type"))
                stores.setdefault(exporter.type, exporter.name)
            if isinstance(exporter, FileExporter | LocalExporter):
                path = exporter.path or self.data_directory / exporter.FILE
                if path in paths:
                    say = f"exporter {paths[path]} writes this file, too; write another path:"
                    yield found("file_shared", say, ("export", index, "path"))
                paths.setdefault(path, exporter.name)

    def listeners(self) -> Iterator[tuple[Loc, Endpoint]]:
        """Every address that is listened on, by the section that says so."""
        if self.receive.otlp_grpc.enabled:
            yield ("receive", "otlp_grpc"), self.receive.otlp_grpc.endpoint
        if self.receive.otlp_http.enabled:
            yield ("receive", "otlp_http"), self.receive.otlp_http.endpoint
        if self.admin.enabled:
            yield ("admin",), self.admin.endpoint
        if self.control.enabled:
            yield ("control",), self.control.endpoint
        if self.telemetry.enabled:
            yield ("telemetry",), self.telemetry.endpoint

    def encrypted(self) -> frozenset[str]:
        """The listeners that speak TLS, by the last part of their section's name."""
        found = {
            "otlp_grpc": self.receive.otlp_grpc.tls,
            "otlp_http": self.receive.otlp_http.tls,
            "admin": self.admin.tls,
            "control": self.control.tls,
            "telemetry": self.telemetry.tls,
        }
        return frozenset(name for name, tls in found.items() if tls is not None)


def _clash(one: Endpoint, other: Endpoint) -> bool:
    """Whether both cannot be listened on; port 0 is any free one."""
    everywhere = {"0.0.0.0", "::"}  # noqa: S104 - compared with, not listened on
    same_host = one.host == other.host or bool({one.host, other.host} & everywhere)
    return one.port != 0 and one.port == other.port and same_host
