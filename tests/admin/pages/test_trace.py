"""The page of a trace."""

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tailsampler.testing.spans import key_values, request, resource, span, span_id_of, trace_id_of
from tests.admin.pages.trace_pages import Markup, assert_strict, body, browsing, shop, stored
from tests.telemetry.fakes import FakeCore, held, verdict
from tests.traces.memory_store import MemoryStore

ERROR, UNSET = Status.STATUS_CODE_ERROR, Status.STATUS_CODE_UNSET
PATH = f"/traces/{1:032x}"


def wide(count: int, *, errors: frozenset[int] = frozenset()) -> MemoryStore:
    """A root and its children, ids from 1."""
    children = (
        span(
            f"child {at}",
            span_id=at,
            parent_id=1,
            start_ms=at,
            status=ERROR if at in errors else UNSET,
            attributes={"number": at},
        )
        for at in range(2, count + 1)
    )
    return stored(resource("shop", span("root", duration_ms=count), *children))


def names(page: Markup) -> list[str]:
    """Ids of the rows."""
    return [row["id"] for row in page.all("li") if row.get("id", "").startswith("s")]


async def test_every_span_has_a_row_with_its_bar() -> None:
    """The bar of a span stands where it lies in the trace."""
    store = stored(
        resource("cart", span("GET /cart", duration_ms=100)),
        resource("db", span("SELECT", span_id=2, parent_id=1, start_ms=25, duration_ms=50)),
    )
    async with browsing(store) as client:
        page = Markup(await body(client, PATH))
    assert names(page) == [f"s{at:016x}" for at in (1, 2)]
    bars = [(bar["x"], bar["width"]) for bar in page.all("rect") if "x" in bar]
    assert bars == [("0.00%", "100.00%"), ("25.00%", "50.00%")]
    assert "cart GET /cart" in page.text


async def test_a_span_says_everything_without_a_script() -> None:
    """Attributes, events, links, messages, trace state and resource stand in the page."""
    one = span(
        "charge",
        attributes={"amount": 12.5, "tags": ["a", "b"]},
        status=ERROR,
        trace_state="ot=th:8",
    )
    one.status.message = "card refused"
    one.events.add(name="retry", time_unix_nano=one.start_time_unix_nano + 4_000_000)
    one.events[0].attributes.extend(key_values({"attempt": 2}))
    one.links.add(trace_id=trace_id_of(9), span_id=span_id_of(8))
    async with browsing(stored(resource("shop", one, attributes={"host.name": "h1"}))) as client:
        page = Markup(await body(client, PATH))
    for words in ("amount 12.5", 'tags ["a", "b"]', "card refused", "+4 ms retry", "attempt 2"):
        assert words in page.text
    assert "th:8: 50 % of traces like it are kept, so it counts for 2 traces" in page.text
    assert "host.name h1" in page.text
    assert f"/traces/{9:032x}?span={8:016x}#s{8:016x}" in page.links("/traces/")


async def test_errors_have_a_sign_and_not_only_a_color() -> None:
    """Whoever sees no red sees a diamond, and a reader is told."""
    async with browsing(wide(3, errors=frozenset({2}))) as client:
        page = Markup(await body(client, PATH))
    assert len([sign for sign in page.all("svg") if sign.get("aria-label") == "error"]) == 1


async def test_a_large_trace_comes_in_pages() -> None:
    """Each page says where it is, and all pages together have every span once."""
    async with browsing(wide(700)) as client:
        pages = [
            Markup(await body(client, f"{PATH}{query}")) for query in ("", "?from=301", "?from=601")
        ]
    assert "Spans 301\u2013600 of 700" in pages[1].text
    rows = [row for page in pages for row in names(page)]
    assert rows == [f"s{at:016x}" for at in range(1, 701)]
    assert "Inside of root" in pages[1].text


@pytest.mark.parametrize("start", ["0", "-5", "99999999", "x", "9" * 30])
async def test_a_page_that_does_not_exist_is_the_nearest(start: str) -> None:
    """A wrong number is no error."""
    async with browsing(wide(10)) as client:
        assert names(Markup(await body(client, f"{PATH}?from={start}")))


async def test_a_span_is_found_by_its_id() -> None:
    """A link to a span opens it, on the page where it stands."""
    async with browsing(wide(700)) as client:
        page = Markup(await body(client, f"{PATH}?span={650:016x}"))
    assert f"s{650:016x}" in names(page)
    assert len([row for row in page.all("details") if "open" in row]) >= 1
    assert [row.get("class") for row in page.all("summary")].count("chosen") == 1


async def test_the_first_error_is_one_link_away() -> None:
    """Also if it stands on another page."""
    async with browsing(wide(700, errors=frozenset({450, 500}))) as client:
        page = Markup(await body(client, PATH))
    assert f"?span={450:016x}#s{450:016x}" in page.links("?span=")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("errors=1", [5, 7]),
        ("text=CHILD+6", [6]),
        ("text=9", [9]),
        ("service=shop", list(range(1, 11))),
        ("service=other", []),
        ("errors=1&text=child+5", [5]),
    ],
)
async def test_spans_are_filtered_on_the_server(query: str, found: list[int]) -> None:
    """By service, by error, by text of names and values."""
    async with browsing(wide(10, errors=frozenset({5, 7}))) as client:
        page = Markup(await body(client, f"{PATH}?{query}"))
    assert [int(row[1:], 16) for row in names(page)] == found


