"""What became of a trace, for people."""

import re

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from tailsampler.settings.load import parse
from tests.admin.pages.asking import Client, served, text
from tests.telemetry.fakes import FakeCore, held, verdict
from tests.traces.memory_store import MemoryStore

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
HALF = {"threshold": 1 << 55, "probability": 0.5, "th": "8"}


def core(**changes: object) -> FakeCore:
    return FakeCore(decisions={bytes.fromhex(TRACE_ID): verdict(**changes)})


async def location(client: Client, path: str) -> str:
    async with client.get(path, allow_redirects=False) as answer:
        assert answer.status == 303
        return answer.headers["Location"]


def marks(html: str) -> list[tuple[str, str]]:
    """Each policy of the chain with its mark."""
    return re.findall(r'<li class="mark-(\w+)">\s*<p><strong><bdi>(.*?)</bdi>', html)


async def test_without_a_question_there_is_a_form() -> None:
    """And no error, as nobody asked anything."""
    async with served() as (client, _):
        html = await text(client, "/explain")
    assert '<form id="explain"' in html
    assert 'role="alert"' not in html


async def test_a_verdict_is_told_in_sentences() -> None:
    """The same that the command line prints, and the raw answer is a link away."""
    async with served(core()) as (client, _):
        html = await text(client, f"/explain?trace_id={TRACE_ID}")
    assert f"Trace {TRACE_ID} was kept." in html
    said = "Policy errors was the first that matched (http_status = 503); it keeps every trace"
    assert said in html
    assert f'href="/api/v1/decisions/{TRACE_ID}"' in html


async def test_each_policy_says_how_it_met_the_trace() -> None:
    """First, also but later, or not at all: by the evidence and the duration."""
    async with served(core()) as (client, _):
        html = await text(client, f"/explain?trace_id={TRACE_ID}")
    assert marks(html) == [
        ("first", "errors"),
        ("later", "slow"),
        ("no", "api-gateway"),
        ("later", "default"),
    ]


async def test_policies_before_the_first_match_did_not_match() -> None:
    """Or one of them would have been the first."""
    async with served(core(policy="default", reason="default", kept=False)) as (client, _):
        html = await text(client, f"/explain?trace_id={TRACE_ID}")
    assert [mark for mark, _ in marks(html)] == ["no", "no", "no", "first"]


async def test_evidence_that_fits_two_conditions_is_no_proof() -> None:
    """Two policies ask for HTTP statuses of their own; the evidence only says that one was met."""
    settings = parse(
        "sampling: {policies: ["
        "{name: a, error_status_codes: [500], error_status: false, sample_rate: 1},"
        "{name: b, error_status_codes: [503], error_status: false, sample_rate: 1}]}",
        environ={},
    )
    async with served(core(policy="a"), settings=settings) as (client, _):
        html = await text(client, f"/explain?trace_id={TRACE_ID}")
    assert marks(html) == [("first", "a"), ("perhaps", "b")]


async def test_a_chain_that_changed_since_is_not_compared() -> None:
    """The page says so, and marks no more than the policy's name."""
    async with served(core(plan=2)) as (client, _):
        html = await text(client, f"/explain?trace_id={TRACE_ID}")
    assert "The chain has changed since" in html
    assert [mark for mark, _ in marks(html)] == ["first", "unknown", "unknown", "unknown"]


async def test_the_threshold_is_a_picture() -> None:
    """R and T on one line, where a share is kept."""
    async with served(core(**HALF)) as (client, _):
        html = await text(client, f"/explain?trace_id={TRACE_ID}")
    assert 'class="threshold" x1="50.0"' in html
    # 0xce929d0e0e4736 / 2^56, by hand
    assert 'class="randomness" x1="80.692"' in html


async def test_where_all_are_kept_there_is_no_threshold_to_show() -> None:
    """Nothing was compared with R, so the page does not pretend."""
    async with served(core()) as (client, _):
        assert 'id="scale"' not in await text(client, f"/explain?trace_id={TRACE_ID}")


async def test_a_held_trace_says_when_it_is_judged() -> None:
    """And which policy matches so far."""
    decisions = {bytes.fromhex(TRACE_ID): held(first_match="slow")}
    async with served(FakeCore(decisions=decisions)) as (client, _):
        html = await text(client, f"/explain?trace_id={TRACE_ID}")
    assert "it is judged in 7.2 s" in html or "it is judged in 7.3 s" in html
    assert "7.25 s" in html
    assert "matches so far" in html
    assert marks(html)[0] == ("no", "errors")


async def test_an_unknown_trace_is_answered() -> None:
    """With what may have happened to it, and where to look next."""
    async with served() as (client, _):
        html = await text(client, f"/explain?trace_id={TRACE_ID}")
    assert 'id="unknown"' in html
    assert "decisions.max_bytes" in html


@pytest.mark.parametrize("bad", ["zzz", "0", "1" * 33, "<script>alert(1)</script>", "\u202eabc"])
async def test_what_is_no_id_is_told_what_to_write(bad: str) -> None:
    """Escaped, with the form still there, filled with what was typed."""
    async with (
        served() as (client, _),
        client.get("/explain", params={"trace_id": bad}) as answer,
    ):
        html = await answer.text()
    assert 'role="alert"' in html
    assert 'aria-invalid="true"' in html
    assert "write" in html
    assert "<script>alert" not in html


@pytest.mark.parametrize(
    "spelling", [TRACE_ID.upper(), f"0x{TRACE_ID}", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"]
)
async def test_any_spelling_is_read(spelling: str) -> None:
    """As people paste ids from logs and other tools."""
    async with served(core()) as (client, _):
        assert "was kept" in await text(client, f"/explain?trace_id={spelling}")


async def test_ids_without_their_zeros_are_found() -> None:
    """Jaeger and Tempo leave leading zeros out."""
    decisions = {bytes(8) + bytes.fromhex("0ce929d0e0e47360"): verdict()}
    async with served(FakeCore(decisions=decisions)) as (client, _):
        assert "was kept" in await text(client, "/explain?trace_id=ce929d0e0e47360")


async def test_a_short_address_leads_to_the_trace_or_to_its_story() -> None:
    """A kept trace that is stored here is shown; any other is explained."""
    store = MemoryStore()
    data = TracesData()
    span = data.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id = bytes.fromhex(TRACE_ID), b"12345678"
    async with served(core(), store=lambda: store) as (client, _):
        assert await location(client, f"/t/{TRACE_ID}") == f"/explain?trace_id={TRACE_ID}"
        store.write(data.SerializeToString())
        assert await location(client, f"/t/{TRACE_ID}") == f"/traces/{TRACE_ID}"
        html = await text(client, f"/explain?trace_id={TRACE_ID}")
        assert f'href="/traces/{TRACE_ID}"' in html


async def test_the_search_box_leads_there_too() -> None:
    """Also with nonsense, which is then told what an id looks like; never to another host."""
    async with served() as (client, _):
        assert await location(client, f"/t?trace_id={TRACE_ID.upper()}") == f"/t/{TRACE_ID}"
        assert await location(client, "/t?trace_id=//evil.example") == (
            "/explain?trace_id=//evil.example"
        )
        assert await location(client, "/t/zzz") == "/explain?trace_id=zzz"


async def test_a_hostile_policy_name_is_text() -> None:
    """Names come from a configuration that this page did not write."""
    name = "<img src=x onerror=alert(1)>\u202e" + "x" * 100_000
    async with served(core(policy=name, plan=2)) as (client, _):
        html = await text(client, f"/explain?trace_id={TRACE_ID}")
    assert "<img" not in html
    assert len(html) < 30_000
