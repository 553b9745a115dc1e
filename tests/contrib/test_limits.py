"""Limits of spans and bytes: the token bucket, the old counter, and sizes as pdata counts them."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.contrib.build import (
    PARENT,
    TRACE,
    any_value,
    ballot,
    policy,
    request,
    sampled,
    span,
    trace_of,
)
from tests.contrib.model.buckets import SECOND, Bucket
from tests.contrib.model.chain import decide
from tests.contrib.model.compat import COMPAT, NEWEST
from tests.contrib.model.config import decode
from tests.contrib.model.evaluators import build
from tests.contrib.model.sizes import framed
from tests.contrib.model.trace import Trace, arrivals_in
from tests.contrib.model.votes import Decision


def spans(count: int) -> Trace:
    return trace_of(request(*(span(number=n) for n in range(1, count + 1))))


def series(source: dict[str, Any], *asked: tuple[float, int], compat: str = NEWEST) -> list[bool]:
    """Whether one policy samples traces of so many spans at these seconds, one after another."""
    built = build(decode({"policies": [source]}, compat), COMPAT[compat], use_tracestate=False)
    outcomes = (
        decide(built, spans(count), round(at * SECOND), first_match=False) for at, count in asked
    )
    return [found.decision is Decision.SAMPLED for found in outcomes]


def test_the_bucket_begins_full_and_fills_steadily() -> None:
    """Twice the rate at first; half a second brings half of the rate."""
    rate = policy("rate_limiting", spans_per_second=4)
    asked = [(0, 8), (0, 1), (0.5, 2), (0.5, 1), (60, 8), (60, 1)]
    assert series(rate, *asked) == [True, False, True, False, True, False]


def test_more_than_the_burst_never_passes() -> None:
    """However long it waits; the burst itself does."""
    rate = policy("rate_limiting", spans_per_second=4, burst_capacity=5)
    assert series(rate, (0, 6), (99, 6), (99, 5)) == [False, False, True]


@pytest.mark.parametrize("burst", [0, -3])
def test_no_burst_is_twice_the_rate(burst: int) -> None:
    """Zero and less are not set."""
    rate = policy("rate_limiting", spans_per_second=2, burst_capacity=burst)
    assert series(rate, (0, 5), (0, 4)) == [False, True]


def test_a_rate_of_zero_gives_its_burst_once() -> None:
    """Nothing comes back; without a burst nothing ever passes."""
    assert series(policy("rate_limiting", burst_capacity=3), (0, 3), (999, 1)) == [True, False]
    assert series(policy("rate_limiting", spans_per_second=0), (0, 1)) == [False]


def test_the_bucket_counts_like_gos() -> None:
    """Time does not run backwards, and less than a nanosecond's worth is no wait."""
    bucket = Bucket(10, 10)
    assert bucket.allow(10, 5 * SECOND)
    assert not bucket.allow(1, 4 * SECOND)
    assert not bucket.allow(1, 5 * SECOND + SECOND // 10 - 2)
    assert bucket.allow(1, 5 * SECOND + SECOND // 10 - 1)
    fast = Bucket(3_000_000_000, 1)
    fast.draw(1.5, 0)
    assert fast.tokens_at(0) < 1
    assert fast.allow(0, 0)  # half a token is missing, which takes a sixth of a nanosecond


def test_before_v0_153_every_second_begins_anew() -> None:
    """A count per second of the clock, no burst; a larger trace never passes."""
    rate = policy("rate_limiting", spans_per_second=4, burst_capacity=100)
    asked = [(0.9, 3), (0.95, 2), (0.95, 1), (1.0, 4), (9, 5)]
    assert series(rate, *asked, compat="0.152") == [True, False, True, True, False]
    assert series(rate, *asked, compat="0.153") == [True] * 5


def test_a_limit_inside_and_is_only_asked_if_need_be() -> None:
    """Tokens are drawn when the sub-policies before it sampled; at the top for every trace."""
    limit = policy("rate_limiting", spans_per_second=1)
    many = policy("span_count", "many", min_spans=2)
    asked = [(0, 1), (0, 1), (0, 2)]
    before = policy("and", and_sub_policy=[many, limit])
    after = policy("and", and_sub_policy=[limit, many])
    assert series(before, *asked) == [False, False, True]
    assert series(after, *asked) == [False, False, False]


def test_bytes_are_counted_with_their_frame() -> None:
    """Each arrived ResourceSpans with tag and length: the exact cost passes, one less does not."""
    trace = trace_of(request(span()), request(span(number=2)))
    assert trace.cost == sum(framed(arrival.size) for arrival in trace.arrivals)
    for burst, expected in ((trace.cost, True), (trace.cost - 1, False)):
        block = {"bytes_per_second": 1, "burst_capacity": burst}
        assert sampled("bytes_limiting", block, trace) is expected


def test_a_limit_is_a_filter_to_the_others() -> None:
    """Its vote has no threshold of its own without the gate."""
    vote = ballot("rate_limiting", {"spans_per_second": 5}, spans(1))
    assert getattr(vote, "threshold", None) == 0


def plain_size(one: Span, **around: Any) -> tuple[int, int]:
    """The size as pdata counts it, and as plain protobuf writes the same."""
    whole = request(one)
    for key, value in around.items():
        setattr(whole.resource_spans[0], key, value)
    (arrival,) = arrivals_in(whole)
    return arrival.size, whole.resource_spans[0].ByteSize()


FULL: dict[str, Any] = {
    "parent_span_id": PARENT,
    "status": Status(code=Status.STATUS_CODE_OK),
    "name": "n" * 200,
    "flags": 257,
    "kind": Span.SPAN_KIND_SERVER,
    "trace_state": "a=b",
    "start_time_unix_nano": 1 << 60,
    "end_time_unix_nano": 1 << 61,
    "dropped_attributes_count": 300,
    "events": [Span.Event(name="e", time_unix_nano=1, attributes=[])],
    "links": [Span.Link(trace_id=TRACE, span_id=PARENT, flags=1)],
    "attributes": {"s": "x" * 300, "i": -1, "d": 0.5, "b": False, "l": [1, "a"], "m": {"k": [b""]}},
}


def test_a_full_span_is_as_large_as_in_protobuf() -> None:
    """With everything set there is nothing that only pdata writes."""
    assert plain_size(span(**FULL)) == (plain_size(span(**FULL))[1],) * 2


def test_what_pdata_writes_though_it_is_empty() -> None:
    """Two bytes each: parent, status and the ids; an unset value of an attribute likewise."""
    extra = {
        "a child with a status": (span(**FULL), 0),
        "a root without a status": (span(), 4),
        "a root with a status": (span(status=FULL["status"]), 2),
        "no ids at all": (Span(), 8),
        "an attribute without a value": (span(**{**FULL, "attributes": {"k": None}}), 0),
        "a link without ids": (span(**{**FULL, "links": [Span.Link()]}), 4),
    }
    for what, (one, more) in extra.items():
        counted, plain = plain_size(one)
        assert counted - plain == more, what
    bare = span(**{**FULL, "attributes": [KeyValue(key="k")]})
    assert plain_size(bare)[0] - plain_size(bare)[1] == 2


def test_absent_resource_and_scope_are_written_too() -> None:
    """Two bytes each."""
    whole = request(span(**FULL))
    full = arrivals_in(whole)[0].size
    whole.resource_spans[0].ClearField("resource")
    whole.resource_spans[0].scope_spans[0].ClearField("scope")
    assert arrivals_in(whole)[0].size == full
    assert whole.resource_spans[0].ByteSize() == full - 4


def test_zero_ids_count_as_empty_ones() -> None:
    """A parent of eight zeros takes two bytes, not ten."""
    zeros, none = plain_size(span(parent_span_id=bytes(8))), plain_size(span())
    assert zeros[0] == none[0]


def test_only_what_is_kept_is_counted() -> None:
    """Spans of other traces, empty scopes and schema URLs are left out; scopes are not merged."""
    whole = request(span(**FULL), span(b"other trace id..", 2))
    resource_spans = whole.resource_spans[0]
    resource_spans.schema_url = "https://example.com/schema"
    resource_spans.scope_spans[0].schema_url = "https://example.com/schema"
    resource_spans.scope_spans.add(scope=InstrumentationScope(name="no spans"))
    again = resource_spans.scope_spans.add(scope=resource_spans.scope_spans[0].scope)
    again.spans.append(span(number=3, **FULL))
    first, other = arrivals_in(whole)
    expected = request(span(**FULL)).resource_spans[0]
    expected.scope_spans.add(scope=InstrumentationScope()).spans.append(span(number=3, **FULL))
    assert first.size == expected.ByteSize()
    assert [len(scope.spans) for scope in first.scopes] == [1, 1]
    assert (other.trace_id, len([*other.spans])) == (b"other trace id..", 1)


def test_attributes_of_resource_and_scope_are_counted() -> None:
    """With the values that are not set."""
    whole = request(span(**FULL))
    whole.resource_spans[0].resource.CopyFrom(
        Resource(attributes=[KeyValue(key="k"), KeyValue(key="l", value=any_value([None, {}]))])
    )
    (arrival,) = arrivals_in(whole)
    assert arrival.size == whole.resource_spans[0].ByteSize() + 2
