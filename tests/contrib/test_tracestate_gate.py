"""The ``usetracestate`` gate: randomness, thresholds, and what is written on kept spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.contrib.build import TRACE, ballot, policy, request, span, trace_of
from tests.contrib.model import ot
from tests.contrib.model.config import decode
from tests.contrib.model.events import Event
from tests.contrib.model.limits import tick_threshold
from tests.contrib.model.processor import Gates, Processor
from tests.contrib.model.settings import StartError
from tests.contrib.model.trace import Trace
from tests.contrib.model.votes import ALWAYS, NEVER, Decision, Vote

HALF = 1 << 55
PROBABILISTIC = {"sampling_percentage": 50}
RANDOMNESS = [
    ("00000000000000000000000000000001", 0x00000000000001),
    ("0102030405060708090a0b0c0d0e0f10", 0x0A0B0C0D0E0F10),
    ("4bf92f3577b34da6a3ce929d0e0e4736", 0xCE929D0E0E4736),
    ("5b8efff798038103d269b633813fc60c", 0x69B633813FC60C),
    ("0af7651916cd43dd8448eb211c80319c", 0x48EB211C80319C),
    ("ffffffffffffffffffffffffffffffff", 0xFFFFFFFFFFFFFF),
]


def states(*headers: str, trace_id: bytes = TRACE) -> Trace:
    spans = (span(trace_id, n, trace_state=header) for n, header in enumerate(headers, 1))
    return trace_of(request(*spans))


def run(policies: Sequence[dict[str, Any]], *traces: Trace, compat: str) -> dict[bytes, Event]:
    """The decisions of one tick, all under the gate."""
    processor = Processor(
        decode({"decision_wait": "1s", "policies": policies}, compat),
        compat,
        Gates(use_tracestate=True),
    )
    for trace in traces:
        processor.take(trace.arrivals, 0.5)
    assert processor.tick(1) == []
    return {event.trace_id: event for event in processor.tick(2)}


def headers(event: Event) -> list[str]:
    return [
        each.trace_state
        for whole in event.resource_spans()
        for scope in whole.scope_spans
        for each in scope.spans
    ]


@pytest.mark.parametrize(("trace_id", "randomness"), RANDOMNESS)
def test_randomness_is_the_end_of_the_trace_id(trace_id: str, randomness: int) -> None:
    """Bytes 9 to 15, big-endian."""
    assert ot.randomness(states("", trace_id=bytes.fromhex(trace_id))) == randomness


def test_the_first_rv_counts() -> None:
    """Randomness comes from the first span that has one, in order of arrival."""
    trace = states("", "ot=th:8", "ot=rv:00000000000007", "ot=rv:ffffffffffffff")
    assert ot.randomness(trace) == 7


@pytest.mark.parametrize(
    ("header", "decision"),
    [
        ("ot=rv:80000000000000", Decision.SAMPLED),
        ("ot=rv:7fffffffffffff", Decision.NOT_SAMPLED),
    ],
)
def test_randomness_at_the_threshold_is_kept(header: str, decision: Decision) -> None:
    """T <= R keeps, and T is reported either way."""
    vote = ballot("probabilistic", PROBABILISTIC, states(header), use_tracestate=True)
    assert vote == Vote(decision, HALF)


def test_a_th_alone_turns_to_the_trace_id() -> None:
    """A threshold without randomness is sampling information too: R is the trace id's."""
    odd = bytes.fromhex("000000000000000000ffffffffffffff")
    vote = ballot(
        "probabilistic", PROBABILISTIC, states("ot=th:0", trace_id=odd), use_tracestate=True
    )
    assert vote == Vote(Decision.SAMPLED, HALF)


def test_without_sampling_information_the_old_hash_decides() -> None:
    """T is still reported, but it is not what decides."""
    for last in range(40):
        trace = states("a=b", trace_id=bytes(15) + bytes([last]))
        old = ballot("probabilistic", PROBABILISTIC, trace)
        new = ballot("probabilistic", PROBABILISTIC, trace, use_tracestate=True)
        assert isinstance(old, Vote)
        assert new == Vote(old.decision, HALF)


