"""The gateway goes away under an open page, and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tailsampler.testing.spans import request, resource, span
from tests.browser.conftest import Visit, shop_gateway
from tests.browser.shop import ERROR, post, send_shop
from tests.end_to_end.process import GatewayProcess

PATIENCE_MS = 20_000  # the page asks again every five seconds at least


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    """One of its own for each test, since it is killed."""
    process = shop_gateway(tmp_path)
    try:
        process.start()
        send_shop(process)
        yield process
    finally:
        process.clean_up()


@pytest.mark.parametrize("end", ["kill", "terminate"])
def test_an_open_page_recovers(gateway: GatewayProcess, visit: Visit, end: str) -> None:
    """It says that nobody answers, then goes on by itself, and stored traces are still there."""
    visitor = visit(gateway)
    visitor.go("/")
    visitor.page.evaluate("window.stillHere = true")
    getattr(gateway, end)()
    expect(visitor.page.get_by_text("does not answer")).to_be_visible(timeout=PATIENCE_MS)
    gateway.start()
    expect(visitor.page.get_by_text("does not answer")).to_be_hidden(timeout=PATIENCE_MS)
    fresh = "c0ffee" + "0" * 25 + "2"
    slow = span(trace_id=fresh, duration_ms=3_000)
    post(gateway, request(resource("fresh", slow)).SerializeToString())
    expect(visitor.page.locator(f"a[href*='{fresh}']").first).to_be_visible(timeout=PATIENCE_MS)
    assert visitor.page.evaluate("window.stillHere") is True
    visitor.go(f"/traces/{ERROR}")
    expect(visitor.page.get_by_role("heading", level=1)).to_contain_text("POST /pay")
