"""The first page."""

import json
import re
from typing import Any

import pytest

from tailsampler.telemetry.found import Found
from tailsampler.telemetry.status import Phase
from tests.admin.pages.asking import served, text
from tests.telemetry.fakes import FakeCore, books, ledger, status, verdict
from tests.telemetry.fakes import found as found_at_start

HOSTILE = "<script>alert(1)</script>\u202egnp.exe\"'&"


def heading(html: str) -> str:
    found = re.search(r"<h1>(.*?)</h1>", html)
    assert found
    return found[1]


def spans(**changes: Any) -> FakeCore:
    """A core with one exporter whose books are these."""
    pair = {"spans": books(**changes), "bytes": books(**changes)}
    return FakeCore(
        ledger(
            spans={**books(**changes), "refused": 0, "rejected": {}},
            bytes={**books(**changes), "refused": 0},
            exporters={"tempo": pair},
        )
    )


def quiet() -> FakeCore:
    return spans(dropped={"policy": 45})


async def test_all_is_well_is_the_first_thing_said() -> None:
    """With what was kept and dropped behind it, and no alarm anywhere."""
    async with served(quiet()) as (client, _):
        html = await text(client, "/")
    assert heading(html) == "All spans accounted for."
    assert "20 traces since the first: 9 kept, 11 dropped on purpose." in html
    assert "notice bad" not in html


async def test_the_newest_minute_is_told_in_one_sentence() -> None:
    """Counts of the time that was watched, and the time by its name."""
    core = quiet()
    async with served(core) as (client, clock):
        core.books["traces"].update(judged=1224, kept=47, dropped=1177)
        await clock.advance(12)
        assert (
            "1,204 traces judged in the last 12 s: 38 kept, 1,166 dropped on purpose."
            in await text(client, "/")
        )
        core.books["traces"].update(judged=1225, kept=48)
        await clock.advance(60)
        assert "1 trace judged in the last minute: 1 kept, 0 dropped on purpose." in await text(
            client, "/"
        )


async def test_a_loss_is_the_headline() -> None:
    """With the exporter, the reason and what it means."""
    async with served(FakeCore()) as (client, _):
        html = await text(client, "/")
    assert heading(html) == "1 span was lost."
    assert "1 span lost at exporter tempo (backend_refused). The backend refuses" in html


async def test_a_gap_in_the_books_is_the_headline() -> None:
    """Nothing is more urgent, and the reader is asked to report it."""
    async with served(spans(received=103, dropped={"policy": 45})) as (client, _):
        html = await text(client, "/")
    assert heading(html) == "3 spans are missing from the books."
    assert 'data-state="wrong"' in html
    assert "Please report it" in html


async def test_a_failing_exporter_is_told_without_alarm() -> None:
    """Nothing is lost while its spans wait, and the page says so."""
    seen = status()
    now_s = seen.clock.monotonic_s()
    seen.exporters["tempo"].failed("UNAVAILABLE: gone", sent_s=now_s, now_s=now_s, delay_s=12)
    async with served(quiet(), seen=seen) as (client, _):
        html = await text(client, "/")
    assert heading(html) == "All spans accounted for."
    said = "Exporter tempo fails, tried again in 12 s. Nothing is lost: 5 spans wait in the outbox."
    assert said in html
    assert "UNAVAILABLE: gone" in html


async def test_trouble_is_the_headline() -> None:
    """What spans need and is dead stands above everything else, on every page's head, too."""
    seen = status()
    seen.failed_threads = ("writer",)
    async with served(quiet(), seen=seen) as (client, _):
        html = await text(client, "/")
        other = await text(client, "/settings")
    assert heading(html) == "In trouble: see below."
    assert "The writer thread has ended. Requests are refused" in html
    for page in (html, other):
        assert 'data-state="wrong"' in page
        assert "ready, but in trouble, books balanced" in page


async def test_a_start_that_lost_something_says_so() -> None:
    """For as long as the process lives, with what to do."""
    seen = status()
    lost = {"lost": {"spans": 12, "bytes": 3_240, "requests": 1}}
    seen.found = Found.parse(json.dumps(found_at_start(**lost)))
    async with served(quiet(), seen=seen) as (client, _):
        html = await text(client, "/")
        settings = await text(client, "/settings")
    for page in (html, settings):
        assert "12 spans of 1 request could not be read back and are lost." in page


async def test_a_gateway_that_closes_says_so() -> None:
    """In the headline and in the header."""
    async with served(quiet(), seen=status(Phase.CLOSING)) as (client, _):
        html = await text(client, "/")
    assert heading(html).startswith("Closing:")
    assert "closing, books balanced" in html


async def test_before_the_first_span_it_says_how_to_send_one() -> None:
    """With the real addresses, written so that they can be reached: a line to copy."""
    core = spans(received=0, exported=0, dropped={}, held={"buffer": 0, "outbox": 0})
    core.books["traces"] = {"judged": 0, "kept": 0, "dropped": 0, "open": 0}
    addresses = {"otlp_grpc": "0.0.0.0:4001", "otlp_http": "127.0.0.1:4002"}
    async with served(core, addresses=addresses) as (client, _):
        html = await text(client, "/")
    assert heading(html) == "Ready, and waiting for the first span."
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4001" in html
    assert "http://127.0.0.1:4002" in html
    assert "tailsampler demo" in html


