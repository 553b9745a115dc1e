"""Ask each backend whether it takes traces, by a request without any."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from tailsampler.doctor.facts import Backend
from tailsampler.export.otlp_grpc import OtlpGrpc, Tls
from tailsampler.export.retry import Accepted
from tailsampler.settings.export import OtlpGrpcExporter

LONGEST: Final = timedelta(seconds=5)
EMPTY: Final = b""
"""An ``ExportTraceServiceRequest`` without spans, as protobuf spells it."""
HIDDEN: Final = "hidden-by-the-gateway-"
"""How each secret begins that a gateway did not tell; fit to stand where a token must."""


async def probe(exporters: Sequence[OtlpGrpcExporter]) -> tuple[Backend, ...]:
    """Ask all of them at once, each for five seconds or its own timeout, whichever is less."""
    return tuple(await asyncio.gather(*(_probe(exporter) for exporter in exporters)))


async def _probe(exporter: OtlpGrpcExporter) -> Backend:
    def told(code: str | None, words: str = "") -> Backend:
        return Backend(
            exporter=exporter.name,
            endpoint=str(exporter.endpoint),
            tls=not exporter.tls.insecure,
            code=code,
            words=words,
        )

    headers = [(key, value.get_secret_value()) for key, value in exporter.headers.items()]
    if any(value.startswith(HIDDEN) for _, value in headers):
        return told(None, "the gateway does not tell its headers; name the file with --config")
    try:
        tls = None if exporter.tls.insecure else _tls(exporter)
    except OSError as error:
        return told("TLS_FILE", f"{error.filename} cannot be read ({error.strerror})")
    transport = OtlpGrpc(
        endpoint=str(exporter.endpoint),
        tls=tls,
        headers=tuple(headers),
        timeout_s=min(exporter.timeout, LONGEST).total_seconds(),
    )
    try:
        answer = await transport.send(EMPTY)
    finally:
        await transport.close()
    if isinstance(answer, Accepted):
        return told("OK", answer.message)
    return told(answer.code.name, answer.message[:400])


def _tls(exporter: OtlpGrpcExporter) -> Tls:
    def read(path: Path | None) -> bytes | None:
        return None if path is None else path.read_bytes()

    tls = exporter.tls
    return Tls(
        ca=read(tls.ca_file),
        key=read(tls.key_file),
        cert=read(tls.cert_file),
        server_name=tls.server_name_override,
    )
