"""Sides that are asked: as Tempo answers, a gateway's own store, and whatever else answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import ClientTimeout, web
from aiohttp.test_utils import TestServer

from tailsampler.compare import asking, tempo
from tailsampler.compare.explaining import Class
from tailsampler.compare.report import Report
from tailsampler.compare.run import Options, compared
from tailsampler.errors import ControlError, TailsamplerError
from tailsampler.testing.clock import ManualClock
from tests.admin.tempo.served import serving
from tests.compare.written import kept, lines, report_of
from tests.store.opened import opened

EPOCH_S = 1_700_000_000
HOUR: dict[str, Any] = {"since_ns": EPOCH_S * 10**9, "until_ns": (EPOCH_S + 3_600) * 10**9}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class StandIn:
    """Answers as Tempo does: in no order, no more than the limit, ids without their zeros."""

    def __init__(self, traces: dict[int, list[int]], starts_ms: dict[int, float]) -> None:
        self.traces = traces
        self.starts_ms = starts_ms
        self.dice = Random(7)
        self.searches = 0
        self.tenants: list[str | None] = []
        self.most_limit = 100_000
        self.cut = 0
        """Spans that a search does not see of each trace, as where one lies in two blocks."""
        self.complete = True

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [web.get("/api/search", self.search), web.get("/api/traces/{id}", self.trace)]
        )
        return app

    async def search(self, request: web.Request) -> web.Response:
        self.searches += 1
        self.tenants.append(request.headers.get("X-Scope-OrgID"))
        asked = request.query
        assert asked["q"] == "{}"
        limit = int(asked["limit"])
        if limit > self.most_limit:
            return web.Response(status=400, text=f"limit {limit} exceeds {self.most_limit}")
        begin, end = (float(asked[key]) for key in ("start", "end"))
        # What overlaps is found, as each trace lasts for 10 ms.
        found = [
            number
            for number, at in self.starts_ms.items()
            if EPOCH_S + at / 1e3 < end and EPOCH_S + at / 1e3 + 0.01 > begin
        ]
        self.dice.shuffle(found)
        hits = [
            {
                "traceID": f"{number:x}",
                "startTimeUnixNano": str(EPOCH_S * 10**9 + int(self.starts_ms[number] * 1e6)),
                "durationMs": 10,
                "spanSets": [{"spans": [], "matched": len(self.traces[number]) - self.cut}],
            }
            for number in found[:limit]
        ]
        metrics = {"completedJobs": 3 if self.complete else 2, "totalJobs": 3}
        return web.json_response({"traces": hits, "metrics": metrics})

    async def trace(self, request: web.Request) -> web.Response:
        assert request.headers["Accept"] == "application/protobuf"
        number = int(request.match_info["id"], 16)
        body = kept({number: self.traces[number]}, at_ms=self.starts_ms[number])
        return web.Response(body=body.SerializeToString(), content_type="application/protobuf")


def many(count: int, over_s: float = 3_600) -> StandIn:
    """Traces spread evenly over a time."""
    numbers = range(1, count + 1)
    return StandIn(
        {n: list(range(1, 2 + n % 4)) for n in numbers},
        {n: n * over_s * 1_000 / (count + 1) for n in numbers},
    )


def file_of(stand: StandIn, path: Path) -> Path:
    return lines(
        [kept({n: ids}, at_ms=stand.starts_ms[n]) for n, ids in stand.traces.items()], path
    )


async def against(app: web.Application, other: Path | str, **options: Any) -> Report:
    async with TestServer(app) as server:
        return await report_of(other, str(server.make_url("/")), **{**HOUR, **options})


async def test_every_trace_is_found_through_searches_that_are_cut(tmp_path: Path) -> None:
    """Slices that are full are halved until each is answered whole; ids get their zeros back."""
    stand = many(2_500)
    report = await against(stand.app(), file_of(stand, tmp_path / "file"))
    assert report.found.traces == [2_500, 2_500]
    assert report.differ == 0
    assert stand.searches > 3


async def test_one_second_that_is_full_is_asked_for_more(tmp_path: Path) -> None:
    """A larger limit comes where a slice cannot be halved any more."""
    stand = many(1_500, over_s=0.9)
    report = await against(stand.app(), file_of(stand, tmp_path / "file"))
    assert (report.found.both, report.differ) == (1_500, 0)


async def test_one_second_that_is_never_told_is_an_error(tmp_path: Path) -> None:
    """Half a comparison would name differences that are none."""
    stand = many(1_500, over_s=0.9)
    stand.most_limit = 1_000
    with pytest.raises(ControlError, match=r"more than 1,000 traces of one second.*files"):
        await against(stand.app(), file_of(stand, tmp_path / "file"))


async def test_counts_of_a_search_are_verified(tmp_path: Path) -> None:
    """A search may see a part of a trace; the trace itself says how many spans it has."""
    stand = many(20)
    stand.traces = {n: [1, 2, 3] for n in stand.traces}
    stand.cut = 1
    a = file_of(stand, tmp_path / "file")
    stand.traces[7] = [1, 2]
    report = await against(stand.app(), a)
    assert report.agree_after_all == 19
    [one] = report.differences
    assert (one.kind, one.spans) == (Class.SPANS_DIFFER, (3, 2))
    assert one.trace_id == f"{7:032x}"


async def test_a_search_that_did_not_look_at_everything_is_noted(tmp_path: Path) -> None:
    """After it was asked again by the second."""
    stand = many(3, over_s=4)
    stand.complete = False
    app, other = stand.app(), file_of(stand, tmp_path / "file")
    report = await against(app, other, until_ns=(EPOCH_S + 4) * 10**9)
    assert report.differ == 0
    assert "4 searches" in report.notes[0]


async def test_each_side_has_its_tenant(tmp_path: Path) -> None:
    """And a side without one sends no header."""
    first, second = many(3), many(3)
    async with TestServer(first.app()) as a, TestServer(second.app()) as b:
        urls = (str(a.make_url("/")), str(b.make_url("/")))
        await compared(Options(sides=urls, tenants=("shop", None), **HOUR), ManualClock())
    assert set(first.tenants) == {"shop"}
    assert set(second.tenants) == {None}


async def test_a_gateways_own_store_is_a_side(tmp_path: Path) -> None:
    """The real store behind the real API: all of it, and which spans a trace lacks."""
    traces = {number: [1, 2] for number in range(1, 1_301)}
    with opened(tmp_path) as store:
        each = [kept({number: spans}, at_ms=number * 100) for number, spans in traces.items()]
        store.write(b"".join(one.SerializeToString() for one in each))
        other = lines(
            [
                kept({number: [1, 2, 3] if number == 9 else spans}, at_ms=number * 100)
                for number, spans in traces.items()
                if number != 1_000
            ],
            tmp_path / "file",
        )
        async with serving(store) as client:
            report = await report_of(other, str(client.make_url("/")), **HOUR)
    assert report.found.traces == [1_299, 1_300]
    kinds = {one.trace_id: (one.kind, one.kept_by) for one in report.differences}
    assert kinds == {
        f"{9:032x}": (Class.SPANS_DIFFER, ("A", "B")),
        f"{1_000:032x}": (Class.ALONE, ("B",)),
    }


async def test_a_side_that_is_asked_needs_a_time(tmp_path: Path) -> None:
    """Nobody wants all that a Tempo holds by accident."""
    with pytest.raises(TailsamplerError, match="--since"):
        await report_of(tmp_path, "http://127.0.0.1:1")


def answers(**answer: Any) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(**answer)

    return handle


async def _large(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.enable_compression()
    await response.prepare(request)
    for _ in range(200):
        await response.write(b" " * 10_000)
    await response.write_eof()
    return response


async def _hang(_: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def _cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"{}")
    assert request.transport is not None
    request.transport.close()
    return response


HIT = '{"traces": [%s]}'


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (answers(text="<html>a login page</html>"), "no JSON: <html>"),
        (answers(text="[1]"), "no JSON"),
        (answers(text="[" * 100_000), "no JSON"),
        (answers(text='{"traces": 3}'), "as Tempo does"),
        (answers(text=HIT % "3"), "no trace"),
        (answers(text=HIT % '{"traceID": "no"}'), "no trace"),
        (answers(text=HIT % '{"traceID": "1", "durationMs": 1e999}'), "no trace"),
        (answers(text=HIT % '{"traceID": "1", "spanSets": 1}'), "no trace"),
        (answers(text=HIT % '{"traceID": "1", "startTimeUnixNano": "x"}'), "no trace"),
        (answers(status=302, headers={"Location": "http://127.0.0.1:1/"}), "not followed"),
        (answers(status=401, text="who are you"), "refused"),
        (answers(status=404, text="nothing\x1b[31m here"), r"404: nothing \[31m here"),
        (answers(status=503, text="add - type: local"), "503: add - type: local"),
        (_large, "more than"),
        (_hang, "does not answer in time"),
        (_cut, "cannot ask"),
    ],
)
async def test_whatever_else_answers_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handler: Handler, words: str
) -> None:
    """No answer hangs the program, fills its memory, or leads it elsewhere."""
    monkeypatch.setattr(asking, "MOST_BYTES", 1_000_000)
    if handler is _hang:
        monkeypatch.setattr(asking, "_TIMEOUT", ClientTimeout(total=0.2))
    app = web.Application()
    app.add_routes([web.get("/api/search", handler)])
    with pytest.raises(ControlError, match=words):
        await against(app, lines([kept({1: [1]})], tmp_path / "file"))


async def test_a_trace_that_is_none_is_named(tmp_path: Path) -> None:
    """The search is well, and the trace itself is something else."""
    stand = many(3)
    app = web.Application()
    app.add_routes(
        [
            web.get("/api/search", stand.search),
            web.get("/api/traces/{id}", answers(text="<html>", content_type="text/html")),
        ]
    )
    with pytest.raises(ControlError, match="no trace"):
        await against(app, lines([kept({50: [1]})], tmp_path / "file"))


async def test_an_answer_that_may_come_later_is_waited_for(tmp_path: Path) -> None:
    """Tempo answers 429 to whoever asks too much; two waits, and then it is said."""
    stand, refusals = many(3), [429, 502]

    async def busy(request: web.Request) -> web.StreamResponse:
        return web.Response(status=refusals.pop()) if refusals else await stand.search(request)

    app, clock = web.Application(), ManualClock()
    app.add_routes([web.get("/api/search", busy)])
    a = file_of(stand, tmp_path / "file")
    async with TestServer(app) as server:
        options = Options(sides=(str(a), str(server.make_url("/"))), **HOUR)
        running = asyncio.create_task(compared(options, clock))
        for wait_s in (1, 2):
            await clock.until_asleep(wait_s)
            await clock.advance(wait_s)
        assert (await running).differ == 0
        refusals += [429, 429, 429]
        running = asyncio.create_task(compared(options, clock))
        for wait_s in (1, 2):
            await clock.until_asleep(wait_s)
            await clock.advance(wait_s)
        with pytest.raises(ControlError, match="answered 429"):
            await running


@pytest.mark.parametrize("url", ["http://", "http://user:secret@127.0.0.1:1", "ftp://x/y"])
async def test_addresses_that_are_none(tmp_path: Path, url: str) -> None:
    """They are refused, and a password is not repeated."""
    with pytest.raises(TailsamplerError) as raised:
        await report_of(lines([kept({1: [1]})], tmp_path / "file"), url, **HOUR)
    assert "secret" not in str(raised.value)


def test_the_limit_is_one_that_a_gateway_takes() -> None:
    """Else each search of its own store would be refused."""
    from tailsampler.admin.tempo.asked import MAX_LIMIT  # noqa: PLC0415 - what it is held to

    assert tempo.LIMIT <= MAX_LIMIT