async def test_policies_stand_in_their_order_with_what_they_did() -> None:
    """Also one that never matched, and one that the chain no longer has."""
    core = quiet()
    core.numbers["policies"].append({"policy": "retired", "judged": 4, "kept": 1, "dropped": 3})
    async with served(core) as (client, _):
        html = await text(client, "/")
    table = html[html.index('id="policies"') : html.index('id="chart"')]
    rows = re.findall(r'<tr data-key="policy (.*?)">(.*?)</tr>', table, re.DOTALL)
    assert [name for name, _ in rows] == ["errors", "slow", "api-gateway", "default", "retired"]
    assert "HTTP status 500" in rows[0][1]
    assert "not in the chain any more" in rows[-1][1]
    assert re.findall(r'class="num">([\d,]+)</td>', rows[3][1])[-3:] == ["11", "0", "11"]


@pytest.mark.parametrize(("by", "shown"), [("minute", "2.5/s"), ("total", "130")])
async def test_the_picture_shows_rates_or_totals(by: str, shown: str) -> None:
    """As the reader chooses; both are links that work without a script."""
    core = quiet()
    async with served(core) as (client, clock):
        core.books["spans"]["received"] += 30
        await clock.advance(12)
        html = await text(client, f"/?by={by}")
    picture = html[html.index('id="picture"') : html.index('id="books"')]
    assert f">{shown}</text>" in picture
    assert f'href="/?by={by}" aria-current="true"' in html


async def test_newest_verdicts_lead_to_their_traces() -> None:
    """With the verdict, the policy, the reason and how long the trace lasted."""
    core = FakeCore(newest=[verdict(), verdict(trace_id="0" * 31 + "1", kept=False, policy=None)])
    async with served(core) as (client, _):
        html = await text(client, "/")
    assert 'href="/t/4bf92f3577b34da6a3ce929d0e0e4736"' in html
    assert f'href="/t/{"0" * 31}1"' in html
    assert "1.25 s" in html
    assert "http_status" in html


async def test_hostile_names_are_text_and_bounded() -> None:
    """Markup is escaped, a megabyte is cut, and text that turns around is kept to itself."""
    core = quiet()
    core.numbers["policies"].append({"policy": HOSTILE, "judged": 1})
    core.numbers["policies"].append({"policy": "x" * (1 << 20), "judged": 1})
    core.newest = [verdict(policy=HOSTILE, reason=HOSTILE * 1000)]
    seen = status()
    seen.exporters["tempo"].failed(HOSTILE * 5000, sent_s=0, now_s=0, delay_s=1)
    async with served(core, seen=seen) as (client, clock):
        await clock.advance(1)
        html = await text(client, "/")
    assert "<script>alert" not in html
    assert "&lt;script&gt;" in html
    assert len(html) < 100_000
    for at in re.finditer("\u202e", html):
        before = html[: at.start()]
        inside_attribute = before.rindex("<") > before.rindex(">")
        inside_bdi = before.rfind("<bdi>") > before.rfind("</bdi>")
        inside_svg = before.rfind("<text") > before.rfind("</text>")
        assert inside_attribute or inside_bdi or inside_svg


async def test_the_page_has_nothing_inline() -> None:
    """The content policy would refuse it: no script, no style, no handler in the markup."""
    core = FakeCore(newest=[verdict()])
    async with served(core) as (client, clock):
        await clock.advance(30)
        html = await text(client, "/")
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", html)


async def test_without_scripts_the_page_is_read_again() -> None:
    """By the browser itself, and only where scripts do not run."""
    async with served() as (client, _):
        html = await text(client, "/")
    assert re.search(r'<noscript><meta http-equiv="refresh" content="\d+"></noscript>', html)


async def test_a_thousand_policies_leave_a_page() -> None:
    """The largest are drawn, a hundred are listed, and the JSON has the rest."""
    core = quiet()
    core.numbers["policies"] = [
        {"policy": f"p{number}", "judged": number, "spans_dropped": number}
        for number in range(1000)
    ]
    async with served(core) as (client, _):
        html = await text(client, "/?by=total")
    assert html.count('<tr data-key="policy') == 100
    assert html.count('class="node plain"') < 20
    assert ">p999</text>" in html
    assert "904 more policies" in html


async def test_recent_verdicts_as_json() -> None:
    """The newest first, as many as are asked for, and nonsense is refused in words."""
    core = FakeCore(newest=[verdict(sequence=number) for number in (3, 2, 1)])
    async with served(core) as (client, _):
        async with client.get("/api/v1/recent?limit=2") as answer:
            assert [one["sequence"] for one in json.loads(await answer.text())] == [3, 2]
        for limit in ("0", "129", "x", "-1"):
            async with client.get("/api/v1/recent", params={"limit": limit}) as answer:
                assert answer.status == 400
                assert "128" in (await answer.json())["say"]
