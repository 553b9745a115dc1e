"""When traces are judged, what is remembered, and what late spans meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.contrib.build import PARENT, condition, policy, request, span
from tests.contrib.model.config import decode
from tests.contrib.model.events import Event, Kind
from tests.contrib.model.processor import Gates, Overflow, Processor
from tests.contrib.model.settings import StartError
from tests.contrib.model.trace import arrivals_in
from tests.contrib.model.votes import Decision

A, B, C = (bytes([letter]) * 16 for letter in b"abc")
KEEP = [policy("always_sample")]
NAMED = [condition('name == "yes"')]


def processor(
    policies: list[dict[str, Any]] = KEEP, gates: Gates | None = None, **fields: Any
) -> Processor:
    source: Mapping[str, Any] = {"decision_wait": "2s", "policies": policies, **fields}
    return Processor(decode(source), gates=gates or Gates())


def child(trace_id: bytes, number: int = 1, **fields: Any) -> Any:
    return request(span(trace_id, number, parent_span_id=PARENT, **fields))


def ticks(model: Processor, first: int, last: int) -> dict[int, list[Event]]:
    """What each tick tells, without those that tell nothing."""
    told = {second: model.tick(second) for second in range(first, last + 1)}
    return {second: events for second, events in told.items() if events}


@pytest.mark.parametrize(
    ("wait", "expected"), [("2s", 3), ("2900ms", 3), ("0s", 2), ("500ms", 2), ("1s", 2), ("1m", 61)]
)
def test_a_trace_waits_whole_seconds_and_up_to_one_more(wait: str, expected: int) -> None:
    """[N, N+1) seconds after its first span, N cut off and 1 at least."""
    model = processor(decision_wait=wait)
    model.consume(child(A), 0.5)
    assert [*ticks(model, 1, 70)] == [expected]


@pytest.mark.parametrize(
    ("wait", "expected"),
    [
        ("0s", 11),
        ("1ms", 1),
        ("999ms", 1),
        ("1s", 2),
        ("1900ms", 2),
        ("9s", 10),
        ("10s", 11),
        ("20s", 11),
    ],
)
def test_a_root_brings_the_decision_forward(wait: str, expected: int) -> None:
    """[W, W+1) seconds after the root, if that is earlier; never later."""
    model = processor(decision_wait="10s", decision_wait_after_root_received=wait)
    model.consume(child(A), 0.1)
    model.consume(request(span(A, 2)), 0.5)
    assert [*ticks(model, 1, 15)] == [expected]


def test_a_late_root_cannot_put_the_decision_off() -> None:
    """The batch a trace is in stays its batch if the root's would come later."""
    model = processor(decision_wait="3s", decision_wait_after_root_received="2s")
    model.consume(child(A), 0.5)
    ticks(model, 1, 3)
    model.consume(request(span(A, 2)), 3.5)
    assert [*ticks(model, 4, 9)] == [4]


def test_a_root_some_seconds_later_takes_the_trace_out_of_its_batch() -> None:
    """It is judged once, and nothing is left behind."""
    model = processor(
        decision_wait="9s",
        decision_wait_after_root_received="1s",
        decision_cache={"sampled_cache_size": 9},
    )
    model.consume(child(A), 0.5)
    ticks(model, 1, 3)
    model.consume(request(span(A, 2)), 3.5)
    assert [*ticks(model, 4, 12)] == [5]
    assert model.counts["sampling_trace_dropped_too_early"] == 0


def test_a_second_root_can_only_hurry() -> None:
    """Every root counts anew, and only an earlier batch is taken."""
    model = processor(decision_wait="9s", decision_wait_after_root_received="3s")
    model.consume(request(span(A)), 0.5)
    ticks(model, 1, 2)
    model.consume(request(span(A, 2)), 2.5)
    assert [*ticks(model, 3, 12)] == [4]


def test_zero_parents_make_a_root() -> None:
    """A parent id of zeros is no parent."""
    (zeros,) = arrivals_in(request(span(A, parent_span_id=bytes(8))))
    (other,) = arrivals_in(child(A))
    assert (zeros.has_root, other.has_root) == (True, False)


