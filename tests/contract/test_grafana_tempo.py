"""What Grafana's Tempo data source asks, as its source has it, and what the answers hold."""

import base64
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from tests.admin.tempo.served import CART, EPOCH_S, asked, full, refusal, serving
from tests.contract.tempopb import message

RANGE = {"start": str(EPOCH_S - 60), "end": str(EPOCH_S + 60)}


def strictly(name: str, answer: Any) -> Message:
    """The message that Grafana reads from JSON; an unknown field or a wrong type fails."""
    return ParseDict(answer, message(name)())


def stored() -> bytes:
    found = full().get(bytes.fromhex(CART))
    assert found is not None
    return found.data


async def in_protobuf(path: str) -> tuple[int, bytes]:
    async with (
        serving(full()) as client,
        client.get(path, params=RANGE, headers={"Accept": "application/protobuf"}) as answer,
    ):
        assert answer.content_type == "application/protobuf"
        return answer.status, await answer.read()


async def test_save_and_test() -> None:
    """The health check asks for the echo, and the version says what may be asked for."""
    async with serving(full()) as client:
        async with client.get("/api/echo") as answer:
            assert (answer.status, await answer.text()) == (200, "echo")
        async with client.get("/ready") as answer:
            assert answer.status == 200
        async with client.get("/api/status/buildinfo") as answer:
            build = await answer.json()
    assert set(build) == {"version", "revision", "branch", "buildUser", "buildDate", "goVersion"}
    assert [int(part) for part in build["version"].split(".")] >= [2, 2, 0]


async def test_a_trace_by_id_in_protobuf() -> None:
    """The trace view gets ``TraceByIDResponse`` with every span as it was stored."""
    status, body = await in_protobuf(f"/api/v2/traces/{CART}")
    assert status == 200
    found: Any = message("TraceByIDResponse").FromString(body)
    assert found.trace.SerializeToString() == stored()
    assert found.metrics.inspectedBytes == len(stored())
    assert (found.status, found.message) == (0, "")
    assert set(MessageToDict(found)) == {"trace", "metrics"}


async def test_the_older_trace_by_id_in_protobuf() -> None:
    """What is asked for after a 404: the trace itself, no envelope."""
    status, body = await in_protobuf(f"/api/traces/{CART}")
    assert status == 200
    trace: Any = message("Trace").FromString(body)
    assert trace.SerializeToString() == stored()


async def test_a_trace_that_is_not_there() -> None:
    """Both versions say 404, so that the data source shows our words and not a blank view."""
    for path in ("/api/v2/traces/abc", "/api/traces/abc"):
        status, text = await refusal(path, RANGE)
        assert status == 404
        assert text.startswith(f"trace {'abc':0>32} is not kept here; /explain?trace_id=")


async def test_a_trace_by_id_in_json() -> None:
    """Ids in base64, enums by name, 64 bits as text, and ``batches`` in the older version."""
    newer = await asked(f"/api/v2/traces/{CART}")
    assert newer["trace"] == MessageToDict(TracesData.FromString(stored()))
    assert newer["metrics"] == {"inspectedBytes": str(len(stored()))}
    assert set(newer) == {"trace", "metrics"}
    span = newer["trace"]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert span["traceId"] == base64.b64encode(bytes.fromhex(CART)).decode()
    assert span["spanId"] == base64.b64encode(bytes([0] * 7 + [1])).decode()
    assert span["kind"] == "SPAN_KIND_SERVER"
    assert span["startTimeUnixNano"] == f"{EPOCH_S}000000000"
    older = await asked(f"/api/traces/{CART}")
    assert older == {"batches": newer["trace"]["resourceSpans"]}


async def test_search_by_the_builder() -> None:
    """The search tab: the query, ``limit``, ``spss`` and the range; every field of the answer."""
    params = {
        "q": '{resource.service.name="payment" && kind=client && duration>50ms}',
        "limit": "20",
        "spss": "1",
        **RANGE,
    }
    answer = await asked("/api/search", params)
    strictly("SearchResponse", answer)
    pay = {
        "spanID": "0000000000000002",
        "name": "pay",
        "startTimeUnixNano": f"{EPOCH_S}010000000",
        "durationNanos": "900000000",
        "attributes": [
            {"key": "service.name", "value": {"stringValue": "payment"}},
            {"key": "kind", "value": {"stringValue": "client"}},
        ],
    }
    spanset = {"spans": [pay], "matched": 2}
    assert answer["traces"] == [
        {
            "traceID": "a",
            "rootServiceName": "cart",
            "rootTraceName": "GET /cart",
            "startTimeUnixNano": f"{EPOCH_S}000000000",
            "durationMs": 1500,
            "spanSet": spanset,
            "spanSets": [spanset],
            "serviceStats": {
                "cart": {"spanCount": 1},
                "payment": {"spanCount": 2, "errorCount": 1},
            },
        }
    ]
    metrics = answer["metrics"]
    assert metrics["completedJobs"] == metrics["totalJobs"] == 1
    assert metrics["inspectedTraces"] >= 1


