"""Plans are pure data: the same for the same seed, and every scenario is in them."""

from itertools import islice
from random import Random

import pytest

from tailsampler.demo.mix import Arrival, arrivals
from tailsampler.demo.plan import SpanPlan, TracePlan
from tailsampler.demo.scenarios import (
    BURST_TRACES,
    DEEP_LEVELS,
    LATE_NS,
    SCENARIOS,
    WIDE_CHILDREN,
)
from tailsampler.demo.shop import SERVICES

SECOND_NS = 1_000_000_000


def first(count: int, seed: int = 1, rate: float = 20.0) -> list[Arrival]:
    return list(islice(arrivals(Random(seed), rate), count))


def one_of_each() -> dict[str, TracePlan]:
    plans = [plan for arrival in first(len(SCENARIOS)) for plan in arrival.plans]
    return {plan.scenario: plan for plan in plans}


def test_the_same_seed_makes_the_same_plans() -> None:
    """A run can be repeated; another seed makes another one."""
    assert first(80) == first(80)
    assert first(80) != first(80, seed=2)


def test_every_scenario_has_its_turn_at_once() -> None:
    """Within the first seconds a newcomer has one of each."""
    assert set(one_of_each()) == {scenario.name for scenario in SCENARIOS}


def test_ten_services_take_part() -> None:
    """All of the shop is seen, also in its ordinary traces."""
    plans = [plan for arrival in first(200) for plan in arrival.plans]
    seen = {span.service for plan in plans for span in plan.root.spans()}
    assert seen == {service.name for service in SERVICES}
    assert len(seen) == 10


def test_one_clock_is_three_seconds_ahead() -> None:
    """Inventory's, and nobody else's; it is asked in a scenario of its own."""
    ahead = {one.name: one.clock_ahead_ns for one in SERVICES if one.clock_ahead_ns}
    assert ahead == {"inventory": 3 * SECOND_NS}
    plans = [plan for arrival in first(500) for plan in arrival.plans]
    asking = {
        plan.scenario for plan in plans for span in plan.root.spans() if span.service == "inventory"
    }
    assert asking == {"clock"}


@pytest.mark.parametrize("transport", ["grpc", "http"])
def test_both_transports_are_used(transport: str) -> None:
    """Some services speak OTLP over gRPC, others over HTTP."""
    assert sum(service.sender == transport for service in SERVICES) == 5


def test_errors_are_of_three_kinds() -> None:
    """By HTTP status, by span status without HTTP, and by gRPC status with neither."""
    plans = one_of_each()
    http = [span.attributes.get("http.response.status_code") for span in spans(plans["http error"])]
    assert set(http) <= {500, 502, 503, 504}
    job = spans(plans["failed job"])
    assert any(span.error for span in job)
    assert not any("http.response.status_code" in span.attributes for span in job)
    grpc = spans(plans["grpc fault"])
    faults = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL"}
    assert {span.attributes.get("rpc.response.status_code") for span in grpc} & faults
    assert not any(span.error for span in grpc)


def test_ordinary_traces_are_no_errors() -> None:
    """Else the errors policy would keep them all."""
    for name in ("browse", "recommend", "cart", "order", "messaging", "late", "clock", "wordy"):
        plan = one_of_each()[name]
        assert not any(span.error for span in spans(plan))
        codes = {span.attributes.get("http.response.status_code", 200) for span in spans(plan)}
        assert codes <= {200, 202}


def test_slow_traces_last_over_a_second_and_others_do_not() -> None:
    """The slow policy has something to find, and not everything."""
    for arrival in first(300):
        for plan in arrival.plans:
            assert (plan.duration_ns >= SECOND_NS) == (plan.scenario == "slow"), plan.scenario


def test_deep_and_wide_traces_are_deep_and_wide() -> None:
    """Sixty levels, and two hundred children of one span."""
    plans = one_of_each()
    depth, level = 0, [plans["deep"].root]
    while level:
        depth, level = depth + 1, [child for span in level for child in span.children]
    assert depth == DEEP_LEVELS == 60
    assert len(plans["wide"].root.children) == WIDE_CHILDREN == 200


def test_late_spans_come_after_every_wait() -> None:
    """Well after the ten seconds of the default configuration."""
    [late] = [span for span in spans(one_of_each()["late"]) if span.late]
    assert late.start_ns == LATE_NS == 12 * SECOND_NS


def test_long_values_and_stack_traces_are_long() -> None:
    """Pages and stores meet attributes of 4,000 characters and events of many lines."""
    plans = one_of_each()
    longest = max(
        len(str(value)) for span in spans(plans["wordy"]) for value in span.attributes.values()
    )
    assert 3_000 < longest <= 4_000
    events = [event for span in spans(plans["http error"]) for event in span.events]
    assert str(events[0].attributes["exception.stacktrace"]).count("\n") > 20


def test_children_lie_within_their_parents() -> None:
    """On a right clock: what is strange about the shop's times is its clock alone."""
    for plan in one_of_each().values():
        for span in plan.root.spans():
            for child in span.children:
                assert child.late or span.start_ns <= child.start_ns <= child.end_ns <= span.end_ns


@pytest.mark.parametrize("rate", [5.0, 50.0])
def test_the_rate_is_the_one_asked_for(rate: float) -> None:
    """On average, bursts and linked traces included."""
    found = first(1_200, rate=rate)
    made = sum(plan.traces for arrival in found for plan in arrival.plans)
    assert made / found[-1].at_s == pytest.approx(rate, rel=0.2)
    assert max(len(arrival.plans) for arrival in found) == BURST_TRACES


def spans(plan: TracePlan) -> list[SpanPlan]:
    return list(plan.root.spans())
