"""Differences get the gateway's own reasons, whatever that gateway says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tailsampler.access.credentials import Credentials
from tailsampler.admin.app import admin_app
from tailsampler.compare import verdicts
from tailsampler.compare.explaining import Difference
from tailsampler.compare.report import Report
from tailsampler.errors import ControlError
from tests.compare.written import classes, kept, lines, report_of
from tests.telemetry.fakes import FakeCore, held, status, verdict

BOTH = kept({1: [1]})


async def asked(
    path: Path,
    decisions: dict[int, dict[str, Any]],
    *,
    theirs: dict[int, list[int]] | None = None,
    ours: dict[int, list[int]] | None = None,
    **options: Any,
) -> Report:
    """A against B, whose gateway has these verdicts."""
    core = FakeCore(decisions={n.to_bytes(16, "big"): one for n, one in decisions.items()})
    a = lines([BOTH, kept(theirs or {})], path / "a")
    b = lines([BOTH, kept(ours or {})], path / "b")
    async with TestServer(admin_app(core, status(), [], "127.0.0.1")) as server:
        return await report_of(a, b, verdicts=(str(server.make_url("/")),), **options)


DROPPED = {"kept": False, "policy": None, "reason": "no_match", "probability": 0.0}


@pytest.mark.parametrize(
    ("found", "kind", "words"),
    [
        (verdict(**DROPPED, spans=2), "dropped", "on 2 spans: dropped. No policy matched it."),
        (verdict(**DROPPED, spans=1), "fewer_spans", "on 1 of its 2 spans: dropped."),
        (verdict(**DROPPED, spans=9), "dropped", "on 9 spans"),
        (verdict(**DROPPED, early="early_buffer_full"), "early", "(buffer.max_bytes)"),
        (verdict(), "not_there", "still waits in the outbox"),
        (held(), "held", "B holds 2 spans and judges in 7.2 s."),
        (None, "unknown", "No gateway of B knows it"),
    ],
)
async def test_why_ours_lacks_it(
    tmp_path: Path, found: dict[str, Any] | None, kind: str, words: str
) -> None:
    """The verdict, on how many spans, and when; or that there is none, or none any more."""
    report = await asked(tmp_path, {} if found is None else {2: found}, theirs={2: [1, 2]})
    [one] = report.differences
    assert (one.kind, one.kept_by) == (kind, ("A",))
    assert words in one.say
    assert one.say.startswith("Kept by A alone (2 spans, begins 2023-11-14T22:13:20.000Z).")
    if found and found["state"] == "judged":
        assert "2023-11-14T22:13:20.123Z" in one.say


@pytest.mark.parametrize(
    ("found", "kind", "words"),
    [
        (verdict(), "kept", "Policy errors was the first that matched"),
        (verdict(voted=True), "kept", "Policy errors voted for it"),
        (verdict(voted=True, reason="rate_limiting"), "limited", "rate_limiting"),
        (verdict(voted=True, reason="composite"), "limited", "composite"),
        (verdict(early="early_shutdown"), "early", "asked to drain"),
        (verdict(**DROPPED), "there_anyway", "Another gateway kept it"),
        (None, "unknown", "No gateway of B knows it"),
    ],
)
async def test_why_ours_alone_has_it(
    tmp_path: Path, found: dict[str, Any] | None, kind: str, words: str
) -> None:
    """The policy that kept it, and whether a limit is the reason."""
    report = await asked(tmp_path, {} if found is None else {2: found}, ours={2: [1, 2]})
    [one] = report.differences
    assert (one.kind, one.kept_by) == (kind, ("B",))
    assert words in one.say


async def test_several_gateways_are_one_side(tmp_path: Path) -> None:
    """One that judged goes before one that holds a part, and one that kept before the others."""
    a, b = lines([BOTH, kept({2: [1], 3: [1]})], tmp_path / "a"), lines([BOTH], tmp_path / "b")
    two, three = ((n).to_bytes(16, "big") for n in (2, 3))
    first = FakeCore(decisions={two: held(), three: verdict(**DROPPED)})
    second = FakeCore(decisions={two: verdict(**DROPPED), three: verdict()})
    async with (
        TestServer(admin_app(first, status(), [], "127.0.0.1")) as one,
        TestServer(admin_app(second, status(), [], "127.0.0.1")) as other,
    ):
        urls = tuple(str(server.make_url("/")) for server in (one, other))
        report = await report_of(a, b, verdicts=urls)
    assert classes(report) == {("dropped", "A"): 1, ("not_there", "A"): 1}
    assert {each.verdict and each.verdict.gateway for each in report.differences} == {urls[1]}


async def test_a_gateway_is_not_searched_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each trace that it does not remember costs it a walk through its verdict log."""
    monkeypatch.setattr(verdicts, "MOST_UNKNOWN", 8)
    report = await asked(tmp_path, {}, theirs={n: [1] for n in range(2, 52)})
    assert classes(report) == {("unknown", "A"): 8, ("alone", "A"): 42}


