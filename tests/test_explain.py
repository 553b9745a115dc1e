"""What ``tailsampler explain`` says."""

import asyncio
import io
import json
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tailsampler.admin.app import admin_app
from tailsampler.errors import ControlError
from tailsampler.explain import explain, sentences
from tests.telemetry.fakes import FakeCore, held, status, verdict

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


async def explained(
    found: Mapping[str, Any] | None, *, trace_id: str = TRACE_ID, as_json: bool = False
) -> tuple[int, str]:
    core = FakeCore(decisions={} if found is None else {bytes.fromhex(TRACE_ID): dict(found)})
    out = io.StringIO()
    async with TestServer(admin_app(core, status(), [], "127.0.0.1")) as server:
        url = str(server.make_url("/"))
        code = await asyncio.to_thread(explain, trace_id, endpoint=url, as_json=as_json, out=out)
    return code, out.getvalue()


async def test_a_kept_trace_is_explained() -> None:
    """The policy, the evidence, what was written on it, and a table of facts."""
    code, text = await explained(verdict())
    assert code == 0
    assert f"Trace {TRACE_ID} was kept." in text
    assert "Policy errors was the first that matched (http_status = 503)" in text
    assert "it keeps every trace it matches" in text
    for fact in ("1,250.000 ms", "2023-11-14T22:13:20.123+00:00", "ot=th:0", "span_error"):
        assert fact in text


async def test_a_dropped_trace_is_explained_by_its_numbers() -> None:
    """R and T are shown, so that the verdict can be checked by hand."""
    dropped = verdict(
        kept=False,
        policy="default",
        reason="no_condition",
        threshold=0xFFBE76C8B43958,
        th="ffbe76c8b43958",
        probability=0.001,
        evidence={"reasons": [], "witness": None},
    )
    code, text = await explained(dropped)
    assert code == 0
    assert "was dropped" in text
    assert "keeps 0.1 % of the traces it matches" in text
    assert (
        "R = ce929d0e0e4736 (the last 7 bytes of the trace id) is under its threshold "
        "T = ffbe76c8b43958." in text
    )
    assert "ot=th" not in text


async def test_a_held_trace_has_no_verdict_yet() -> None:
    """It says when there will be one, and what would match now."""
    code, text = await explained(held(first_match="slow"))
    assert code == 0
    assert "is held: it is judged in 7.2 s" in text
    assert "policy slow matches" in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"early": "early_buffer_full"}, "the buffer log had reached its bound"),
        ({"early": "early_shutdown"}, "asked to drain"),
        ({"policy": None, "kept": False}, "No policy matched it."),
        ({"consistent": False}, "An earlier sampler had not acted by R"),
        ({"late_spans_follow": True}, "late follow this verdict"),
        ({"probability": 0.5, "randomness_source": "rv"}, "rv in the tracestate"),
        (
            {"probability": 0.25, "policy_probability": 1.0},
            "it keeps every trace it matches. More came in than could be held: 25 % of all traces",
        ),
        ({"kept": False, "early": "overload"}, "would have been kept, had less come in"),
        ({"probability": 0.0, "kept": False}, "none of the traces it matches"),
    ],
)
def test_what_was_unusual_is_said(change: dict[str, Any], words: str) -> None:
    """Each circumstance has its sentence."""
    assert words in " ".join(sentences(verdict(**change)))


async def test_an_unknown_trace_is_a_finding() -> None:
    """Exit status 1, with what may have happened."""
    code, text = await explained(None)
    assert code == 1
    assert "is not known: it was never received here" in text


@pytest.mark.parametrize("found", [verdict(), None])
async def test_json_is_the_gateways_own(found: dict[str, Any] | None) -> None:
    """Programs get what the API says, whether or not the trace is known."""
    code, text = await explained(found, as_json=True)
    assert code == (1 if found is None else 0)
    assert json.loads(text).get("code") == ("unknown_trace" if found is None else None)


async def test_a_gateway_that_is_not_there_is_an_error_in_words() -> None:
    """It names the address and the option to change it."""
    with pytest.raises(ControlError, match=r"127\.0\.0\.1:1/.*--endpoint") as raised:
        await asyncio.to_thread(explain, TRACE_ID, endpoint="http://127.0.0.1:1")
    assert raised.value.code == "unreachable"


async def test_a_bad_id_is_an_error_in_the_gateways_words() -> None:
    """The gateway says what an id looks like."""
    with pytest.raises(ControlError, match="32 hexadecimal digits") as raised:
        await explained(None, trace_id="nonsense")
    assert raised.value.code == "bad_trace_id"


async def test_something_else_on_the_port_is_noticed() -> None:
    """An answer that is not a gateway's is not taken for one."""

    async def other(_request: web.Request) -> web.Response:
        return web.Response(text="<html>hello</html>")

    app = web.Application()
    app.router.add_get("/{rest:.*}", other)
    async with TestServer(app) as server:
        url = str(server.make_url("/"))
        with pytest.raises(ControlError, match="did not answer as a gateway does"):
            await asyncio.to_thread(explain, TRACE_ID, endpoint=url)


@pytest.mark.parametrize("endpoint", ["file:///etc/passwd", "127.0.0.1:7317", ""])
def test_only_http_is_asked(endpoint: str) -> None:
    """An endpoint without a scheme, or with another one, is refused before it is opened."""
    with pytest.raises(ControlError, match="is no URL"):
        explain(TRACE_ID, endpoint=endpoint)


async def test_a_voted_verdict_says_who_voted_and_nothing_of_probability() -> None:
    """Policies of a ``tail_sampling`` block know no T."""
    voted = verdict(
        voted=True, th=None, threshold=0, policy_probability=1.0, reason="latency", evidence={}
    )
    code, text = await explained(voted)
    assert code == 0
    assert "Policy errors voted for it (latency)." in text
    assert "ot=th" not in text
    _, text = await explained({**voted, "kept": False, "policy_probability": 0.0})
    assert "Policy errors dropped it (latency)." in text
    assert "R = " not in text
