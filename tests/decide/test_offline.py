"""Whole traces are judged without a gateway as a gateway would judge them alone."""

from __future__ import annotations

import itertools
import json

from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tailsampler.decide.offline import Judge, Judged
from tailsampler.export.file import to_json_line
from tailsampler.settings.load import parse
from tailsampler.testing.spans import request, resource, span

NATIVE = """
sampling:
  policies:
    - {name: errors, error_status_codes: [500], sample_rate: 1, decision_wait: 40s}
    - {name: slow, duration_threshold_ms: 1000, sample_rate: 1}
    - {name: rest, sample_rate: 0}
"""
VOTES = """
tail_sampling:
  decision_wait: 5s
  policies:
    - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
    - {name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 1, burst_capacity: 2}}
    - {name: mixed, type: composite, composite: {max_total_spans_per_second: 9, policy_order: [x],
        composite_sub_policy: [{name: x, type: always_sample}]}}
    - {name: not_limited, type: not, not: {not_sub_policy:
        {name: y, type: rate_limiting, rate_limiting: {spans_per_second: 1}}}}
"""
IDS = (number.to_bytes(16, "big") for number in itertools.count(1))


def judge(text: str) -> Judge:
    return Judge(parse(text, environ={}))


def judged(chain: Judge, *more: dict[str, object], count: int = 1) -> Judged | None:
    """What becomes of a trace that was never seen before."""
    trace_id = next(IDS)
    return chain.judge(trace_id, spans(trace_id, *more, count=count))


def spans(trace_id: bytes, *more: dict[str, object], count: int = 1) -> list[bytes]:
    """A request a span."""
    each = [*more, *({} for _ in range(count - len(more)))]
    return [
        request(resource("shop", span(trace_id=trace_id, span_id=n, **one))).SerializeToString()  # type: ignore[arg-type] # a test's own keywords
        for n, one in enumerate(each, start=1)
    ]


def test_the_first_policy_that_matches_decides() -> None:
    """A chain of ours, with a policy that waits longer than the others."""
    chain = judge(NATIVE)
    broken: dict[str, object] = {"attributes": {"http.response.status_code": 500}}
    assert judged(chain, broken, count=3) == Judged(kept=True, policy="errors")
    assert judged(chain, {"duration_ms": 2_000}) == Judged(kept=True, policy="slow")
    assert judged(chain) == Judged(kept=False, policy="rest")


def test_limits_are_full_for_each_trace() -> None:
    """However many are judged one after another."""
    chain = judge(VOTES.replace("9", "0"))
    for _ in range(20):
        assert judged(chain, count=2) == Judged(kept=True, policy="rate")
    assert judged(chain, {"status": Status.STATUS_CODE_ERROR}) == Judged(kept=True, policy="errors")


def test_policies_that_limit_are_known() -> None:
    """Also where the limit stands inside of another policy; a chain of ours has none."""
    assert judge(VOTES).limited == {"rate", "mixed", "not_limited"}
    assert judge(NATIVE).limited == set()


def test_json_is_judged_as_protobuf_is() -> None:
    """A file exporter writes either."""
    trace_id = next(IDS)
    each = spans(trace_id, {"status": Status.STATUS_CODE_ERROR}, count=2)
    assert judge(VOTES).judge(trace_id, [to_json_line(one) for one in each]) == Judged(
        kept=True, policy="errors"
    )


def test_what_the_engine_does_not_take_is_not_judged() -> None:
    """No guess is made for spans that a door would refuse."""
    chain = judge(VOTES)
    assert chain.judge(next(IDS), []) is None
    assert chain.judge(next(IDS), [b"{", b"\xff\xff"]) is None
    assert chain.judge(next(IDS), [b"\xff\xff"]) is None
    assert chain.judge(next(IDS), [json.dumps({"resourceSpans": 3}).encode()]) is None
    assert judged(chain) is not None


def test_engines_are_renewed() -> None:
    """A long comparison does not fill the memory with what was judged before."""
    chain = judge(VOTES)
    assert {judged(chain) for _ in range(2_001)} == {Judged(kept=True, policy="rate")}
