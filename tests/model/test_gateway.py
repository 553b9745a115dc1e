"""The model's own life cycle, step by step, so that a wrong model cannot pass as a judge."""

from __future__ import annotations

import pytest

from tests.model.build import received, request, span, trace_id
from tests.model.chain import Chain, Policy, Verdict
from tests.model.gateway import MS, Exported, ModelGateway
from tests.model.output import expected, observed

ERRORS = Policy("errors", 1.0, error_status_codes=(500,), wait_ms=300)
CHAIN = Chain((ERRORS, Policy("rest", 0.5)), wait_ms=100, wait_after_root_ms=50)
KEPT = trace_id(1, 1 << 55)
DROPPED = trace_id(2, 1)
PARENT = b"\x09" * 8


def gateway() -> ModelGateway:
    model = ModelGateway(CHAIN)
    model.ingest(request([span(KEPT, 1, parent=PARENT), span(DROPPED, 1, parent=PARENT)]), 0)
    return model


def test_a_trace_is_judged_when_its_wait_is_over() -> None:
    """Nothing is judged before it is due, and everything afterwards."""
    model = gateway()
    assert not model.advance(80 * MS)
    assert model.held() == 2
    judged = model.advance(120 * MS)
    assert judged[KEPT].kept
    assert not judged[DROPPED].kept
    assert model.held() == 0
    assert model.spans == {"received": 2, "exported": 1, "policy": 1, "rejected": 0}


def test_near_a_due_time_nobody_is_right() -> None:
    """The model refuses to judge nearer to a due time than the gateway's tick."""
    model = gateway()
    assert model.clear_after(81 * MS) == 120 * MS
    with pytest.raises(AssertionError):
        model.advance(101 * MS)


def test_the_root_can_end_the_wait_but_not_stretch_it() -> None:
    """After the root a trace waits its own short time, if that is earlier."""
    model = gateway()
    model.ingest(request([span(KEPT, 2)]), 10 * MS)
    model.ingest(request([span(DROPPED, 2)]), 75 * MS)
    assert model.advance(80 * MS).keys() == {KEPT}
    assert model.advance(120 * MS).keys() == {DROPPED}


def test_a_rule_can_lengthen_and_shorten_the_wait() -> None:
    """An error that arrives while a trace waits moves its due time."""
    model = gateway()
    model.ingest(request([span(KEPT, 2, parent=PARENT, error=True)]), 50 * MS)
    assert model.advance(120 * MS).keys() == {DROPPED}
    assert model.advance(320 * MS)[KEPT].reason == "span_status"


def test_late_spans_follow_the_verdict() -> None:
    """A late error does not reopen a dropped trace."""
    model = gateway()
    model.advance(120 * MS)
    late = request([span(KEPT, 2), span(DROPPED, 2, error=True)])
    assert model.ingest(late, 130 * MS) == (2, 0)
    assert model.spans["policy"] == model.spans["exported"] == 2
    assert not model.open


def test_a_trace_is_judged_by_the_plan_it_began_under() -> None:
    """A new plan is for traces that begin from now on."""
    model = gateway()
    model.install(Chain((Policy("none", 0.0),), wait_ms=10))
    assert not model.may_install()
    model.ingest(request([span(trace_id(3, 1 << 55))]), 1 * MS)
    judged = model.advance(120 * MS)
    assert judged[KEPT].kept
    assert judged[trace_id(3, 1 << 55)].policy == "none"
    assert model.may_install()


def test_after_a_restart_nothing_is_judged_at_once() -> None:
    """Waits that ran out while the process was away are stretched by up to the wait."""
    model = gateway()
    model.restart(1_000 * MS)
    (low, high) = model.open[KEPT].due()
    assert low == 1_050 * MS
    assert high == 1_100 * MS


def test_thresholds_on_what_comes_out() -> None:
    """The stricter th stands; one above R is erased; the rest of the span is as it came."""
    verdict = Verdict(
        kept=True, policy="half", reason="default", threshold=1 << 55, randomness=1 << 55
    )
    states = {"": "8", "ot=th:4": "8", "a=b,ot=th:8;x:y": "8", "ot=th:c": None}
    for state, threshold in states.items():
        (one,) = received(span(KEPT, 5, parent=PARENT, state=state))
        outcome = expected(Exported(one, verdict, (1 << 55,), CHAIN), 1 << 55)
        assert dict(outcome.additions.ot).get("th") == threshold
        assert outcome.additions.policy is None
        assert outcome.rest == observed(one).rest


def test_only_roots_are_annotated_and_old_notes_are_cut() -> None:
    """Attributes that pretend to be ours do not come through."""
    verdict = Verdict(kept=True, policy="p", reason="default", threshold=0, randomness=0)
    (forged,) = received(span(KEPT, 5, values={"tailsampler.policy": "mine", "a": 1}))
    (plain,) = received(span(KEPT, 5, values={"a": 1}))
    outcome = expected(Exported(forged, verdict, (0,), CHAIN), 0)
    assert outcome.additions == ((("th", "0"),), "p", "default")
    assert outcome.rest == observed(plain).rest
