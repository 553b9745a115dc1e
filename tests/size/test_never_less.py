"""More to do never needs less, whatever the load."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailsampler.size.answer import Answer, answer
from tailsampler.size.costs import measured
from tailsampler.size.demand import CHAINS, PROTOCOLS, Demand
from tailsampler.size.part import total
from tailsampler.size.processor import LARGE_BYTES

WITHIN = 1e-9
"""Of what floats do to sums."""
numbers = st.floats(allow_nan=False, allow_infinity=False, min_value=1, max_value=1e7)


@st.composite
def demands(draw: st.DrawFn) -> Demand:
    per_request = draw(st.integers(1, 10_000))
    per_trace = draw(st.integers(1, 10_000))
    missing = draw(st.integers(0, 5))
    return Demand(
        spans_per_second=draw(numbers),
        decision_wait_s=draw(st.floats(0.001, 3600)),
        bytes_per_span=draw(st.floats(1, 1e6)),
        kept=draw(st.floats(0, 1)),
        spans_per_request=per_request,
        spans_per_trace=per_trace,
        headroom=draw(st.floats(0, 0.9)),
        protocol=draw(st.sampled_from(PROTOCOLS)),
        chain=draw(st.sampled_from(CHAINS)),
        export=draw(st.booleans()),
        gateways=missing + draw(st.integers(1, 20)),
        missing=missing,
        fsync=draw(st.sampled_from(["never", "always", 1.0])),
        outage_s=draw(st.floats(0, 1e6)),
    )


def needs(demand: Demand) -> dict[str, float]:
    of: Answer = answer(measured(), demand)
    return {
        "cores": of.cores_needed,
        "memory": of.memory_limit,
        "page cache": of.page_cache,
        "written": total(of.written),
        "buffer": of.buffer,
        "outbox": of.outbox,
        "volume": of.volume,
        "ready": of.ready_s,
    }


def less(before: Demand, after: Demand) -> dict[str, tuple[float, float]]:
    """What needs less than before."""
    was, now = needs(before), needs(after)
    return {name: (was[name], now[name]) for name in was if now[name] < was[name] * (1 - WITHIN)}


@given(demands(), st.floats(1, 100))
def test_more_spans_need_no_less(demand: Demand, times: float) -> None:
    """Though a span is cheaper where many come."""
    more = replace(demand, spans_per_second=demand.spans_per_second * times)
    assert less(demand, more) == {}


@given(st.floats(1, 1e6))
def test_an_outbox_that_is_written_down_takes_no_smaller_volume(outage_s: float) -> None:
    """At 4 GiB, where a quarter of the volume ends and a setting begins."""
    demand = Demand(spans_per_second=10_000, kept=0.5, outage_s=outage_s)
    assert less(demand, replace(demand, outage_s=outage_s * 1.1)) == {}


@pytest.mark.parametrize(
    "field", ["decision_wait_s", "bytes_per_span", "late_traces", "outage_s", "missing"]
)
@given(demand=demands())
def test_more_of_anything_needs_no_less(field: str, demand: Demand) -> None:
    """A longer wait, heavier spans, more verdicts, a longer outage, one gateway more missing."""
    now = getattr(demand, field)
    more = now + 1 if field == "missing" else now * 2
    grown = replace(demand, **{field: more})
    if grown.missing < grown.gateways:
        assert less(demand, grown) == {}


@given(demands(), st.floats(0, 1), st.floats(0, 1))
def test_keeping_more_needs_no_less(demand: Demand, one: float, other: float) -> None:
    """Of any two shares."""
    low, high = sorted((one, other))
    assert less(replace(demand, kept=low), replace(demand, kept=high)) == {}


@given(demands())
def test_more_headroom_needs_no_less(demand: Demand) -> None:
    """Of what stays free, half of the rest."""
    assert less(demand, replace(demand, headroom=(1 + demand.headroom) / 2)) == {}


@given(demands())
def test_twice_the_gateways_take_half_each(demand: Demand) -> None:
    """As if half of the spans came to as many."""
    twice = replace(
        demand, gateways=2 * (demand.gateways - demand.missing), missing=0, spans_per_second=1e6
    )
    there = replace(twice, gateways=twice.gateways // 2, spans_per_second=5e5)
    assert needs(twice) == pytest.approx(needs(there))


@given(demands())
def test_smaller_requests_are_never_cheaper(demand: Demand) -> None:
    """Half of the spans in each, and the parts as they were; very large ones cost more again."""
    kept = replace(demand, requests_per_trace=demand.parts, spans_per_trace=demand.parts)
    large = kept.bytes_per_span * kept.spans_per_request >= LARGE_BYTES
    if kept.spans_per_request >= 2 and not large:
        smaller = replace(kept, spans_per_request=kept.spans_per_request / 2)
        assert less(kept, smaller) == {}
