"""Every page, as a person meets it: in both themes, narrow, by keyboard, and without scripts."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.shop import DROPPED, ERROR, HOSTILE, PWN, SLOW, WIDE, post
from tests.end_to_end.process import GatewayProcess

PAGES = {
    "flow": "/",
    "traces": "/traces",
    "search": "/traces?service=checkout",
    "wrong-search": "/traces?q=%7B+nonsense+%7D",
    "trace": f"/traces/{ERROR}",
    "hostile-trace": f"/traces/{HOSTILE}",
    "wide-trace": f"/traces/{WIDE}",
    "explain": "/explain",
    "explain-kept": f"/explain?trace_id={ERROR}",
    "explain-dropped": f"/explain?trace_id={DROPPED}",
    "explain-wrong": "/explain?trace_id=%3Cscript%3E",
    "settings": "/settings",
}
WAYS = {"light": ("light", 1280), "dark": ("dark", 1280), "narrow": ("light", 360)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_clean(gateway: GatewayProcess, visit: Visit, name: str, way: str) -> None:
    """No script error, no breach of the content policy, no other host, no barrier for anybody."""
    scheme, width = WAYS[way]
    visitor = visit(gateway, color_scheme=scheme, width=width)
    visitor.go(PAGES[name])
    found = Axe().run(visitor.page)
    assert found.violations_count == 0, found.generate_report()
    overflow = visitor.page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overflow <= 0, "the page scrolls sideways"
    # The browser reports an answer of 4xx as an error of the page; those are meant here.
    meant = ("status of 400", "status of 404")
    assert [say for say in visitor.complaints if not any(one in say for one in meant)] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_reads_without_scripts(gateway: GatewayProcess, visit: Visit, name: str) -> None:
    """What a page says stands in what the gateway sends."""
    visitor = visit(gateway, scripts=False)
    visitor.go(PAGES[name])
    expect(visitor.page.get_by_role("heading", level=1)).not_to_be_empty()
    expect(visitor.page.get_by_role("navigation").first).to_contain_text("Settings")


@pytest.mark.parametrize("path", [f"/traces/{HOSTILE}", "/traces", f"/explain?trace_id={HOSTILE}"])
def test_what_a_span_says_is_shown_and_not_run(
    gateway: GatewayProcess, visit: Visit, path: str
) -> None:
    """Markup in a name is text."""
    visitor = visit(gateway)
    visitor.go(path)
    assert visitor.page.evaluate("window.pwned") is None
    assert visitor.page.locator("img[src='x']").count() == 0


def test_a_hostile_name_stays_readable(gateway: GatewayProcess, visit: Visit) -> None:
    """Escaped, not lost."""
    visitor = visit(gateway)
    visitor.go(f"/traces/{HOSTILE}")
    expect(visitor.page.locator("body")).to_contain_text(PWN.split("\u202e", maxsplit=1)[0])


def test_the_flow_page_is_live(gateway: GatewayProcess, visit: Visit) -> None:
    """A new trace shows without the page being loaded again."""
    from tailsampler.testing.spans import request, resource, span  # noqa: PLC0415 - one use

    visitor = visit(gateway)
    visitor.go("/")
    visitor.page.evaluate("window.stillHere = true")
    fresh = "c0ffee" + "0" * 25 + "1"
    post(
        gateway,
        request(resource("fresh", span(trace_id=fresh, duration_ms=3_000))).SerializeToString(),
    )
    expect(visitor.page.locator(f"a[href*='{fresh}']").first).to_be_visible(timeout=20_000)
    assert visitor.page.evaluate("window.stillHere") is True


@pytest.mark.parametrize(
    ("typed", "lands"),
    [
        (ERROR, f"/traces/{ERROR}"),
        (ERROR.upper(), f"/traces/{ERROR}"),
        (SLOW.lstrip("0"), f"/traces/{SLOW}"),
        (DROPPED, f"/explain?trace_id={DROPPED}"),
    ],
)
def test_any_trace_id_finds_its_page(
    gateway: GatewayProcess, visit: Visit, typed: str, lands: str
) -> None:
    """Stored or not, in any spelling, from the box in the head of each page."""
    visitor = visit(gateway)
    visitor.go("/settings")
    visitor.page.keyboard.press("/")
    visitor.page.keyboard.type(typed)
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_url(f"{visitor.origin}{lands}")


def test_pages_are_reached_by_keys(gateway: GatewayProcess, visit: Visit) -> None:
    """And a key typed into a field is text."""
    visitor = visit(gateway)
    visitor.go("/")
    for key, path in (("t", "/traces"), ("e", "/explain"), ("s", "/settings"), ("f", "/")):
        visitor.page.keyboard.press("g")
        visitor.page.keyboard.press(key)
        visitor.page.wait_for_url(f"{visitor.origin}{path}")
    visitor.page.keyboard.press("/")
    visitor.page.keyboard.type("gs")
    assert visitor.page.url == f"{visitor.origin}/"
