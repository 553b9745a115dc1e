"""The API over the real store says what it says over the list that is only right."""

from pathlib import Path

import pytest

from tests.admin.tempo.served import CART, asked
from tests.store.opened import opened
from tests.traces.traceql.shop import shop

QUERIES = (
    "{}",
    "{ status = error }",
    '{ resource.service.name = "cart" && duration > 1s }',
    '{ resource.service.name =~ "cart|nobody" } && { name = "SELECT" }',
    "{ .http.response.status_code = 503.0 }",
    "{ traceDuration < 1s || span.retry }",
    "{ rootServiceName = `cart` && kind != server }",
    "{ span.db.rows = 0 }",
    "{ span.region != `us` }",
)


@pytest.mark.parametrize("query", QUERIES)
async def test_searches(tmp_path: Path, query: str) -> None:
    """The same traces, spans and fields, whatever is indexed."""
    with opened(tmp_path) as store:
        store.write(shop())
        found = await asked("/api/search", {"q": query}, store)
    right = await asked("/api/search", {"q": query})
    assert found["traces"] == right["traces"]


async def test_traces_names_and_values(tmp_path: Path) -> None:
    """The same trace, the same names, and the same values in some order."""
    with opened(tmp_path) as store:
        store.write(shop())
        trace = (await asked(f"/api/v2/traces/{CART}", None, store))["trace"]
        names = await asked("/api/v2/search/tags", None, store)
        for tag in ("resource.service.name", ".region", "span.amount", "name", "rootName"):
            path = f"/api/v2/search/tag/{tag}/values"
            values = (await asked(path, None, store))["tagValues"]
            right = (await asked(path))["tagValues"]
            assert sorted(map(str, values)) == sorted(map(str, right))
    right = {one["name"]: one["tags"] for one in (await asked("/api/v2/search/tags"))["scopes"]}
    # The list keeps no terms of arrays, and so does not know their names.
    right["span"] = sorted([*right["span"], "tags"])
    assert {one["name"]: one["tags"] for one in names["scopes"]} == right
    spans = [
        span["name"]
        for group in trace["resourceSpans"]
        for scoped in group["scopeSpans"]
        for span in scoped["spans"]
    ]
    assert sorted(spans) == ["GET /cart", "SELECT", "pay"]
