"""How policies add up: the chain, ``and``, ``not``, ``drop`` and ``composite``."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contrib.build import SECOND, condition, outcome, policy, request, span, trace_of
from tests.contrib.model.chain import Outcome, decide
from tests.contrib.model.compat import COMPAT, NEWEST
from tests.contrib.model.config import decode
from tests.contrib.model.evaluators import build
from tests.contrib.model.votes import Decision

ONE = trace_of(request(span()))
YES = policy("always_sample", "yes")
NO = policy("span_count", "no", min_spans=9)
ERR = condition("Len(nil) == 1", name="err")


def drop(*subs: dict[str, Any], name: str = "drop") -> dict[str, Any]:
    return policy("drop", name, drop_sub_policy=[*subs])


def both(*subs: dict[str, Any], name: str = "and") -> dict[str, Any]:
    return policy("and", name, and_sub_policy=[*subs])


def negated(sub: dict[str, Any], name: str = "not") -> dict[str, Any]:
    return policy("not", name, not_sub_policy=sub)


CHAINS: list[tuple[list[dict[str, Any]], Decision, str | None]] = [
    ([], Decision.NOT_SAMPLED, None),
    ([ERR], Decision.NOT_SAMPLED, None),
    ([NO], Decision.NOT_SAMPLED, None),
    ([NO, ERR, YES, {**YES, "name": "also"}], Decision.SAMPLED, "yes"),
    ([YES, drop(YES)], Decision.DROPPED, "drop"),
    ([YES, drop(NO)], Decision.SAMPLED, "yes"),
    ([YES, drop(ERR)], Decision.SAMPLED, "yes"),
    ([YES, drop(NO, ERR)], Decision.SAMPLED, "yes"),
    ([YES, drop(YES, ERR)], Decision.SAMPLED, "yes"),
    ([YES, drop()], Decision.DROPPED, "drop"),
    ([drop(NO)], Decision.NOT_SAMPLED, None),
    ([both()], Decision.SAMPLED, "and"),
    ([both(YES, YES)], Decision.SAMPLED, "and"),
    ([both(YES, NO)], Decision.NOT_SAMPLED, None),
    ([both(YES, ERR)], Decision.NOT_SAMPLED, None),
    ([both(negated(NO))], Decision.SAMPLED, "and"),
    ([drop(negated(NO)), YES], Decision.DROPPED, "drop"),
    ([negated(NO)], Decision.SAMPLED, "not"),
    ([negated(YES)], Decision.NOT_SAMPLED, None),
    ([negated(ERR)], Decision.NOT_SAMPLED, None),
]


@pytest.mark.parametrize("first_match", [False, True])
@pytest.mark.parametrize("number", range(len(CHAINS)))
def test_what_policies_add_up_to(number: int, first_match: bool) -> None:
    """Drops win, then whoever samples; failing contributes nothing; first match changes nothing."""
    policies, decision, credited = CHAINS[number]
    found = outcome(policies, ONE, first_match=first_match)
    assert found.decision is decision
    if decision is not Decision.NOT_SAMPLED:
        assert found.policy == credited


def test_failures_are_counted_as_far_as_policies_are_asked() -> None:
    """A drop ends it, a first match if that is wanted; after a no nothing inside can fail."""
    cases: list[tuple[list[dict[str, Any]], bool, int]] = [
        ([ERR, YES, {**ERR, "name": "err 2"}], False, 2),
        ([ERR, YES, {**ERR, "name": "err 2"}], True, 1),
        ([ERR, drop(YES)], False, 0),
        ([both(NO, ERR)], False, 0),
        ([both(ERR, NO)], False, 1),
        ([drop(NO, ERR), negated(ERR)], False, 1),
    ]
    for policies, first_match, failures in cases:
        assert outcome(policies, ONE, first_match=first_match).failures == failures


def test_sub_policies_look_at_the_whole_trace_each() -> None:
    """One span for the first, another for the second."""
    trace = trace_of(request(span(name="a"), span(number=2, name="b")))
    subs = [condition('name == "a"', name="1"), condition('name == "b"', name="2")]
    assert outcome([both(*subs)], trace).decision is Decision.SAMPLED
    same = condition('name == "a" and name == "b"')
    assert outcome([same], trace).decision is Decision.NOT_SAMPLED


@pytest.mark.parametrize(
    ("mode", "failures"),
    [
        ({"error_mode": "propagate"}, 1),
        ({"error_mode": "ignore"}, 0),
        ({"error_mode": "silent"}, 0),
        ({}, 0),
    ],
)
def test_error_modes(mode: dict[str, str], failures: int) -> None:
    """Under ``propagate`` nothing after the error is reached; else the error is just false."""
    trace = trace_of(request(span(), span(number=2, name="b")))
    whole = policy("ottl_condition", span=["Len(nil) == 1", 'name == "b"'], **mode)
    found = outcome([whole], trace)
    assert found.failures == failures
    assert (found.decision is Decision.SAMPLED) is not bool(failures)


def test_an_error_after_the_match_does_not_matter() -> None:
    """Spans are asked in order, each with its own events before the next span."""
    named = span(number=2, name="b", events=[{"name": "x"}])
    trace = trace_of(request(span(name="a"), named))
    whole = policy(
        "ottl_condition",
        error_mode="propagate",
        span=['name == "a"', "Len(nil) == 1"],
    )
    assert outcome([whole], trace).decision is Decision.SAMPLED
    events = policy(
        "ottl_condition",
        error_mode="propagate",
        span=['name == "b" and Len(nil) == 1'],
        spanevent=['name == "x"'],
    )
    assert outcome([events], trace).failures == 1


def test_events_are_asked_one_by_one() -> None:
    """Any event of any span; an error in an earlier one stops it under ``propagate``."""
    spans = [
        span(number=1, events=[{"name": "a"}, {"name": "b"}]),
        span(number=2, events=[{"name": "c"}]),
    ]
    trace = trace_of(request(*spans))
    for name, fails in (("a", False), ("b", False), ("c", True), ("d", True)):
        whole = policy(
            "ottl_condition",
            error_mode="propagate",
            spanevent=[f'name == "{name}"', 'name == "b" and Len(nil) == 1'],
        )
        found = outcome([whole], trace)
        assert (found.decision is Decision.SAMPLED, found.failures) == (not fails, fails)
    quiet = policy("ottl_condition", spanevent=["Len(nil) == 1", 'name == "c"'])
    assert outcome([quiet], trace).decision is Decision.SAMPLED


def composite(*subs: dict[str, Any], total: int = 10, **percents: int) -> dict[str, Any]:
    return policy(
        "composite",
        "c",
        max_total_spans_per_second=total,
        composite_sub_policy=[*subs],
        rate_allocation=[{"policy": k, "percent": v} for k, v in percents.items()],
    )


def series(source: dict[str, Any], *asked: tuple[float, int], compat: str = NEWEST) -> list[str]:
    """Who samples traces of so many spans at these seconds; ``-`` is nobody, ``!`` a failure."""
    built = build(decode({"policies": [source]}, compat), COMPAT[compat], use_tracestate=False)

    def ask(at: float, count: int) -> Outcome:
        trace = trace_of(request(*(span(number=n) for n in range(1, count + 1))))
        return decide(built, trace, round(at * SECOND), first_match=False)

    return [
        "!" if found.failures else found.composite_policy or "-"
        for found in (ask(*each) for each in asked)
    ]


def test_a_composite_spends_its_shares_and_begins_anew_every_second() -> None:
    """A second of the clock, wherever it began."""
    source = composite(YES, yes=50)
    asked = [(0.9, 3), (0.95, 3), (0.95, 2), (0.99, 1), (1.0, 5), (1.0, 1)]
    assert series(source, *asked) == ["yes", "-", "yes", "-", "yes", "-"]


def test_a_spent_share_hides_later_sub_policies() -> None:
    """The first that samples decides, even without room; one that does not is passed over."""
    many = policy("span_count", "many", min_spans=2)
    source = composite(many, YES, many=20, yes=80)
    assert series(source, (0, 2), (0, 2), (0, 1)) == ["many", "-", "yes"]


def test_an_error_ends_a_composite() -> None:
    """Unless an earlier sub-policy samples."""
    assert series(composite(ERR, YES, err=50, yes=50), (0, 1)) == ["!"]
    assert series(composite(YES, ERR, err=50, yes=50), (0, 1)) == ["yes"]


def test_shares_are_cut_off_and_may_exceed_the_total() -> None:
    """33 % of 10 are 3; the total is held against one share alone, never against the sum."""
    assert series(composite(YES, yes=33), (0, 4), (0, 3)) == ["-", "yes"]
    assert series(composite(YES, yes=200), (0, 11), (0, 10)) == ["-", "yes"]
    many = policy("span_count", "many", min_spans=6)
    source = composite(many, YES, many=100, yes=100)
    assert series(source, (0, 10), (0, 5), (0, 5)) == ["many", "yes", "yes"]


def test_percentages_of_zero_or_less_are_the_equal_share() -> None:
    """As if there were no entry; of two entries the last counts."""
    for percent in (0, -5):
        assert series(composite(YES, NO, yes=percent), (0, 6), (0, 5)) == ["-", "yes"]
    twice = composite(YES)
    twice["composite"]["rate_allocation"] = [
        {"policy": "yes", "percent": percent} for percent in (10, 70)
    ]
    assert series(twice, (0, 7)) == ["yes"]


def test_an_unlisted_sub_policy_got_nothing_in_v0_155() -> None:
    """And hid all that came after it; since then it gets the equal share."""
    source = composite(YES, {**YES, "name": "late"}, late=50)
    assert series(source, (0, 1), compat="0.155") == ["-"]
    assert series(source, (0, 5), (0, 1)) == ["yes", "-"]


def test_policy_order_is_not_used() -> None:
    """The order is that of the sub-policies."""
    source = composite(YES, {**YES, "name": "other"}, yes=50, other=50)
    source["composite"]["policy_order"] = ["other", "yes"]
    assert series(source, (0, 1)) == ["yes"]
