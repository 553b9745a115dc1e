"""Who may ask the admin listener for what."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import encode_basic_auth, web
from aiohttp.test_utils import TestClient, TestServer

from tailsampler.access.audit import Audit
from tailsampler.admin.app import admin_app
from tailsampler.admin.authenticated import OPERATOR
from tailsampler.settings.root import Settings
from tailsampler.testing.clock import ManualClock
from tests.admin.test_app import CHAIN, Client
from tests.telemetry.fakes import FakeCore, status

READER, ON_CALL = "token-of-the-reader", "token-of-the-operator"
AUTH = {
    "tokens": [
        {"name": "grafana", "token": READER},
        {"name": "on-call", "token": ON_CALL, "role": "operate"},
    ]
}
PATHS = ["/", "/api/v1/ledger", "/ledger.txt", "/api/search", "/static/x/style.css", "/nowhere"]


async def _operate(request: web.Request) -> web.Response:
    return web.json_response({"by": request[OPERATOR].name})


async def _fail(_request: web.Request) -> web.Response:
    raise ValueError("told to")


@asynccontextmanager
async def asked(
    audit: Audit | None = None, auth: Any = None, host: str = "192.0.2.1"
) -> AsyncIterator[Client]:
    settings = Settings.model_validate({"admin": {"auth": AUTH if auth is None else auth}})
    app = admin_app(FakeCore(), status(), CHAIN, host, settings=settings, audit=audit)
    app.router.add_post("/api/v1/something", _operate)
    app.router.add_delete("/api/v1/something", _fail)
    async with TestClient(TestServer(app)) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def browser(token: str) -> dict[str, str]:
    return {"Authorization": encode_basic_auth("me", token)}


def entries(audit: Audit) -> list[dict[str, Any]]:
    return [json.loads(line) for line in audit.path.read_text().splitlines()]


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1"])
@pytest.mark.parametrize("path", PATHS)
async def test_without_a_token_nothing_is_answered(path: str, host: str) -> None:
    """Not a page, not a file, not even whether there is a page; on loopback neither."""
    async with asked(host=host) as client:
        for headers in ({}, bearer("token-of-nobody-here"), {"Authorization": "Basic eDp5"}):
            async with client.get(path, headers=headers) as answer:
                assert answer.status == 401
                challenges = answer.headers.getall("WWW-Authenticate")
                assert [one.partition(" ")[0] for one in challenges] == ["Basic", "Bearer"]
                assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
                assert READER not in await answer.text()


@pytest.mark.parametrize("path", ["/", "/api/v1/ledger", "/ledger.txt"])
async def test_a_token_reads(path: str) -> None:
    """As a program sends it, and as a browser does."""
    async with asked() as client:
        async with client.get(path, headers=bearer(READER)) as answer:
            assert answer.status == 200
        async with client.get(path, headers=browser(READER)) as answer:
            assert answer.status == 200


async def test_a_reader_changes_nothing(tmp_path: Path) -> None:
    """It is told so, and its attempt is written down."""
    audit = Audit(tmp_path / "audit.jsonl", ManualClock())
    async with asked(audit) as client:
        async with client.post("/api/v1/something", headers=bearer(READER)) as answer:
            assert answer.status == 403
            assert (await answer.json())["code"] == "may_not_operate"
        async with client.post("/api/v1/something") as answer:
            assert answer.status == 401
    one, other = entries(audit)
    assert (one["who"], one["what"], one["outcome"]) == (
        "grafana",
        "POST /api/v1/something",
        "refused",
    )
    assert (other["who"], other["why"], other["where"]) == (None, "no token", "127.0.0.1")


async def test_operations_are_written_down(tmp_path: Path) -> None:
    """By whom and how they ended; what only reads is not."""
    audit = Audit(tmp_path / "audit.jsonl", ManualClock())
    async with asked(audit) as client:
        async with client.post("/api/v1/something", headers=bearer(ON_CALL)) as answer:
            assert await answer.json() == {"by": "on-call"}
        async with client.delete("/api/v1/something", headers=bearer(ON_CALL)) as answer:
            assert answer.status == 500
        async with client.post("/api/v1/ledger", headers=bearer(ON_CALL)) as answer:
            assert answer.status == 405
        async with client.get("/api/v1/ledger", headers=bearer(ON_CALL)) as answer:
            assert answer.status == 200
    assert [entry["outcome"] for entry in entries(audit)] == ["done", "failed", "failed with 405"]
    assert {entry["who"] for entry in entries(audit)} == {"on-call"}


async def test_a_proxy_on_this_machine_may_use_its_own_name() -> None:
    """With tokens; without, any page could give itself a name that leads here."""
    named = {"Host": "tailsampler.example"}
    async with asked(host="127.0.0.1") as client:
        async with client.get("/", headers=bearer(READER) | named) as answer:
            assert answer.status == 200
        async with client.get("/", headers=named) as answer:
            assert answer.status == 401
    async with (
        asked(auth={}, host="127.0.0.1") as client,
        client.get("/", headers=named) as answer,
    ):
        assert answer.status == 421


async def test_without_tokens_everybody_is_answered(tmp_path: Path) -> None:
    """The default, on loopback; what they change is written down all the same."""
    audit = Audit(tmp_path / "audit.jsonl", ManualClock())
    async with asked(audit, auth={}, host="127.0.0.1") as client:
        async with client.get("/api/v1/ledger") as answer:
            assert answer.status == 200
        async with client.post("/api/v1/something") as answer:
            assert answer.status == 200
    assert [entry["who"] for entry in entries(audit)] == ["anybody"]


async def test_a_page_of_another_site_cannot_use_a_remembered_password() -> None:
    """Browsers send it along; they say where from, too, each in its way."""
    async with asked() as client:
        for headers in (
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
            {"Origin": "https://evil.test"},
            {"Origin": "null"},
        ):
            async with client.post(
                "/api/v1/something", headers=headers | browser(ON_CALL)
            ) as answer:
                assert answer.status == 403
                assert (await answer.json())["code"] == "foreign_site"
        own = {"Origin": f"http://{client.host}:{client.port}"}
        async with client.post("/api/v1/something", headers=own | browser(ON_CALL)) as answer:
            assert answer.status == 200
