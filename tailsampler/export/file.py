"""Append requests to a file as OTLP JSON, one request a line, as the Collector's file exporter."""

import asyncio
import base64
import json
import os
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from grpc import StatusCode

from tailsampler.export.retry import Accepted, Failed


@dataclass(slots=True, kw_only=True)
class OtlpJsonFile:
    """A file and its older parts (``name.1`` is the newest of them).

    One writer: two exporters on the same path would tear each other's lines.
    """

    path: Path
    max_bytes: int | None = None
    """The file is put aside before a line would take it past this; None: it grows."""
    backups: int = 5
    """Parts put aside and kept; the oldest beyond that is overwritten. 0 starts the file over."""
    _file: FileIO | None = None
    _busy: asyncio.Lock | None = None

    async def send(self, payload: bytes, _tenant: str | None = None) -> Accepted | Failed:
        """Append one request and have it on the disk before saying so."""
        if self._busy is None:
            self._busy = asyncio.Lock()
        async with self._busy:
            try:
                await asyncio.to_thread(self._append, payload)
            except OSError as error:
                return Failed(StatusCode.UNAVAILABLE, f"cannot write {self.path}: {error}")
        return Accepted()

    async def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _append(self, payload: bytes) -> None:
        line = to_json_line(payload)
        file = self._file or self._open()
        size = os.fstat(file.fileno()).st_size
        if self.max_bytes and size and size + len(line) > self.max_bytes:
            file = self._rotate()
            size = 0
        try:
            written = 0
            while written < len(line):
                written += file.write(line[written:]) or 0
            os.fsync(file.fileno())
        except OSError:
            # The request will be sent again; half a line would make the file unreadable.
            file.truncate(size)
            raise

    def _open(self) -> FileIO:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Kept spans hold data about people: whoever else shall read a new file is let in by hand.
        self._file = file = FileIO(
            self.path, "a+", opener=lambda path, flags: os.open(path, flags, 0o600)
        )
        size = os.fstat(file.fileno()).st_size
        if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
            # A crash tore the last line. Its request is sent again, on a line of its own.
            file.write(b"\n")
        return file

    def _rotate(self) -> FileIO:
        if self._file is not None:
            self._file.close()
            self._file = None
        for number in range(self.backups - 1, 0, -1):
            part = self._part(number)
            if part.exists():
                part.replace(self._part(number + 1))
        if self.backups:
            self.path.replace(self._part(1))
        else:
            self.path.unlink()
        return self._open()

    def _part(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


def to_json_line(payload: bytes) -> bytes:
    """Render a request by OTLP's JSON mapping (hex ids, enums as numbers), newline included."""
    # Both are slow to import, and only needed where a file is written.
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415
        ExportTraceServiceRequest,
    )

    request: dict[str, Any] = MessageToDict(
        ExportTraceServiceRequest.FromString(payload), use_integers_for_enums=True
    )
    for resource in request.get("resourceSpans", ()):
        for scope in resource.get("scopeSpans", ()):
            for span in scope.get("spans", ()):
                _ids_to_hex(span)
                for link in span.get("links", ()):
                    _ids_to_hex(link)
    return json.dumps(request, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _ids_to_hex(owner: dict[str, Any]) -> None:
    # Protobuf's own JSON mapping writes bytes in base64; OTLP makes an exception for ids.
    for key in ("traceId", "spanId", "parentSpanId"):
        if key in owner:
            owner[key] = base64.b64decode(owner[key]).hex()
