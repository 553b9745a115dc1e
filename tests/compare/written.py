"""Sides as others write them: by protobuf's own JSON mapping, not by ours."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tailsampler.compare.report import Report
from tailsampler.compare.run import Options, compared
from tailsampler.testing.clock import ManualClock
from tailsampler.testing.spans import request, resource, span

_IDS = ("traceId", "spanId", "parentSpanId")


def hexadecimal(value: Any) -> Any:
    """Ids as OTLP/JSON has them, from what protobuf's mapping makes of bytes."""
    if isinstance(value, list):
        return [hexadecimal(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _to_hex(inner) if key in _IDS else hexadecimal(inner) for key, inner in value.items()
    }


def _to_hex(text: str) -> str:
    return b64decode(text).hex()


def line(message: ExportTraceServiceRequest, *, base64: bool = False) -> str:
    """One line of the file exporter."""
    body = MessageToDict(message)
    return json.dumps(body if base64 else hexadecimal(body)) + "\n"


def lines(messages: Iterable[ExportTraceServiceRequest], path: Path, **how: Any) -> Path:
    """A file of JSON lines."""
    path.write_text("".join(line(one, **how) for one in messages))
    return path


def frames(messages: Iterable[ExportTraceServiceRequest], path: Path) -> Path:
    """A file of format: proto."""
    payloads = [one.SerializeToString() for one in messages]
    path.write_bytes(b"".join(len(one).to_bytes(4, "big") + one for one in payloads))
    return path


def kept(traces: Mapping[int, Iterable[int]], *, at_ms: float = 0) -> ExportTraceServiceRequest:
    """Traces by number, each with spans by number; they begin ``at_ms`` after the epoch."""
    spans = [
        span(f"s{number}", trace_id=trace, span_id=number, start_ms=at_ms)
        for trace, numbers in traces.items()
        for number in numbers
    ]
    return request(resource("shop", *spans))


async def report_of(a: Path | str, b: Path | str, **options: Any) -> Report:
    """Both compared, with nothing excused at the edge unless asked for."""
    chosen = {"settle_ns": 0, **options}
    return await compared(Options(sides=(str(a), str(b)), **chosen), ManualClock())


def classes(report: Report) -> dict[tuple[str, str], int]:
    """How many, by class and by who kept them."""
    return {
        (each["class"], "+".join(each["kept_by"])): each["traces"]
        for each in report.as_json()["classes"]
    }
