"""The admin listener: routes, and who may ask."""

import asyncio
import ipaddress
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from tailsampler.admin.page import ledger_page
from tailsampler.admin.trace_ids import parse_trace_id
from tailsampler.telemetry.ledger import Ledger
from tailsampler.telemetry.listener import Handler
from tailsampler.telemetry.status import Core, Status

STATUS: Final = web.AppKey("status", Status)
CORE: Final[web.AppKey[Core]] = web.AppKey("core")
POLICIES: Final[web.AppKey[Sequence[Mapping[str, Any]]]] = web.AppKey("policies")

_REFRESH_S: Final = 2


def admin_app(
    core: Core, status: Status, policies: Sequence[Mapping[str, Any]], host: str
) -> web.Application:
    """The JSON API and the page.

    ``policies`` is the chain as JSON-ready values; ``host`` the address that is listened on.
    """
    loopback = ipaddress.ip_address(host).is_loopback
    app = web.Application(middlewares=[only_this_machine] if loopback else [])
    app[CORE] = core
    app[STATUS] = status
    app[POLICIES] = policies
    app.router.add_get("/", page)
    app.router.add_get("/api/v1/ledger", ledger)
    app.router.add_get("/api/v1/policies", chain)
    app.router.add_get("/api/v1/decisions/{trace_id}", decision)
    return app


@web.middleware
async def only_this_machine(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests that a foreign page made a browser send.

    A page whose host name is made to point to 127.0.0.1 (DNS rebinding) may read our answers as
    its own, but its name stands in the Host header.
    """
    name = _host_name(request.host)
    if name == "localhost" or name.endswith(".localhost") or _is_loopback(name):
        return await handler(request)
    say = "this listener answers on loopback only; ask it as 127.0.0.1 or localhost"
    return _problem(421, "foreign_host", say)


async def page(request: web.Request) -> web.Response:
    """The books as text, read again every two seconds."""
    books = await asyncio.to_thread(request.app[CORE].ledger)
    text = ledger_page(Ledger.parse(books), request.app[STATUS])
    return web.Response(text=text, content_type="text/plain", headers={"Refresh": str(_REFRESH_S)})


async def ledger(request: web.Request) -> web.Response:
    """The books as JSON, ``balanced`` computed once more from the parts."""
    found = json.loads(await asyncio.to_thread(request.app[CORE].ledger))
    found["balanced"] = Ledger.of(found).balanced
    return web.json_response(found)


async def chain(request: web.Request) -> web.Response:
    """The chain in its order, and what each policy did since the start."""
    stats = json.loads(await asyncio.to_thread(request.app[CORE].stats))
    counts = {one["policy"]: one for one in stats.get("policies", ())}
    policies = [
        {**policy, "counts": _counts(counts.get(policy["name"], {}))}
        for policy in request.app[POLICIES]
    ]
    return web.json_response({"plan": stats.get("plan"), "policies": policies})


async def decision(request: web.Request) -> web.Response:
    """What is known of one trace: its verdict, or that it is held."""
    try:
        trace_id = parse_trace_id(request.match_info["trace_id"])
    except ValueError as error:
        return _problem(400, "bad_trace_id", str(error))
    # In a thread: for a trace that is no longer remembered the verdict log is searched.
    found = await asyncio.to_thread(request.app[CORE].decision, trace_id)
    if found is None:
        say = (
            f"trace {trace_id.hex()} is not known: it was never received here, or its verdict is "
            "older than the verdict log (decisions.max_bytes)"
        )
        return _problem(404, "unknown_trace", say)
    return web.json_response(text=found)


def _counts(found: Mapping[str, Any]) -> dict[str, int]:
    keys = ("judged", "kept", "dropped", "spans_kept", "spans_dropped")
    return {key: int(found.get(key, 0)) for key in keys}


def _problem(status: int, code: str, say: str) -> web.Response:
    return web.json_response({"code": code, "say": say}, status=status)


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
