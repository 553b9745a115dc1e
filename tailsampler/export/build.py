"""From the settings of ``export`` to its exporters."""

import asyncio
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from tailsampler.access.certificates import Certificates
from tailsampler.errors import Place, StartError
from tailsampler.export.bisect import Split
from tailsampler.export.exporter import Exporter, Pace, Transport
from tailsampler.export.local import LocalStore, Store
from tailsampler.export.otlp_grpc import OtlpGrpc, Tls
from tailsampler.export.passing import Passing, Relay
from tailsampler.export.retry import Backoff
from tailsampler.export.stage import ExportStage
from tailsampler.export.taken import Outbox
from tailsampler.settings.export import Exporter as ExporterSettings
from tailsampler.settings.export import FileExporter, LocalExporter, OtlpGrpcExporter, Retry
from tailsampler.settings.passing import PassThrough
from tailsampler.settings.tls import ClientTls
from tailsampler.telemetry.contained import Contained

OpenStore = Callable[[LocalExporter, Path], Store]
"""Opens the local trace store, by its settings and its file; stages do not know how."""


def build_stage(  # noqa: PLR0913, PLR0917 - what exporters need of the gateway
    settings: Sequence[ExporterSettings],
    outbox: Outbox,
    split: Split,
    contained: Contained,
    data_directory: Path,
    open_store: OpenStore,
    certificates: Certificates | None = None,
    pass_through: Sequence[PassThrough] = (),
    relay: Relay | None = None,
) -> ExportStage:
    """Make the exporters; ``contained`` is told of their own failures, and has the clock.

    ``certificates`` sees to it that those who use TLS take up files that change.

    Raises ``StartError`` for a TLS file that cannot be read, and what ``open_store`` raises.
    """
    clock = contained.clock

    def transport(one: ExporterSettings) -> Transport:
        if isinstance(one, LocalExporter):
            store = open_store(one, one.path or data_directory / one.FILE)
            return LocalStore(store, clock, contained)
        if isinstance(one, OtlpGrpcExporter):
            return _otlp_grpc(one, certificates)
        return _file(one, data_directory)

    def exporter(one: ExporterSettings) -> Exporter:
        return _exporter(one, outbox, transport(one), split, contained)

    passing = [
        Passing(
            signal=signal,
            name=one.name,
            relay=relay,
            transport=_otlp_grpc(one, certificates, signal),
            contained=contained,
            in_flight=one.in_flight,
        )
        for one in pass_through
        for signal in one.signals
        if relay is not None
    ]
    return ExportStage([exporter(one) for one in settings], clock, contained, passing)


def _exporter(
    settings: ExporterSettings,
    outbox: Outbox,
    transport: Transport,
    split: Split,
    contained: Contained,
) -> Exporter:
    linger_ms = round(settings.linger.total_seconds() * 1000)
    if isinstance(settings, OtlpGrpcExporter):
        in_flight, backoff = settings.in_flight, _backoff(settings.retry_on_failure)
    else:
        in_flight, backoff = 1, Backoff()  # one file, one writer
    return Exporter(
        name=settings.name,
        outbox=outbox,
        transport=transport,
        split=split,
        clock=contained.clock,
        contained=contained,
        random=random.random,  # spreads retries; guards nothing
        executor=ThreadPoolExecutor(1, thread_name_prefix=f"take {settings.name}"),
        pace=Pace(max_bytes=settings.max_batch_bytes, linger_ms=linger_ms, in_flight=in_flight),
        backoff=backoff,
    )


def _backoff(retry: Retry) -> Backoff:
    return Backoff(
        first_s=retry.initial_interval.total_seconds(),
        longest_s=retry.max_interval.total_seconds(),
    )


def _file(settings: FileExporter, data_directory: Path) -> Transport:
    from tailsampler.export.file import OtlpJsonFile  # noqa: PLC0415 - slow to import

    return OtlpJsonFile(
        path=settings.path or data_directory / settings.FILE,
        max_bytes=settings.rotation.max_megabytes << 20,
        backups=settings.rotation.max_backups,
    )


def _otlp_grpc(
    settings: OtlpGrpcExporter | PassThrough,
    certificates: Certificates | None,
    signal: Literal["traces", "logs", "metrics"] = "traces",
) -> Transport:
    tls = settings.tls

    async def renew() -> None:
        await made.renew(await asyncio.to_thread(_tls, settings))

    if certificates is not None and not tls.insecure:
        # Before they are read, so that no change is missed.
        files = (tls.ca_file, tls.cert_file, tls.key_file)
        user = f"exporter {settings.name}" + ("" if signal == "traces" else f" ({signal})")
        interval_s = tls.reload_interval.total_seconds()
        certificates.watch(user, files, tls.cert_file, interval_s, renew)
    made = OtlpGrpc(
        endpoint=str(settings.endpoint),
        tls=_tls(settings),
        headers=tuple((key, value.get_secret_value()) for key, value in settings.headers.items()),
        tenant_header=settings.tenant_header if isinstance(settings, OtlpGrpcExporter) else None,
        compression=settings.compression,
        timeout_s=settings.timeout.total_seconds(),
        signal=signal,
    )
    return made


def _tls(settings: OtlpGrpcExporter | PassThrough) -> Tls | None:
    tls = settings.tls
    return None if tls.insecure else read_tls(tls, f"export.{settings.name}.tls")


def read_tls(tls: ClientTls, key: str) -> Tls:
    """The files of a client; ``key`` is where they are set. Raises ``StartError``."""
    return Tls(
        ca=_pem(tls.ca_file, key),
        key=_pem(tls.key_file, key),
        cert=_pem(tls.cert_file, key),
        server_name=tls.server_name_override,
    )


def _pem(path: Path | None, key: str) -> bytes | None:
    try:
        return None if path is None else path.read_bytes()
    except OSError as error:
        raise StartError(
            "tls_file_unreadable",
            f"{path} cannot be read ({error.strerror}); name a PEM file this user may read",
            Place(key=key),
        ) from error