def test_one_decision_for_all_spans_that_came_in_time() -> None:
    """Spans of several requests go out together, in order of arrival."""
    model = processor(NAMED)
    model.consume(child(A), 0.5)
    model.consume(child(A, 2, name="yes"), 2.9)
    ((event,),) = ticks(model, 1, 3).values()
    assert (event.decision, event.policy) == (Decision.SAMPLED, "p")
    assert [held.span.span_id[-1] for out in event.out for held in out.spans] == [1, 2]


@pytest.mark.parametrize("cached", [False, True])
def test_late_spans_follow_the_decision(cached: bool) -> None:
    """From the map without a policy's name, from a cache with it; a drop stays a drop."""
    sizes = {"sampled_cache_size": 9, "non_sampled_cache_size": 9} if cached else {}
    model = processor(NAMED, decision_cache=sizes)
    model.consume(child(A, name="yes"), 0.5)
    model.consume(child(B, name="no"), 0.5)
    ticks(model, 1, 3)
    assert len(model.traces) == (0 if cached else 2)
    (kept,) = model.consume(child(A, 2, name="no"), 4)
    (dropped,) = model.consume(child(B, 2, name="yes"), 4)
    assert (kept.kind, kept.decision, len(kept.out)) == (Kind.LATE, Decision.SAMPLED, 1)
    assert (kept.policy, kept.cached) == (("p", True) if cached else (None, False))
    assert (dropped.decision, dropped.out) == (Decision.NOT_SAMPLED, ())


def test_a_dropped_trace_is_remembered_among_the_not_sampled() -> None:
    """There is no third cache."""
    drop = policy("drop", drop_sub_policy=[policy("always_sample")])
    model = processor([drop], decision_cache={"non_sampled_cache_size": 1})
    model.consume(child(A), 0.5)
    ((event,),) = ticks(model, 1, 3).values()
    assert event.decision is Decision.DROPPED
    (late,) = model.consume(child(A), 4)
    assert (late.decision, late.cached, late.out) == (Decision.NOT_SAMPLED, True, ())


def test_the_cache_forgets_who_was_not_asked_for() -> None:
    """Least recently used; what falls out begins a new trace with a decision of its own."""
    model = processor(decision_cache={"sampled_cache_size": 2})
    for trace_id in (A, B):
        model.consume(child(trace_id), 0.5)
    ticks(model, 1, 3)
    model.consume(child(A), 3.1)  # now B is the oldest
    model.consume(child(C), 3.5)
    ticks(model, 4, 6)
    assert [len(model.consume(child(trace_id), 6.5)) for trace_id in (A, B, C)] == [1, 0, 1]
    assert [e.trace_id for e in ticks(model, 7, 9)[9]] == [B]


def test_caches_can_go_by_half_of_the_id() -> None:
    """On request traces that end alike are one to the cache."""
    twin = b"?" * 8 + A[8:]
    for by_half in (False, True):
        model = processor(
            gates=Gates(cache_by_half_id=by_half), decision_cache={"sampled_cache_size": 2}
        )
        model.consume(child(A), 0.5)
        ticks(model, 1, 3)
        assert len(model.consume(child(twin), 4)) == by_half


def test_the_oldest_trace_makes_room() -> None:
    """It goes without a decision and without a trace; later it is a new one."""
    model = processor(num_traces=2, decision_cache={"sampled_cache_size": 9})
    for trace_id in (A, B):
        model.consume(child(trace_id), 0.5)
    (event,) = model.consume(child(C), 0.6)
    assert (event.kind, event.trace_id, event.out) == (Kind.FORGOTTEN, A, ())
    assert [e.trace_id for e in ticks(model, 1, 3)[3]] == [B, C]
    assert model.counts["sampling_trace_dropped_too_early"] == 1
    assert model.consume(child(A), 3.5) == []


def test_decided_traces_take_room_too() -> None:
    """Without caches they are the memory for late spans, and the first to go."""
    model = processor(num_traces=1)
    model.consume(child(A), 0.5)
    ticks(model, 1, 3)
    assert len(model.consume(child(A, 2), 3.5)) == 1
    assert model.consume(child(B), 3.6) == []
    (event,) = model.consume(child(A, 3), 3.7)
    assert (event.kind, event.trace_id) == (Kind.FORGOTTEN, B)


