"""The admin listener, over a real socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from tailsampler.admin.app import admin_app
from tests.telemetry.fakes import FakeCore, books, ledger, status, verdict

Client = TestClient[Request, Application]
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
CHAIN = [{"name": "errors", "sample_rate": 1.0}, {"name": "unused", "sample_rate": 0.5}]


@asynccontextmanager
async def asked(core: FakeCore | None = None, host: str = "127.0.0.1") -> AsyncIterator[Client]:
    app = admin_app(core or FakeCore(), status(), CHAIN, host)
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_the_ledger_is_the_cores_own() -> None:
    """Every key of the books reaches the reader unchanged."""
    async with asked() as client, client.get("/api/v1/ledger") as answer:
        assert answer.content_type == "application/json"
        assert await answer.json() == ledger()


async def test_balanced_is_computed_once_more() -> None:
    """What the core claims is not passed on unchecked."""
    core = FakeCore(ledger(spans={**books(exported=39), "refused": 0, "rejected": {}}))
    async with asked(core) as client, client.get("/api/v1/ledger") as answer:
        assert (await answer.json())["balanced"] is False


async def test_policies_stand_in_their_order_with_counts() -> None:
    """A policy that never matched is shown with zeros, not left out."""
    async with asked() as client, client.get("/api/v1/policies") as answer:
        body = await answer.json()
    assert body["plan"] == 3
    assert [policy["name"] for policy in body["policies"]] == ["errors", "unused"]
    assert body["policies"][0]["counts"]["kept"] == 9
    assert set(body["policies"][1]["counts"].values()) == {0}


@pytest.mark.parametrize("spelling", [TRACE_ID, TRACE_ID.upper(), f"0x{TRACE_ID}"])
async def test_a_decision_is_found_by_any_spelling(spelling: str) -> None:
    """Case does not matter: people paste ids from logs."""
    core = FakeCore(decisions={bytes.fromhex(TRACE_ID): verdict()})
    async with asked(core) as client, client.get(f"/api/v1/decisions/{spelling}") as answer:
        assert answer.status == 200
        assert await answer.json() == verdict()


async def test_short_ids_are_padded() -> None:
    """Jaeger and Tempo leave leading zeros out, also those of ids of 8 bytes."""
    core = FakeCore(decisions={bytes(8) + bytes.fromhex("0ce929d0e0e47360"): verdict()})
    async with asked(core) as client, client.get("/api/v1/decisions/ce929d0e0e47360") as answer:
        assert answer.status == 200


async def test_an_unknown_trace_is_a_404_in_words() -> None:
    """The reader learns what may have happened to it."""
    async with asked() as client, client.get(f"/api/v1/decisions/{TRACE_ID}") as answer:
        assert answer.status == 404
        body = await answer.json()
    assert body["code"] == "unknown_trace"
    assert TRACE_ID in body["say"]


async def test_a_trace_that_may_have_been_shed() -> None:
    """Where spans were shed, that may have become of it, too."""
    core = FakeCore()
    core.books["spans"]["dropped"]["overload"] = 3
    async with asked(core) as client, client.get(f"/api/v1/decisions/{TRACE_ID}") as answer:
        body = await answer.json()
    assert body["say"].endswith("or all of it was shed while more came in than could be held")


@pytest.mark.parametrize("bad", ["xyz", "0" * 32, "a" * 33, "%00", "4bf9_2f"])
async def test_a_malformed_id_is_a_400_in_words(bad: str) -> None:
    """It says what an id looks like, and does not search for nonsense."""
    async with asked() as client, client.get(f"/api/v1/decisions/{bad}") as answer:
        assert answer.status == 400
        assert (await answer.json())["code"] == "bad_trace_id"


async def test_the_books_as_text_refresh_by_themselves() -> None:
    """Plain text, read again every two seconds, for terminals and for screenshots in tickets."""
    async with asked() as client, client.get("/ledger.txt") as answer:
        assert answer.content_type == "text/plain"
        assert answer.headers["Refresh"] == "2"
        text = await answer.text()
    assert "balanced: every accepted span is accounted for" in text


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7317", "10.0.0.1", "127.0.0.1.evil.example", "[fe80::1]"]
)
async def test_foreign_hosts_are_refused_on_loopback(host: str) -> None:
    """A page that points its own name to 127.0.0.1 cannot read the books."""
    async with asked() as client, client.get("/", headers={"Host": host}) as answer:
        assert answer.status == 421
        assert (await answer.json())["code"] == "foreign_host"


@pytest.mark.parametrize("host", ["localhost:7317", "127.0.0.1", "[::1]:7317", "a.localhost"])
async def test_our_own_names_are_answered(host: str) -> None:
    """Every way to write this machine works."""
    async with asked() as client, client.get("/", headers={"Host": host}) as answer:
        assert answer.status == 200


async def test_elsewhere_the_name_is_the_operators_business() -> None:
    """On another address the gateway does not know its names."""
    async with (
        asked(host="192.0.2.1") as client,
        client.get("/", headers={"Host": "sampler.example"}) as answer,
    ):
        assert answer.status == 200