async def test_nothing_that_a_span_says_becomes_markup() -> None:
    """A megabyte of anything stays text, and the page stays small."""
    evil = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e'
    long = evil + "x" * 1_000_000
    one = span(long, attributes={evil: long, long: evil}, trace_state=long, status=ERROR)
    one.status.message = long
    one.events.add(name=long).attributes.extend(key_values({long: long}))
    one.links.add(trace_id=b"\0" * 16).attributes.extend(key_values({evil: evil}))
    store = stored(resource(long, one, attributes={evil: long}))
    async with browsing(store) as client:
        text = await body(client, PATH)
    assert_strict(Markup(text))
    assert not Markup(text).all("img")
    assert len(text) < 80_000
    assert "characters, shown: 4,096" in text


async def test_a_page_of_heavy_spans_stays_small() -> None:
    """What does not fit is one link away, and the span that is asked for always fits."""
    heavy = {f"key {at}": "v" * 4_000 for at in range(20)}
    spans = [
        span(span_id=at, parent_id=1 if at > 1 else None, attributes=heavy) for at in range(1, 101)
    ]
    async with browsing(stored(resource("shop", *spans))) as client:
        text = await body(client, PATH)
        last = await body(client, f"{PATH}?span={100:016x}")
    assert len(text) < 1_000_000
    assert "Show this span" in text
    assert "v" * 4_000 in last[last.index(f'id="s{100:016x}"') :]


async def test_strange_parents_are_said_in_words() -> None:
    """Orphans, rings and spans without times have a mark, and nothing is left out."""
    lost = span("no time", span_id=5, parent_id=1)
    lost.start_time_unix_nano = lost.end_time_unix_nano = 0
    store = stored(
        resource(
            "shop",
            span(),
            span("orphan", span_id=2, parent_id=99, start_ms=1),
            span("ring", span_id=3, parent_id=4, start_ms=2),
            span("ring", span_id=4, parent_id=3, start_ms=3),
            lost,
        )
    )
    async with browsing(store) as client:
        page = Markup(await body(client, PATH))
    assert len(names(page)) == 5
    assert "1 without its parent." in page.text
    assert "1 ring." in page.text
    assert "no time no time" in page.text


async def test_a_clock_that_is_ahead_is_said() -> None:
    """The hint names both services and the offset."""
    store = stored(
        resource("cart", span("call", duration_ms=100, kind=Span.SPAN_KIND_CLIENT)),
        resource("checkout", span("serve", span_id=2, parent_id=1, start_ms=3_020, duration_ms=60)),
    )
    async with browsing(store) as client:
        page = Markup(await body(client, PATH))
    assert "The clock of checkout is 2.97 to 3.02 s ahead of that of cart" in page.text


async def test_the_verdict_is_said_with_its_evidence() -> None:
    """Why the trace was kept stands above its spans."""
    core = FakeCore(decisions={trace_id_of(1): verdict(trace_id=f"{1:032x}")})
    async with browsing(wide(5), core) as client:
        page = Markup(await body(client, PATH))
    assert "Policy errors was the first that matched (http_status = 503)" in page.text
    assert "span_error" in page.text


async def test_a_forgotten_verdict_is_read_from_the_root() -> None:
    """The root span carries its policy and reason longer than the gateway remembers."""
    async with browsing(shop()) as client:
        page = Markup(await body(client, f"/traces/{2:032x}"))
    assert "Kept by policy errors ( http_status )" in page.text


@pytest.mark.parametrize("decision", [verdict(kept=False), held()])
async def test_a_trace_that_is_not_stored_is_explained(decision: dict[str, object]) -> None:
    """What was dropped or is held has no spans to show, and a page that says why."""
    core = FakeCore(decisions={trace_id_of(7): decision})
    async with (
        browsing(shop(), core) as client,
        client.get(f"/traces/{7:032x}", allow_redirects=False) as answer,
    ):
        assert answer.status == 302
        assert answer.headers["Location"] == f"/explain?trace_id={7:032x}"


async def test_an_unknown_trace_is_a_404_in_words() -> None:
    """With and without a store."""
    async with browsing(shop()) as client:
        assert "not known here" in await body(client, f"/traces/{7:032x}", 404)
    async with browsing(None) as client:
        assert "type: local" in await body(client, f"/traces/{7:032x}", 404)


@pytest.mark.parametrize("spelling", ["1", "0x1", "AB", "00000000-0000-0000-0000-0000000000ab"])
async def test_any_spelling_of_an_id_leads_to_the_one_address(spelling: str) -> None:
    """Ids without leading zeros, in upper case or as a UUID are the same trace."""
    async with (
        browsing(shop()) as client,
        client.get(f"/traces/{spelling}?span=2", allow_redirects=False) as answer,
    ):
        assert answer.status == 302
        number = 0xAB if "b" in spelling.lower() else 1
        assert answer.headers["Location"] == f"/traces/{number:032x}?span=2"


async def test_no_trace_id_is_a_400_in_words() -> None:
    """It says what an id looks like."""
    async with browsing(shop()) as client:
        assert "hexadecimal digits" in await body(client, "/traces/xyz", 400)


async def test_spans_that_come_later_are_shown() -> None:
    """A trace that was opened before is not frozen."""
    store = wide(1_200)
    async with browsing(store) as client:
        assert "of 1,200" in Markup(await body(client, PATH)).text
        store.write(request(resource("shop", span(span_id=5_000, parent_id=1))).SerializeToString())
        assert "of 1,201" in Markup(await body(client, PATH)).text
