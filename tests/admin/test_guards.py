"""Who may ask, and what a browser may do with the answer."""

import pytest

from tests.admin.test_app import asked

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/ledger", "/ledger.txt", "/static/x/style.css", "/nowhere", "/static/x/y"]
)
async def test_every_answer_says_how_little_may_be_done_with_it(path: str) -> None:
    """Also errors: nothing inline, nothing from elsewhere, nothing sniffed, nothing told."""
    async with asked() as client, client.get(path) as answer:
        assert set(answer.headers["Content-Security-Policy"].split("; ")) == POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(("mode", "dest"), [("cors", "empty"), ("no-cors", "image")])
async def test_other_sites_load_nothing_from_here(site: str, mode: str, dest: str) -> None:
    """Another site, or another port of this machine, cannot use up our streams."""
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
    async with asked() as client, client.get("/api/v1/ledger", headers=headers) as answer:
        assert answer.status == 403
        assert (await answer.json())["code"] == "foreign_site"


async def test_other_sites_may_link_to_here() -> None:
    """A link in a chat or in a ticket opens the page."""
    headers = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    async with asked() as client, client.get("/", headers=headers) as answer:
        assert answer.status == 200


async def test_our_own_pages_load_what_they_need() -> None:
    """The browser says that the page that asks is ours."""
    headers = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
    async with asked() as client, client.get("/api/v1/ledger", headers=headers) as answer:
        assert answer.status == 200
