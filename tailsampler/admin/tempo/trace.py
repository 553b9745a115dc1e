"""A trace by its id, as JSON or protobuf."""

import json
from typing import Any, Final

from aiohttp import web
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from tailsampler.admin.tempo.asked import in_thread, refused, store_of
from tailsampler.admin.tempo.wire import trace_by_id_response
from tailsampler.admin.trace_ids import parse_trace_id
from tailsampler.store.query import Stored

MAX_JSON_SPANS: Final = 10_000
"""JSON costs about 0.1 ms a span, of a processor that the gateway needs; protobuf next to none."""
_PROTOBUF: Final = "application/protobuf"


def routes() -> list[web.RouteDef]:
    """Both versions."""
    return [
        web.get("/api/traces/{trace_id}", trace_v1),
        web.get("/api/v2/traces/{trace_id}", trace_v2),
    ]


async def trace_v1(request: web.Request) -> web.Response:
    """The trace itself; as JSON, its resource spans are called ``batches``."""
    stored = await _find(request)
    if _wants_protobuf(request):
        return web.Response(body=stored.data, content_type=_PROTOBUF)
    if stored.row.spans > MAX_JSON_SPANS:
        say = (
            f"the trace has {stored.row.spans:,} spans, JSON is written for {MAX_JSON_SPANS:,}; "
            f"ask with Accept: {_PROTOBUF}, or for /api/v2/traces"
        )
        raise web.HTTPUnprocessableEntity(text=say)
    body = await in_thread(_json_v1, stored)
    return web.Response(body=body, content_type="application/json")


async def trace_v2(request: web.Request) -> web.Response:
    """The trace within ``TraceByIDResponse``; as JSON, the first spans of a large one."""
    if request.query.get("q"):
        raise refused("not supported here: q for a trace; ask for the whole trace")
    stored = await _find(request)
    if _wants_protobuf(request):
        body = trace_by_id_response(stored.data)
        return web.Response(body=body, content_type=_PROTOBUF)
    body = await in_thread(_json_v2, stored)
    return web.Response(body=body, content_type="application/json")


async def _find(request: web.Request) -> Stored:
    """Times are not looked at: a range that is a little off must not hide a trace."""
    store = store_of(request)
    try:
        trace_id = parse_trace_id(request.match_info["trace_id"])
    except ValueError as error:
        raise refused(str(error)) from None
    stored = await in_thread(store.get, trace_id)
    if stored is None:
        shown = trace_id.hex()
        say = f"trace {shown} is not kept here; /explain?trace_id={shown} says what is known of it"
        raise web.HTTPNotFound(text=say)
    return stored


def _wants_protobuf(request: web.Request) -> bool:
    return _PROTOBUF in request.headers.get("Accept", "")


def _json_v1(stored: Stored) -> bytes:
    found = MessageToDict(TracesData.FromString(stored.data))
    return json.dumps({"batches": found.get("resourceSpans", [])}).encode()


def _json_v2(stored: Stored) -> bytes:
    data = TracesData.FromString(stored.data)
    total = _cut(data)
    answer: dict[str, Any] = {
        "trace": MessageToDict(data),
        "metrics": {"inspectedBytes": str(len(stored.data))},
    }
    if total > MAX_JSON_SPANS:
        answer["status"] = "PARTIAL"
        answer["message"] = (
            f"the trace has {total:,} spans, these are the first {MAX_JSON_SPANS:,} as stored; "
            f"ask with Accept: {_PROTOBUF} for all"
        )
    return json.dumps(answer).encode()


def _cut(data: TracesData) -> int:
    """Leave the first spans; returns how many there were."""
    total = 0
    for group in data.resource_spans:
        for scoped in group.scope_spans:
            room = max(0, MAX_JSON_SPANS - total)
            total += len(scoped.spans)
            del scoped.spans[room:]
    return total