async def test_only_so_many_are_looked_into(tmp_path: Path) -> None:
    """All are counted, and those that were not looked into say so."""
    report = await asked(
        tmp_path, {}, theirs={n: [1] for n in range(2, 32)}, ours={99: [1]}, most=10
    )
    assert (report.differ, len(report.differences)) == (31, 10)
    assert classes(report) == {
        ("unknown", "A"): 10,
        ("not_looked_into", "A"): 20,
        ("not_looked_into", "B"): 1,
    }


@pytest.mark.parametrize(
    "answer",
    [
        web.json_response([1]),
        web.json_response({"state": "judged"}),
        web.json_response({"state": "asleep", "spans": 1}),
        web.json_response({"state": "judged", "spans": -1, "kept": True}),
        web.json_response(verdict(judged_at_ns=1 << 70)),
        web.json_response(verdict(probability="many")),
        web.json_response(held(due_in_s=None)),
        web.json_response({"code": "not_ready", "say": "later"}, status=503),
        web.json_response({}, status=404),
        web.Response(text="<html>"),
        web.Response(status=301, headers={"Location": "http://127.0.0.1:1/"}),
        web.json_response({"say": "no token"}, status=401),
    ],
    ids=str,
)
async def test_what_is_no_gateway_is_named(tmp_path: Path, answer: web.Response) -> None:
    """An error with the address, and never a guess or a traceback."""

    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=answer.body, status=answer.status, headers=answer.headers)

    app = web.Application()
    app.add_routes([web.get("/api/v1/decisions/{id}", handle)])
    a, b = lines([BOTH, kept({2: [1]})], tmp_path / "a"), lines([BOTH], tmp_path / "b")
    async with TestServer(app) as server:
        url = str(server.make_url("/"))
        with pytest.raises(ControlError, match=f"{url}api"):
            await report_of(a, b, verdicts=(url,))


async def test_the_token_goes_to_the_gateway_alone(tmp_path: Path) -> None:
    """A Tempo that is asked beside it does not learn it."""
    shown: dict[str, str | None] = {}

    def app(name: str) -> web.Application:
        async def handle(request: web.Request) -> web.Response:
            shown[f"{name} {request.path[:8]}"] = request.headers.get("Authorization")
            if "search" not in request.path:
                return web.json_response({"code": "unknown_trace"}, status=404)
            hit = {"traceID": "5", "startTimeUnixNano": "1700000000000000000"}
            return web.json_response({"traces": [hit]})

        found = web.Application()
        found.add_routes([web.get("/{path:.*}", handle)])
        return found

    a = lines([BOTH], tmp_path / "a")
    time = {"since_ns": 1_699_999_999 * 10**9, "until_ns": 1_700_000_001 * 10**9}
    token = Credentials(token="hunter2")
    async with TestServer(app("tempo")) as tempo, TestServer(app("gateway")) as gateway:
        for_both, known = str(tempo.make_url("/")), str(gateway.make_url("/"))
        await report_of(a, for_both, verdicts=(known,), credentials=token, **time)
        await report_of(a, known, verdicts=(known,), credentials=token, **time)
    bearer = "Bearer hunter2"
    assert shown == {
        "tempo /api/sea": None,
        "tempo /api/tra": None,
        "gateway /api/v1/": bearer,
        "gateway /api/sea": bearer,
        "gateway /api/tra": bearer,
    }


async def test_words_of_a_gateway_do_not_steer_a_terminal(tmp_path: Path) -> None:
    """Programs get them as they are."""
    from tests.compare.test_report import drawn  # noqa: PLC0415 - a helper of the neighbour

    report = await asked(tmp_path, {2: verdict(policy="\x1b[2Jboo")}, ours={2: [1]})
    [one] = report.differences
    assert isinstance(one, Difference)
    assert "\x1b[2Jboo" in one.say
    assert "\x1b" not in drawn(report)
    assert "boo" in drawn(report)
