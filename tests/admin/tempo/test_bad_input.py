"""Whatever is asked, the answer is in words, soon, and of a bounded size."""

from collections.abc import Sequence

import pytest

from tailsampler.admin.tempo.asked import MAX_LIMIT
from tailsampler.admin.tempo.search import INCOMPLETE
from tailsampler.admin.tempo.trace import MAX_JSON_SPANS
from tailsampler.store.options import StoreUnavailableError
from tailsampler.store.query import Deadline, Found, M, Matches, Needs, Row, Scope, Stored, Term
from tailsampler.testing.clock import ManualClock
from tailsampler.testing.spans import request, resource, span
from tailsampler.traces.model import Trace
from tests.admin.tempo.served import CART, asked, full, refusal, serving
from tests.traces.memory_store import MemoryStore

PATHS = (
    "/api/search",
    "/api/search/tags",
    "/api/v2/search/tags",
    "/api/search/tag/service.name/values",
    "/api/v2/search/tag/.x/values",
    f"/api/traces/{CART}",
    f"/api/v2/traces/{CART}",
    "/api/echo",
    "/ready",
)


@pytest.mark.parametrize("path", PATHS)
async def test_without_a_store(path: str) -> None:
    """Where nothing is kept locally, the answer says how to keep something."""
    async with serving(None) as client, client.get(path) as answer:
        assert answer.status == 503
        assert "- type: local" in await answer.text()


@pytest.mark.parametrize("spelling", ["a", "A", "0a", CART, CART.upper(), "0x0a"])
@pytest.mark.parametrize("path", ["/api/traces/", "/api/v2/traces/"])
async def test_trace_ids_as_people_paste_them(path: str, spelling: str) -> None:
    """Case and leading zeros do not matter."""
    await asked(path + spelling)


@pytest.mark.parametrize("spelling", ["xyz", "0" * 33, f"{CART}a", "0", "%20", "%3Cscript%3E"])
@pytest.mark.parametrize("path", ["/api/traces/", "/api/v2/traces/"])
async def test_what_is_no_trace_id(path: str, spelling: str) -> None:
    """400 says what to write instead."""
    status, text = await refusal(path + spelling)
    assert status == 400
    assert "write" in text


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"q": "{ status = error"}, "invalid TraceQL query: line 1, column 17: "),
        ({"q": "{} | count() > 2"}, "line 1, column 4: not supported here: pipelines"),
        ({"q": '{ name =~ "[" }'}, "RE2"),
        ({"q": "{}", "tags": "a=b"}, "can't specify tags and q"),
        ({"tags": 'a="b'}, "invalid tags: syntax error at pos 1"),
        ({"tags": "a=b =c"}, "invalid tags: syntax error at pos 4"),
        ({"tags": "a=b a=c"}, "tag a has been set twice"),
        ({"q": "{}", "limit": "-1"}, "invalid limit"),
        ({"q": "{}", "limit": "1e3"}, "invalid limit"),
        ({"q": "{}", "limit": str(MAX_LIMIT + 1)}, "exceeds max limit 1000"),
        ({"q": "{}", "spss": "101"}, "exceeds 100"),
        ({"q": "{}", "spss": "9" * 5000}, "invalid spss"),
        ({"q": "{}", "start": "20", "end": "10"}, "start must be before end"),
        ({"q": "{}", "start": "20"}, "start must be before end"),
        ({"q": "{}", "start": "now", "end": "10"}, "invalid start"),
        ({"tags": "", "minDuration": "ten"}, "invalid minDuration"),
        ({"tags": "", "minDuration": "2s", "maxDuration": "1s"}, "must be greater"),
    ],
)
async def test_searches_that_make_no_sense(params: dict[str, str], words: str) -> None:
    """400 with the text that Grafana shows to whoever wrote the query."""
    status, text = await refusal("/api/search", params)
    assert status == 400
    assert words in text


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/api/v2/search/tags?scope=nothing", "invalid scope"),
        ("/api/v2/search/tag//values", "valid tagName"),
        ("/api/v2/search/tag/service.name/values", "valid tagName"),
        ("/api/v2/search/tag/.a%7D%20%7C%7C%20%7B.b/values", "valid tagName"),
        ("/api/v2/search/tag/.a%20=%201%20&&%20.b/values", "valid tagName"),
        (f"/api/v2/traces/{CART}?q=%7B%7D", "not supported here"),
    ],
)
async def test_tags_that_make_no_sense(path: str, words: str) -> None:
    """A tag is one field and a scope one of three."""
    status, text = await refusal(path)
    assert status == 400
    assert words in text