def test_filters_report_always_and_and_the_strictest() -> None:
    """A filter's T is 0; ``and`` has the highest of its sub-policies."""
    block = {
        "and_sub_policy": [
            policy("always_sample"),
            policy("probabilistic", sampling_percentage=50),
            policy("probabilistic", sampling_percentage=25),
        ]
    }
    vote = ballot("and", block, states("ot=rv:ffffffffffffff"), use_tracestate=True)
    assert vote == Vote(Decision.SAMPLED, HALF + HALF // 2)


def test_the_loosest_threshold_of_those_that_sampled_is_written() -> None:
    """The trace is as likely as its likeliest policy; policies that said no have no part in it."""
    policies = [
        policy("probabilistic", "quarter", sampling_percentage=25),
        policy("probabilistic", "half", sampling_percentage=50),
        policy("span_count", "never", min_spans=9),
    ]
    event = run(policies, states("ot=rv:ffffffffffffff"), compat="0.157")[TRACE]
    assert (event.policy, event.threshold) == ("quarter", HALF)
    assert headers(event) == ["ot=rv:ffffffffffffff;th:8"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "ot=th:8"),
        ("ot=th:c", "ot=th:c"),
        ("ot=th:4", "ot=th:8"),
        ("ot=x:1;th:4;rv:ffffffffffffff", "ot=rv:ffffffffffffff;th:8;x:1"),
        ("a=b,ot=th:0,c=d", "ot=th:8,a=b,c=d"),
        ("NOT=valid", None),
        ("ot=th:xyz", None),
        ("ot=th:", None),
        ("ot=rv:12", None),
        ("ot=nothing", None),
        ("ot=x:1;", None),
        ("ot=x:1;;y:2", None),
        ("ot=x_y:1", None),
        ("ot=", None),
        ("ot=th:8, a=b ", "ot=th:8,a=b"),
        ("ot=x:1;th:80;x:2", "ot=th:8;x:1;x:2"),
        ("ot=rv:FFFFFFFFFFFFFF;th:7F", "ot=rv:FFFFFFFFFFFFFF;th:8"),
        ("ot=th:c,ot=x:1", "ot=th:8;x:1"),
        ("a=1,a=2", "ot=th:8,a=1,a=2"),
        (",".join(["a=b"] * 31), ",".join(["ot=th:8", *["a=b"] * 31])),
        (",".join(["a=b", *[""] * 31]), None),
        ("a=" + "b" * 256, "ot=th:8,a=" + "b" * 256),
        (",".join(["a=" + "b" * 256] * 4), None),
    ],
)
def test_a_threshold_is_never_lowered(before: str, after: str | None) -> None:
    """A stricter one stays, and all around it; else it is written anew: rv, th, the rest."""
    assert ot.with_threshold(before, HALF) == after


def test_spans_with_broken_tracestate_go_out_as_they_came() -> None:
    """And they are counted."""
    event = run([policy("always_sample")], states("", "BAD"), compat="0.157")[TRACE]
    assert headers(event) == ["ot=th:0", "BAD"]
    assert event.unparseable() == 1


def test_late_spans_get_the_threshold_from_v0_162_on() -> None:
    """Before that their tracestate stays as it came."""
    for compat, expected in (("0.161", None), ("0.162", ALWAYS)):
        for size in (0, 9):
            source = {
                "decision_wait": "1s",
                "decision_cache": {"sampled_cache_size": size},
                "policies": [policy("always_sample")],
            }
            processor = Processor(decode(source, compat), compat, Gates(use_tracestate=True))
            processor.consume(request(span()), 0)
            processor.tick(1)
            (first,) = processor.tick(2)
            (late,) = processor.consume(request(span(number=2)), 3)
            assert first.threshold == ALWAYS
            assert late.threshold == expected


def id_of(randomness: int, number: int = 0) -> bytes:
    return number.to_bytes(9, "big") + randomness.to_bytes(7, "big")


def ticked(*randomness: int, tokens: int) -> tuple[int, int]:
    traces = [states("", trace_id=id_of(r, n)) for n, r in enumerate(randomness)]
    return tick_threshold(traces, lambda trace: trace.span_count, tokens)


def test_a_tick_keeps_its_most_random_traces() -> None:
    """T is just above the randomness of the first that does not fit; all fit: 0, none: never."""
    assert ticked(10, 40, 20, 30, tokens=2) == (21, 2)
    assert ticked(10, 40, 20, 30, tokens=4) == (ALWAYS, 4)
    assert ticked(10, 40, tokens=0) == (NEVER, 0)
    assert ticked(tokens=0) == (ALWAYS, 0)


def test_equal_randomness_stays_together() -> None:
    """A group that does not fit whole is dropped whole."""
    assert ticked(40, 30, 30, 20, tokens=2) == (31, 1)
    assert ticked(30, 30, tokens=1) == (NEVER, 0)


def test_limits_are_consistent_from_v0_160_on() -> None:
    """Before that whoever comes first is kept, with T = 0."""
    policies = [policy("rate_limiting", spans_per_second=1, burst_capacity=1)]
    low, high = states("", trace_id=id_of(1)), states("", trace_id=id_of(2))
    old = run(policies, low, high, compat="0.159")
    assert [(e.decision, e.threshold) for e in old.values()] == [
        (Decision.SAMPLED, ALWAYS),
        (Decision.NOT_SAMPLED, None),
    ]
    new = run(policies, low, high, compat="0.160")
    assert [(e.decision, e.threshold) for e in new.values()] == [
        (Decision.NOT_SAMPLED, None),
        (Decision.SAMPLED, 2),
    ]


def test_limits_within_a_composite_stay_live() -> None:
    """There the token bucket serves in order, and T is 0."""
    sub = policy("rate_limiting", "r", spans_per_second=1, burst_capacity=1)
    policies = [policy("composite", max_total_spans_per_second=9, composite_sub_policy=[sub])]
    events = run(
        policies, states("", trace_id=id_of(1)), states("", trace_id=id_of(2)), compat="0.160"
    )
    assert [(e.decision, e.threshold) for e in events.values()] == [
        (Decision.SAMPLED, ALWAYS),
        (Decision.NOT_SAMPLED, None),
    ]


def test_the_gate_is_unknown_before_v0_157() -> None:
    """An older collector refuses to start with it."""
    with pytest.raises(StartError, match="usetracestate"):
        Processor(decode({}, "0.156"), "0.156", Gates(use_tracestate=True))