async def test_search_with_nothing_chosen() -> None:
    """An empty builder sends ``{}``: the newest traces, also one whose root has not come."""
    answer = await asked("/api/search", {"q": "{}", "limit": "20", "spss": "3", **RANGE})
    strictly("SearchResponse", answer)
    assert [trace["traceID"] for trace in answer["traces"]] == ["b", "a"]
    assert answer["traces"][0]["rootServiceName"] == "<root span not yet received>"
    assert "rootTraceName" not in answer["traces"][0]
    assert answer["traces"][1]["spanSets"][0]["matched"] == 3


async def test_search_by_several_values() -> None:
    """The builder joins values of one field by ``||`` or into one regular expression."""
    either = "{(name=`pay` || name=`SELECT`) && status!=error}"
    answer = await asked("/api/search", {"q": either.replace("`", '"')})
    assert [trace["traceID"] for trace in answer["traces"]] == ["b", "a"]
    pattern = '{resource.service.name=~"cart|nobody" && traceDuration>1s}'
    answer = await asked("/api/search", {"q": pattern})
    assert [trace["traceID"] for trace in answer["traces"]] == ["a"]


async def test_search_by_tags() -> None:
    """The older form: part of a value in any case, and the trace's own duration."""
    params = {"tags": 'service.name=PAY http.route="/cart"', "minDuration": "1s"}
    answer = await asked("/api/search", params)
    strictly("SearchResponse", answer)
    assert [trace["traceID"] for trace in answer["traces"]] == ["a"]
    assert "spanSets" not in answer["traces"][0]
    assert (await asked("/api/search", {**params, "maxDuration": "1400ms"}))["traces"] == []


async def test_names_for_the_editor() -> None:
    """The list of tags comes by scope, each scope sorted, with a limit for each."""
    answer = await asked("/api/v2/search/tags", {"limit": "5000", **RANGE})
    strictly("SearchTagsV2Response", answer)
    scopes = {scope["name"]: scope["tags"] for scope in answer["scopes"]}
    assert list(scopes) == ["resource", "span", "intrinsic"]
    assert scopes["resource"] == ["region", "service.name", "zone"]
    assert {"http.route", "amount", "strange key=1"} <= set(scopes["span"])
    assert {"duration", "name", "status", "rootServiceName", "trace:rootName"} <= set(
        scopes["intrinsic"]
    )
    only = await asked("/api/v2/search/tags", {"scope": "span", "limit": "2"})
    assert only["scopes"] == [{"name": "span", "tags": scopes["span"][:2]}]
    assert (await asked("/api/v2/search/tags", {"scope": "event"}))["scopes"] == []


async def test_names_for_older_versions() -> None:
    """One flat list."""
    answer = await asked("/api/search/tags")
    strictly("SearchTagsResponse", answer)
    assert {"service.name", "http.route", "name"} <= set(answer["tagNames"])


async def test_values_for_the_editor() -> None:
    """Values carry the type that the editor writes them by."""

    async def values(tag: str, **params: str) -> list[tuple[str, str]]:
        found = await asked(f"/api/v2/search/tag/{tag}/values", {"limit": "5000", **params})
        strictly("SearchTagValuesV2Response", found)
        return sorted((each["type"], each["value"]) for each in found["tagValues"])

    services = [("string", "cart"), ("string", "payment")]
    assert await values("resource.service.name") == services
    assert await values(".service.name", **RANGE) == services
    assert await values("rootServiceName") == [("string", "cart"), ("string", "payment")]
    assert await values("span.http.response.status_code") == [("int", "503")]
    assert await values("span.amount") == [("float", "9.5")]
    assert await values("span.retry") == [("bool", "true")]
    assert await values("name") == [
        ("string", "GET /cart"),
        ("string", "SELECT"),
        ("string", "pay"),
    ]
    assert await values("status") == [("keyword", "error"), ("keyword", "ok"), ("keyword", "unset")]
    assert ("keyword", "server") in await values("kind")
    assert await values("duration") == []
    assert await values('span."strange key=1"') == [("string", "yes")]
    assert await values("instrumentation:name") == [
        ("string", "db.client"),
        ("string", "tailsampler.testing"),
    ]


async def test_values_narrowed_by_what_is_chosen() -> None:
    """With ``q`` only values on matching spans are offered; an unfinished one narrows nothing."""

    async def values(query: str) -> list[str]:
        path = "/api/v2/search/tag/resource.service.name/values"
        found = await asked(path, {"q": query, "limit": "5000"})
        return sorted(each["value"] for each in found["tagValues"])

    assert await values("{status=error}") == ["payment"]
    assert await values('{span.http.route="/cart"}') == ["cart"]
    assert await values("{}") == ["cart", "payment"]
    assert await values("{ span.http.route = }") == ["cart", "payment"]


async def test_values_for_older_versions() -> None:
    """Texts alone, of tags without a scope."""
    answer = await asked("/api/search/tag/service.name/values")
    strictly("SearchTagValuesResponse", answer)
    assert sorted(answer["tagValues"]) == ["cart", "payment"]
    answer = await asked("/api/search/tag/status.code/values")
    assert set(answer["tagValues"]) == {"ok", "error", "unset"}


async def test_metrics_queries_are_refused_in_words() -> None:
    """What a metrics panel shows is a reason, not an empty graph."""
    for path in ("/api/metrics/query_range", "/api/metrics/query"):
        status, text = await refusal(path, {"q": "{} | rate()", "step": "15s", **RANGE})
        assert status == 400
        assert text.startswith("not supported here: TraceQL metrics")
