"""What ``tailsampler check`` says about settings that can be used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta

from tailsampler.decide.chosen import doubts_of, how_of, remarks_of, sentences_of, what_of
from tailsampler.decide.policy import conditions
from tailsampler.decide.sentences import waiting
from tailsampler.decide.threshold import th, threshold
from tailsampler.settings.buffer import loss_window
from tailsampler.settings.export import LocalExporter, OtlpGrpcExporter
from tailsampler.settings.receive import OtlpGrpc, OtlpHttp
from tailsampler.settings.root import Settings
from tailsampler.settings.services import Admin, Control, Shutdown
from tailsampler.settings.units import duration_text, size_text

_GRPC_DEFAULT_LIMIT = 4 << 20


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One policy, in words and numbers."""

    name: str
    conditions: tuple[str, ...]
    sample_rate: float
    """Of the traces that it decides."""
    threshold: str | None
    """``ot=th`` of its kept spans; None where it keeps nothing, or says nothing of probability."""
    decision_wait: str


@dataclass(frozen=True, slots=True)
class Report:
    """The chain, what may be lost, and what may not be meant."""

    chain: tuple[PolicyRow, ...]
    how: str
    """How policies come to a verdict."""
    sentences: tuple[str, ...]
    """The chain once more, one sentence a policy."""
    waits: str
    """How long traces are held."""
    exporters: tuple[str, ...]
    loss_window: str
    """What may be lost when the process dies or the power goes, in one sentence."""
    shutdown: str
    """What SIGTERM does with what is held."""
    remarks: tuple[str, ...]
    """What is read and has no effect here."""
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Plain data."""
        return asdict(self)


def report(
    settings: Settings, *, in_memory: bool = False, on_this_machine: str | None = None
) -> Report:
    """Look at settings that were read without an error.

    ``in_memory``: the data directory stands on a file system in memory, see ``filesystem.py``.
    ``on_this_machine``: what is wrong with them here and perhaps not elsewhere, see ``fit.py``.
    """
    said = sentences_of(settings)
    sampling = settings.sampling
    if settings.tail_sampling is None:
        waits = waiting(sampling.decision_wait, sampling.decision_wait_after_root_received)
    else:
        waits, said = said[0], said[1:]
    return Report(
        chain=tuple(rows(settings)),
        how=how_of(settings),
        sentences=said,
        waits=waits,
        remarks=remarks_of(settings),
        exporters=tuple(_exporters(settings)),
        loss_window=loss_window(settings.buffer.fsync),
        shutdown=_shutdown(settings.shutdown),
        warnings=(
            *_warnings(settings),
            *_memory_warnings(settings, in_memory=in_memory),
            *((on_this_machine,) if on_this_machine else ()),
        ),
    )


def rows(settings: Settings) -> Iterator[PolicyRow]:
    """A row a policy, in their order."""
    sampling, block = settings.sampling, settings.tail_sampling
    if block is None:
        for policy in sampling.policies:
            yield PolicyRow(
                name=policy.name,
                conditions=tuple(conditions(policy)),
                sample_rate=policy.sample_rate,
                threshold=th(threshold(policy.sample_rate)),
                decision_wait=duration_text(policy.decision_wait or sampling.decision_wait),
            )
        return
    for voter in block.policies:
        yield PolicyRow(
            name=voter.name,
            conditions=(what_of(voter, settings.compat),),
            sample_rate=0.0 if voter.type == "drop" else 1.0,
            threshold=None,
            decision_wait=duration_text(timedelta(seconds=block.wait_s)),
        )


def _shutdown(shutdown: Shutdown) -> str:
    within = duration_text(shutdown.export_within)
    if shutdown.mode == "drain":
        return (
            "shutdown drain: at SIGTERM everything that is held is judged at once, on what "
            f"arrived, and exporters have {within} to send what is kept; what they have not sent "
            "by then stays in data_directory."
        )
    return (
        f"shutdown keep: at SIGTERM exporters have {within} to send what is kept; what is held "
        "stays in data_directory, and the next start there goes on with it."
    )


def _memory_warnings(settings: Settings, *, in_memory: bool) -> Iterator[str]:
    if in_memory and settings.shutdown.mode == "keep":
        yield (
            f"data_directory {settings.data_directory} is on a file system in memory: what is held "
            "goes with the machine or the pod, also at a rollout; write shutdown: {mode: drain}, "
            "or name a directory on a disk"
        )


def _exporters(settings: Settings) -> Iterator[str]:
    for index, exporter in enumerate(settings.export):
        if isinstance(exporter, OtlpGrpcExporter):
            how = "without TLS" if exporter.tls.insecure else "with TLS"
            where = f"OTLP/gRPC to {exporter.endpoint} {how}"
        elif isinstance(exporter, LocalExporter):
            path = exporter.path or settings.data_directory / exporter.FILE
            keeps = exporter.retention
            where = (
                f"the local trace store {path}, "
                f"for {duration_text(keeps.max_age)} or up to {size_text(keeps.max_bytes)}"
            )
        else:
            where = f"OTLP JSON lines to {exporter.path or settings.data_directory / exporter.FILE}"
        yield f"{exporter.name}: {where}{' (primary)' if index == 0 else ''}"


def _warnings(settings: Settings) -> Iterator[str]:
    chosen = settings.model_fields_set & {"sampling", "tail_sampling"}
    if settings.model_fields_set and not chosen:
        yield "sampling is not set, so the standard chain decides; write it down to be sure of it"
    yield from doubts_of(settings)
    for exporter in settings.export:
        if isinstance(exporter, OtlpGrpcExporter) and (
            exporter.max_batch_bytes > _GRPC_DEFAULT_LIMIT
        ):
            yield (
                f"exporter {exporter.name}: max_batch_bytes is over 4MiB, which gRPC servers "
                "refuse unless they are told otherwise"
            )
    doors: tuple[tuple[str, OtlpGrpc | OtlpHttp], ...] = (
        ("otlp_grpc", settings.receive.otlp_grpc),
        ("otlp_http", settings.receive.otlp_http),
    )
    for name, door in doors:
        if door.enabled and door.tls is None and not door.endpoint.is_loopback:
            yield (
                f"receive.{name}: whoever can reach {door.endpoint} can send spans, in plain text; "
                "write tls: there, or keep strangers out by the network"
            )
    yield from _plain_tokens(settings)


def _plain_tokens(settings: Settings) -> Iterator[str]:
    """Tokens that whoever is on the way can read."""
    receive = settings.receive
    operators, senders = settings.admin.auth.tokens, any(one.tokens for one in receive.tenants)
    listeners: tuple[tuple[str, OtlpGrpc | OtlpHttp | Admin | Control, bool], ...] = (
        ("receive.otlp_grpc", receive.otlp_grpc, senders),
        ("receive.otlp_http", receive.otlp_http, senders),
        ("admin", settings.admin, bool(operators)),
        ("control", settings.control, bool(operators)),
    )
    for name, section, tokens in listeners:
        public = section.enabled and not section.endpoint.is_loopback
        if tokens and public and section.tls is None:
            yield (
                f"{name}: tokens come to {section.endpoint} in plain text, and whoever reads one "
                f"on the way has it; write {name}.tls, or put a proxy with TLS on this machine"
            )
