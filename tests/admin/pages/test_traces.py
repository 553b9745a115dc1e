"""The traces page."""

from collections.abc import Sequence

import pytest

from tailsampler.store.options import StoreUnavailableError
from tailsampler.store.query import Deadline, Found, M, Matches, Needs, Row, Totals
from tailsampler.testing.spans import EPOCH_NS, request, resource, span, trace_id_of
from tests.admin.pages.trace_pages import Markup, assert_strict, body, browsing, shop, stored
from tests.traces.memory_store import MemoryStore


def listed(text: str) -> list[int]:
    """Numbers of the traces in the list, in its order."""
    links = Markup(text.partition("<table")[2]).links("/traces/")
    return [int(link.rpartition("/")[2], 16) for link in links]


async def test_the_newest_stand_first() -> None:
    """Without a word the list is what came last."""
    async with browsing(shop()) as client:
        assert listed(await body(client, "/traces")) == [3, 2, 1]


async def test_the_longest_stand_first_if_asked() -> None:
    """Slow traces can be had on top."""
    async with browsing(shop()) as client:
        assert listed(await body(client, "/traces?sort=longest"))[0] == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("service=cart", [3, 1]),
        ("name=charge", [2]),
        ("service=cart&name=charge", []),
        ("status=error", [2]),
        ("policy=errors", [2]),
        ("policy=errors&status=ok", []),
        ("min=1s", [1]),
        ("max=1s", [3, 2]),
        ("attributes=n%3D7", [2]),
        ("q=%7B+name+%3D+%60charge%60+%7D", [2]),
        ("service=cart&q=%7B+duration+%3E+1s+%7D", [1]),
        ("start=1700000004&end=1700000006", [2]),
        ("limit=20", [3, 2, 1]),
    ],
)
async def test_fields_narrow_the_search(query: str, found: list[int]) -> None:
    """Each field leaves out what it does not name, alone and together."""
    async with browsing(shop()) as client:
        assert listed(await body(client, f"/traces?{query}")) == found


async def test_the_form_keeps_what_was_asked() -> None:
    """The address fills the form again, and says its TraceQL."""
    async with browsing(shop()) as client:
        page = Markup(await body(client, "/traces?service=cart&min=250ms&status=error"))
    values = {field["name"]: field.get("value") for field in page.all("input") if "name" in field}
    assert (values["service"], values["min"]) == ("cart", "250ms")
    assert [one for one in page.all("option") if "selected" in one]
    assert '{ resource.service.name = "cart" && status = error' in page.text


async def test_a_mistake_in_traceql_is_shown_at_its_place() -> None:
    """The caret stands below the column, and the words say what to write."""
    async with browsing(shop()) as client:
        text = await body(client, "/traces?service=cart&q=%7B+.x+%3D+%7D", 400)
    assert "{ .x = }\n       ^" in text
    assert "line 1, column 8" in text


async def test_a_mistake_in_a_field_is_shown_at_the_field() -> None:
    """Nothing is searched for, and the field says why."""
    async with browsing(shop()) as client:
        page = Markup(await body(client, "/traces?min=soon", 400))
    (field,) = [one for one in page.all("input") if one.get("aria-invalid")]
    assert field["name"] == "min"
    assert any(one.get("id") == field["aria-describedby"] for _, one in page.elements)


async def test_every_trace_is_a_dot_that_leads_to_it() -> None:
    """The diagram links what the list links, and errors have a shape of their own."""
    async with browsing(shop()) as client:
        text = await body(client, "/traces")
    diagram = Markup(text[text.index("<svg", text.index('class="plot"')) : text.index("<table")])
    assert sorted(diagram.links("/traces/")) == [f"/traces/{at:032x}" for at in (1, 2, 3)]
    assert len(diagram.all("circle")) == 2
    assert len([path for path in diagram.all("path") if path["class"] == "dot"]) == 1
    assert "checkout: POST /pay, 10 ms, 2 spans, 1 errors" in diagram.text