async def test_an_empty_store() -> None:
    """Nothing is an answer: empty lists, not errors."""
    store = MemoryStore()
    assert (await asked("/api/search", {"q": "{}"}, store))["traces"] == []
    scopes = (await asked("/api/v2/search/tags", None, store))["scopes"]
    assert [scope["name"] for scope in scopes] == ["intrinsic"]
    assert (await asked("/api/v2/search/tag/.x/values", None, store))["tagValues"] == []


async def test_a_huge_trace() -> None:
    """JSON stops at a number of spans and says so; protobuf gives all of them."""
    store = MemoryStore()
    many = [span(f"s{number}", trace_id=10, span_id=number + 1) for number in range(10_500)]
    store.write(request(resource("cart", *many)).SerializeToString())
    answer = await asked(f"/api/v2/traces/{CART}", None, store)
    groups = answer["trace"]["resourceSpans"]
    assert sum(len(one["scopeSpans"][0].get("spans", ())) for one in groups) == MAX_JSON_SPANS
    assert answer["status"] == "PARTIAL"
    assert "10,500 spans" in answer["message"]
    status, text = await refusal(f"/api/traces/{CART}", None, store)
    assert status == 422
    assert "Accept: application/protobuf" in text
    accept = {"Accept": "application/protobuf"}
    async with (
        serving(store) as client,
        client.get(f"/api/v2/traces/{CART}", headers=accept) as found,
    ):
        assert found.status == 200
    hits = (await asked("/api/search", {"q": "{}", "spss": "100"}, store))["traces"]
    assert hits[0]["spanSets"][0]["matched"] == 10_500
    assert len(hits[0]["spanSets"][0]["spans"]) == 100


async def test_long_values_are_cut_in_lists() -> None:
    """A name of a megabyte does not come back from a search."""
    store = MemoryStore()
    long = "n" * 1_000_000
    one = span(long, trace_id=10, attributes={"x": long})
    store.write(request(resource(long, one)).SerializeToString())
    async with serving(store) as client:
        for path in ("/api/search?q=%7B.x!=nil%7D", "/api/v2/search/tag/.x/values"):
            async with client.get(path) as answer:
                assert answer.status == 200
                assert len(await answer.read()) < 20_000


async def test_words_that_json_has_not() -> None:
    """NaN and infinities come as the words that protobuf's JSON has for them."""
    store = MemoryStore()
    one = span(trace_id=10, attributes={"x": float("nan"), "y": float("inf")})
    store.write(request(resource("cart", one)).SerializeToString())
    answer = await asked("/api/search", {"q": "{ .x != nil && .y != nil }"}, store)
    values = [
        each["value"] for each in answer["traces"][0]["spanSets"][0]["spans"][0]["attributes"]
    ]
    assert values == [{"doubleValue": "NaN"}, {"doubleValue": "Infinity"}]


