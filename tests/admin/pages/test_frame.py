"""What stands around every page."""

import re

import pytest

from tests.admin.pages.asking import served, text
from tests.telemetry.fakes import FakeCore, books, ledger

PAGES = {"/": "Flow", "/explain": "Explain", "/settings": "Settings"}


@pytest.mark.parametrize(("path", "label"), PAGES.items())
async def test_each_page_has_its_place_in_the_navigation(path: str, label: str) -> None:
    """The page at hand is marked, the others are a link away, and the title says which it is."""
    async with served() as (client, _):
        html = await text(client, path)
    assert re.findall(r'aria-current="page">(.*?)<', html) == [label]
    for address in ("/", "/traces", "/explain", "/settings"):
        assert f'<a href="{address}" data-go=' in html
    assert f"<title>{label} - tailsampler</title>" in html
    assert '<html lang="en">' in html
    assert html.count("<h1") == 1


@pytest.mark.parametrize("path", PAGES)
async def test_ids_are_unique(path: str) -> None:
    """Labels and scripts find what they mean."""
    async with served() as (client, _):
        found = re.findall(r'\sid="([^"]+)"', await text(client, path))
    assert len(found) == len(set(found))


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_says_how_the_gateway_is(path: str) -> None:
    """Books that do not balance are seen wherever one is."""
    core = FakeCore(ledger(spans={**books(received=99), "refused": 0, "rejected": {}}))
    async with served(core) as (client, _):
        html = await text(client, path)
    assert "books NOT balanced" in html
    assert 'data-state="wrong"' in html


async def test_the_metrics_are_where_they_are() -> None:
    """By the address that is bound, not the one that was asked for."""
    async with served(addresses={"telemetry": "127.0.0.1:4444"}) as (client, _):
        assert 'href="http://127.0.0.1:4444/metrics"' in await text(client, "/")


async def test_a_dead_link_stays_inside_the_frame() -> None:
    """For people; a program gets what it always got."""
    async with served() as (client, _):
        assert "There is no page at this address" in await text(client, "/nowhere", 404)
        async with client.get("/nowhere") as answer:
            assert (answer.status, answer.content_type) == (404, "text/plain")
        async with client.get("/api/v1/nowhere", headers={"Accept": "text/html"}) as answer:
            assert (answer.status, answer.content_type) == (404, "text/plain")


async def test_only_reading_is_possible() -> None:
    """No page of this listener changes anything yet."""
    async with served() as (client, _):
        for path in (*PAGES, "/api/v1/ledger", "/api/v1/stream"):
            async with client.post(path) as answer:
                assert answer.status == 405