async def test_nothing_that_a_span_says_becomes_markup() -> None:
    """Names are text, cut and isolated, in the list, the diagram and the choices."""
    evil = '"><script>alert(1)</script>\u202e'
    store = stored(resource(evil, span(evil + "x" * 1_000_000, attributes={evil: evil})))
    async with browsing(store) as client:
        text = await body(client, "/traces")
    assert len(text) < 30_000
    assert_strict(Markup(text))
    assert "<bdi>&#34;&gt;&lt;script" in text


async def test_without_a_store_it_says_how_to_have_one() -> None:
    """An empty page would say that there are no traces."""
    async with browsing(None) as client:
        assert "type: local" in await body(client, "/traces")


async def test_an_empty_store_says_how_to_send() -> None:
    """The first minute has an address to send to."""
    async with browsing(MemoryStore()) as client:
        assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317" in await body(client, "/traces")


async def test_a_search_without_a_match_says_what_to_leave_out() -> None:
    """Each condition can be taken back by a link."""
    async with browsing(shop()) as client:
        page = Markup(await body(client, "/traces?service=cart&name=nowhere&since=5m"))
    assert "/traces?service=cart&since=5m" in page.links("/traces?")
    assert "/traces?service=cart&name=nowhere" in page.links("/traces?")


class Impatient(MemoryStore):
    """Time is up after two traces, and nothing is indexed."""

    def rows(self, needs: Needs, *, limit: int) -> Sequence[Row]:
        raise ValueError("no index")

    def search(
        self, needs: Needs, matches: Matches[M], *, limit: int, deadline: Deadline
    ) -> Found[M]:
        del deadline
        asked: list[None] = []

        def twice() -> bool:
            asked.append(None)
            return len(asked) > 2

        return super().search(needs, matches, limit=limit, deadline=twice)


async def test_it_says_how_far_it_looked() -> None:
    """A search that was cut short does not pass for a whole one."""
    store = Impatient()
    for number in range(1, 6):
        one = span(trace_id=number, start_ms=number * 1_000)
        store.write(request(resource("shop", one)).SerializeToString())
    async with browsing(store) as client:
        page = Markup(await body(client, "/traces?service=shop"))
    assert "Looked at 2 of 5 traces, back to 2023-11-14 22:13:24 UTC" in page.text
    assert listed_in(page) == [5, 4]


def listed_in(page: Markup) -> list[int]:
    found = [int(link.rpartition("/")[2], 16) for link in page.links("/traces/0")]
    return list(dict.fromkeys(found))


class Locked(MemoryStore):
    def totals(self) -> Totals:
        raise StoreUnavailableError("traces.db is locked")


async def test_a_store_that_cannot_be_used_is_a_503_in_words() -> None:
    """The page says what is wrong with the file."""
    async with browsing(Locked()) as client:
        assert "traces.db is locked" in await body(client, "/traces", 503)


async def test_newer_traces_are_counted_not_shown() -> None:
    """Rows do not move under the reader: a number comes, the same search asked."""
    after = EPOCH_NS + 4_000 * 10**6
    async with browsing(shop()) as client:
        async with client.get(f"/traces/newer?after={after}") as answer:
            assert await answer.json() == {"newer": 2, "most": 100}
        async with client.get(f"/traces/newer?service=cart&after={after}") as answer:
            assert (await answer.json())["newer"] == 1


@pytest.mark.parametrize("query", ["", "after=x", "after=1&min=soon", "after=1&q=%7B"])
async def test_a_bad_question_about_newer_traces_is_a_400(query: str) -> None:
    """A script gets a slug, and not an empty answer."""
    async with browsing(shop()) as client, client.get(f"/traces/newer?{query}") as answer:
        assert answer.status == 400
        assert (await answer.json())["code"]


async def test_traces_without_a_start_do_not_bend_the_diagram() -> None:
    """A clock at zero would press all others against the edge."""
    late = span("late", trace_id=trace_id_of(2))
    zero = span("zero", trace_id=trace_id_of(1))
    zero.start_time_unix_nano = 0
    async with browsing(stored(resource("s", zero, late))) as client:
        text = await body(client, "/traces")
    assert listed(text) == [2, 1]
    assert len(Markup(text).all("circle")) == 1