class SlowStore(MemoryStore):
    """Looking at a trace takes a second of somebody's clock."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock
        self.limits: list[int] = []

    def search(
        self, needs: Needs, matches: Matches[M], *, limit: int, deadline: Deadline
    ) -> Found[M]:
        def slowly(row: Row, trace: Trace) -> M | None:
            found = matches(row, trace)
            self._clock.now_s += 1
            return found

        self.limits.append(limit)
        return super().search(needs, slowly, limit=limit, deadline=deadline)


async def test_a_search_that_takes_too_long() -> None:
    """After two seconds the answer is what was found, and says that it is not all."""
    clock = ManualClock()
    store = SlowStore(clock)
    for number in range(5):
        one = span(trace_id=number + 1, start_ms=number * 1000)
        store.write(request(resource("cart", one)).SerializeToString())
    async with serving(store, clock) as client, client.get("/api/search?q=%7B%7D") as answer:
        found = await answer.json()
        said = answer.headers[INCOMPLETE]
    assert [trace["traceID"] for trace in found["traces"]] == ["5", "4"]
    assert found["metrics"] == {"inspectedTraces": 2, "completedJobs": 1, "totalJobs": 2}
    assert said.startswith("stopped after 2 s and 2 traces, back to 2023-11-14T22:13:23Z")


async def test_times_bound_the_search() -> None:
    """``start`` is included, ``end`` is not."""
    store = full()

    async def ids(start: int, end: int) -> Sequence[str]:
        params = {"q": "{}", "start": str(1_700_000_000 + start), "end": str(1_700_000_000 + end)}
        return [trace["traceID"] for trace in (await asked("/api/search", params, store))["traces"]]

    assert await ids(0, 5) == ["a"]
    assert await ids(0, 6) == ["b", "a"]
    assert await ids(1, 6) == ["b"]
    assert await ids(6, 60) == []


async def test_durations_bound_the_search() -> None:
    """``minDuration`` and ``maxDuration`` hold beside what a query asks for."""

    async def ids(query: str, **params: str) -> Sequence[str]:
        found = await asked("/api/search", {"q": query, **params})
        return [trace["traceID"] for trace in found["traces"]]

    assert await ids("{ traceDuration < 10s }", maxDuration="1s") == ["b"]
    assert await ids("{ traceDuration < 1s }", maxDuration="10s") == ["b"]
    assert await ids("{ duration > 1ms }", minDuration="1s") == ["a"]


async def test_lists_for_the_editor_end() -> None:
    """``limit`` holds for values from the index and for values that are looked up."""
    for query in ({}, {"q": "{ duration > 1ns }"}):
        params = {"limit": "2", **query}
        found = await asked("/api/v2/search/tag/name/values", params)
        assert len(found["tagValues"]) == 2


async def test_the_limit_goes_to_the_store() -> None:
    """The newest traces are enough; the rest is not even looked at."""
    assert len((await asked("/api/search", {"q": "{}", "limit": "1"}))["traces"]) == 1
    store = SlowStore(ManualClock())
    await asked("/api/search", {"q": "{}", "limit": "7"}, store)
    await asked("/api/search", {"q": "{}"}, store)
    assert store.limits == [7, 20]


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("error=true", ["a"]),
        ("status.code=error", ["a"]),
        ("status.code=ok", []),
        ("http.response.status_code=503", ["a"]),
        ("http.response.status_code=50", []),
        ("retry=true", ["a"]),
        ("name=get", ["a"]),
        ("root.name=cart root.service.name=cart", ["a"]),
        ("service.name=payment", ["b", "a"]),
        ("kind=client", ["a"]),
        ("nothing", []),
        ("", ["b", "a"]),
    ],
)
async def test_tags(tags: str, found: list[str]) -> None:
    """Texts match by a part, numbers and words as a whole."""
    answer = await asked("/api/search", {"tags": tags})
    assert [trace["traceID"] for trace in answer["traces"]] == found


class BrokenStore(MemoryStore):
    """Its file is locked."""

    def search(
        self, needs: Needs, matches: Matches[M], *, limit: int, deadline: Deadline
    ) -> Found[M]:
        raise StoreUnavailableError("traces.sqlite is locked")

    def get(self, trace_id: bytes) -> Stored | None:
        raise StoreUnavailableError("traces.sqlite is locked")

    def tag_names(self) -> Sequence[tuple[Scope, str]]:
        raise StoreUnavailableError("traces.sqlite is locked")

    def tag_values(self, scopes: Sequence[Scope], key: str, *, limit: int) -> Sequence[Term]:
        raise StoreUnavailableError("traces.sqlite is locked")


@pytest.mark.parametrize("path", PATHS[:-2])
async def test_a_store_that_cannot_be_used(path: str) -> None:
    """503 says what is wrong with the file; it may be well in a moment."""
    status, text = await refusal(path, None, BrokenStore())
    assert status == 503
    assert "traces.sqlite is locked" in text


class ImpatientClock(ManualClock):
    """Half a second passes whenever somebody looks."""

    def monotonic_s(self) -> float:
        self.now_s += 0.5
        return self.now_s


async def test_a_trace_too_large_for_the_budget() -> None:
    """What does not fit the two seconds is left out, and the answer says so."""
    store = MemoryStore()
    many = [span(trace_id=1, span_id=number + 1) for number in range(300)]
    store.write(request(resource("cart", *many)).SerializeToString())
    store.write(request(resource("cart", span(trace_id=2, start_ms=-1000))).SerializeToString())
    clock = ImpatientClock()
    async with serving(store, clock) as client, client.get("/api/search?q=%7B%7D") as answer:
        assert (await answer.json())["traces"] == []
        assert INCOMPLETE in answer.headers
