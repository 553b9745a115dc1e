"""``sampling_strategy: span-ingest``: every piece is judged alone, as it comes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contrib.build import condition, policy, request, span
from tests.contrib.model.config import decode
from tests.contrib.model.events import Kind
from tests.contrib.model.processor import Processor
from tests.contrib.model.settings import StartError
from tests.contrib.model.votes import Decision

A = b"a" * 16
YES = condition('name == "yes"', name="yes")
VETO = policy("drop", "veto", drop_sub_policy=[condition('name == "no"')])


def processor(*policies: dict[str, Any]) -> Processor:
    source = {
        "decision_wait": "1s",
        "sampling_strategy": "span-ingest",
        "policies": [*policies],
    }
    return Processor(decode(source))


def test_what_samples_takes_the_earlier_spans_along() -> None:
    """Stored spans and the piece that decided go out at once; later ones follow."""
    model = processor(YES)
    assert model.consume(request(span(A, 1)), 0.1) == []
    (event,) = model.consume(request(span(A, 2, name="yes")), 0.2)
    assert (event.kind, event.decision, len(event.out)) == (Kind.JUDGED, Decision.SAMPLED, 2)
    (late,) = model.consume(request(span(A, 3)), 0.3)
    assert len(late.out) == 1
    assert model.tick(1) == model.tick(2) == []


def test_pieces_are_judged_apart_but_counted_together() -> None:
    """A condition sees one piece; the span count is of all so far."""
    model = processor(policy("and", and_sub_policy=[policy("span_count", min_spans=2), YES]))
    assert model.consume(request(span(A, 1, name="yes")), 0.1) == []
    assert model.consume(request(span(A, 2, name="no")), 0.1) == []
    (event,) = model.consume(request(span(A, 3, name="yes")), 0.1)
    assert len(event.out) == 3


def test_nothing_found_is_not_sampled_in_the_end() -> None:
    """At the end of the wait without asking the policies again."""
    model = processor(YES)
    model.consume(request(span(A)), 0.5)
    assert model.tick(1) == []
    (event,) = model.tick(2)
    assert (event.decision, event.policy, event.out) == (Decision.NOT_SAMPLED, None, ())


def test_a_drop_is_final_at_once() -> None:
    """Even after nothing, and whoever would sample."""
    model = processor(policy("always_sample", "all"), VETO)
    (event,) = model.consume(request(span(A, name="no")), 0.5)
    assert (event.decision, event.policy) == (Decision.DROPPED, "veto")


def test_a_drop_that_did_not_drop_defers_everything() -> None:
    """It might drop a later piece, so nothing is sampled, not even at the end."""
    model = processor(policy("always_sample", "all"), VETO)
    assert model.consume(request(span(A, name="yes")), 0.5) == []
    model.tick(1)
    (event,) = model.tick(2)
    assert event.decision is Decision.NOT_SAMPLED


def test_a_drop_that_fails_defers_nothing() -> None:
    """A policy that fails contributes nothing."""
    broken = policy("drop", "veto", drop_sub_policy=[condition("Len(nil) == 1")])
    model = processor(policy("always_sample", "all"), broken)
    (event,) = model.consume(request(span(A)), 0.5)
    assert event.decision is Decision.SAMPLED
    assert model.counts["sampling_policy_evaluation_error"] == 1


STATEFUL = [
    policy("latency", threshold_ms=1, upper_threshold_ms=2),
    policy("span_count", min_spans=1, max_spans=2),
    policy("rate_limiting", spans_per_second=1),
    policy("bytes_limiting", bytes_per_second=1),
]


@pytest.mark.parametrize("sub", STATEFUL)
def test_stateful_policies_are_refused(sub: dict[str, Any]) -> None:
    """Alone or inside another policy."""
    whole = [
        sub,
        policy("and", and_sub_policy=[sub]),
        policy("not", not_sub_policy=sub),
        policy("drop", drop_sub_policy=[sub]),
        policy("composite", composite_sub_policy=[policy("and", and_sub_policy=[sub])]),
    ]
    for each in whole:
        with pytest.raises(StartError, match='but policy "p" is stateful'):
            processor(each)


def test_a_composite_passes_for_stateless() -> None:
    """Its own counts are overlooked, as in contrib; so are bounds that are not set."""
    composite = policy("composite", composite_sub_policy=[policy("always_sample")])
    processor(composite, policy("latency", "l", threshold_ms=1), policy("span_count", "c"))
