"""The trace pages over a real socket, with traces to look at."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser

from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Status

from tailsampler.admin.app import admin_app
from tailsampler.store.query import TraceReader
from tailsampler.testing.spans import request, resource, span
from tests.telemetry.fakes import FakeCore, status
from tests.traces.memory_store import MemoryStore

Client = TestClient[Request, Application]


@asynccontextmanager
async def browsing(
    store: TraceReader | None, core: FakeCore | None = None
) -> AsyncIterator[Client]:
    app = admin_app(core or FakeCore(), status(), [], "127.0.0.1", store=lambda: store)
    async with TestClient(TestServer(app)) as client:
        yield client


async def body(client: Client, path: str, expected: int = 200) -> str:
    async with client.get(path, allow_redirects=False) as answer:
        text = await answer.text()
        assert answer.status == expected, text
        return text


def stored(*groups: ResourceSpans) -> MemoryStore:
    store = MemoryStore()
    store.write(request(*groups).SerializeToString())
    return store


def shop() -> MemoryStore:
    """Three traces: 1 is slow and old, 2 failed, 3 is the newest."""
    kept = {"tailsampler.policy": "errors", "tailsampler.reason": "http_status"}
    return stored(
        resource("cart", span("GET /cart", trace_id=1, duration_ms=2_000)),
        resource(
            "checkout",
            span(
                "POST /pay",
                trace_id=2,
                start_ms=5_000,
                status=Status.STATUS_CODE_ERROR,
                attributes={**kept, "n": 7},
            ),
            span("charge", trace_id=2, span_id=2, parent_id=1, start_ms=5_001, duration_ms=5),
        ),
        resource("cart", span("GET /cart", trace_id=3, start_ms=9_000)),
    )


class Markup(HTMLParser):
    """What a browser would make of a page: its elements, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def links(self, prefix: str) -> list[str]:
        found = [link.get("href", "") for link in self.all("a")]
        return [href for href in found if href.startswith(prefix)]


def assert_strict(page: Markup) -> None:
    """Nothing that the content policy forbids, and no element that a span made."""
    assert all(script.get("src", "").startswith("/static/") for script in page.all("script"))
    assert not page.all("style")
    for tag, attributes in page.elements:
        assert "style" not in attributes, tag
        assert not any(name.startswith("on") for name in attributes), tag