def test_a_forgotten_trace_that_returns_is_judged_with_its_old_batch() -> None:
    """Batches hold ids only: who makes room stays in its batch."""
    model = processor(num_traces=1, decision_wait="5s")
    model.consume(child(A), 0.5)
    model.consume(child(B), 0.6)
    model.consume(child(A), 3.5)
    for second in (1, 2, 3, 4, 5):
        assert model.tick(second) == []
    assert [e.trace_id for e in model.tick(6)] == [A]


def test_nobody_is_forgotten_on_request() -> None:
    """The other overflow policy: there is always room."""
    model = processor(gates=Gates(overflow=Overflow.NEVER), num_traces=1)
    for trace_id in (A, B, C):
        assert model.consume(child(trace_id), 0.5) == []
    assert [e.trace_id for e in ticks(model, 1, 3)[3]] == [A, B, C]


def test_input_waits_for_room() -> None:
    """With block_on_overflow nothing is read while the map is full; with caches room comes."""
    model = processor(
        num_traces=1, block_on_overflow=True, decision_cache={"sampled_cache_size": 9}
    )
    for trace_id in (A, B):
        assert model.consume(child(trace_id), 0.5) == []
    assert model.consume(child(A, 2), 0.6) == []
    assert len(model.waiting) == 2
    told = ticks(model, 1, 9)
    assert [(s, e.kind, e.trace_id) for s, events in told.items() for e in events] == [
        (3, Kind.JUDGED, A),
        (3, Kind.LATE, A),
        (6, Kind.JUDGED, B),
    ]


def test_without_caches_blocked_input_waits_for_ever() -> None:
    """Decided traces never leave the map then."""
    model = processor(num_traces=1, block_on_overflow=True)
    for trace_id in (A, B):
        model.consume(child(trace_id), 0.5)
    assert [*ticks(model, 1, 99)] == [3]
    assert len(model.waiting) == 1


def test_too_much_is_not_sampled_at_once() -> None:
    """More than the limit decides, the limit itself does not; the batch is left."""
    size = arrivals_in(child(A))[0].size
    for limit, kinds in ((2 * size, [Kind.JUDGED]), (2 * size - 1, [])):
        model = processor(maximum_trace_size_bytes=limit)
        assert model.consume(child(A), 0.5) == []
        events = model.consume(child(A, 2), 0.6)
        assert [e.kind for e in events] == ([] if kinds else [Kind.TOO_LARGE])
        assert all(e.decision is Decision.NOT_SAMPLED and not e.out for e in events)
        told = [e.kind for events in ticks(model, 1, 9).values() for e in events]
        assert told == kinds
        assert model.counts["sampling_trace_dropped_too_early"] == 0


def test_a_sampled_trace_may_grow() -> None:
    """Its size is not asked for again."""
    model = processor(maximum_trace_size_bytes=arrivals_in(child(A))[0].size)
    model.consume(child(A), 0.5)
    ticks(model, 1, 3)
    (late,) = model.consume(child(A, 2), 4)
    assert (late.decision, len(late.out)) == (Decision.SAMPLED, 1)


def test_shutdown_judges_what_is_there() -> None:
    """Every batch, on partial data; or all of them are thrown away."""
    model = processor(decision_wait_after_root_received="1s")
    model.consume(child(A), 0.5)
    model.consume(request(span(B)), 0.5)
    assert {e.trace_id for e in model.shutdown(0.7) if e.out} == {A, B}
    lost = processor(drop_pending_traces_on_shutdown=True)
    lost.consume(child(A), 0.5)
    assert [(e.kind, e.out) for e in lost.shutdown(0.7)] == [(Kind.ABANDONED, ())]


def test_a_quick_root_leaves_no_copy_behind() -> None:
    """A trace hurried while its own batch is being filled leaves that batch (up to v0.146 not)."""
    model = processor(
        decision_wait_after_root_received="1s", decision_cache={"sampled_cache_size": 9}
    )
    model.consume(request(span(A)), 0.5)
    assert [*ticks(model, 1, 2)] == [2]
    ticks(model, 3, 3)
    assert model.counts["sampling_trace_dropped_too_early"] == 0


def test_a_processor_is_one_shard() -> None:
    """It says so instead of judging with undivided limits."""
    with pytest.raises(StartError, match="one shard"):
        processor(num_shards=2)
