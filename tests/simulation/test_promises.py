"""Single promises, each in a history that is written out; a mutant of one turns its test red."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tailsampler._core import Simulation
from tests.model.build import SECOND, Value, received, request, span, trace_id
from tests.model.chain import Chain, Policy, threshold_of
from tests.model.gateway import received_in
from tests.model.output import observed
from tests.model.plans import plan, plan_text
from tests.simulation.compiled import compiled
from tests.simulation.pair import Pair, options

START = 20 * 86_400 * SECOND
PARENT = b"\x09" * 8
HALF = threshold_of(0.5)
CHAIN = Chain(
    (
        Policy("errors", 1.0, error_status_codes=(500,)),
        Policy("slow", 0.5, duration_threshold_ms=1000),
        Policy("api", 0.25, service_name="api"),
        Policy("default", 0.1),
    ),
    wait_ms=10_000,
)
ALL = (1 << 56) - 1


def pair(chain: Chain = CHAIN) -> Pair:
    return Pair(chain, START)


@pytest.mark.parametrize("length", [SECOND - 1, SECOND, SECOND + 1])
def test_a_trace_of_exactly_the_threshold_is_slow(length: int) -> None:
    """At or over: one nanosecond less is not slow; the span of time is over the whole trace."""
    both = pair()
    trace = trace_id(1, ALL)
    both.ingest(request([span(trace, 1, start=5, end=6)]))
    both.move(100)
    both.ingest(request([span(trace, 2, parent=PARENT, start=6, end=5 + length)]))
    both.finish()
    assert both.model.verdicts[trace].policy == ("slow" if length >= SECOND else "default")


@pytest.mark.parametrize("policy", CHAIN.policies[1:], ids=lambda policy: policy.name)
@pytest.mark.parametrize("by", [-1, 0, 1])
def test_kept_at_t_and_not_below(policy: Policy, by: int) -> None:
    """R equal to T is kept, one less is not; th is that of the rule that decided."""
    both = pair()
    trace = trace_id(1, threshold_of(policy.sample_rate) + by)
    length = SECOND if policy.name == "slow" else 0
    service = "api" if policy.name == "api" else "shop"
    both.ingest(request([span(trace, 1, start=1, end=1 + length)], service))
    both.finish()
    assert both.model.verdicts[trace].policy == policy.name
    assert both.model.verdicts[trace].kept == (by >= 0)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("low", [0, ALL])
def test_late_spans_follow_the_verdict(low: int, restart: bool) -> None:
    """Late errors, late roots, many, and after a restart; no trace is judged again."""
    both = pair()
    trace = trace_id(1, low)
    both.ingest(request([span(trace, 1, parent=PARENT)]))
    both.move(20_000)
    for number in range(2, 6):
        if restart:
            both.restart(plan_text(CHAIN))
        both.ingest(request([span(trace, number, error=True), span(trace, number + 100)], "api"))
        both.move(5_000)
    both.finish()
    assert len(both.model.verdicts) == 1


def test_ids_of_64_bits_are_told_apart() -> None:
    """Older tracers fill the first half with zeros; their traces must not follow each other."""
    both = pair()
    for number in range(1, 40):
        trace = bytes(8) + bytes((number,)) + (ALL if number % 2 else 0).to_bytes(7, "big")
        both.ingest(request([span(trace, number)]))
        both.move(15_000)
    both.finish()
    assert len(both.model.verdicts) == 39


def test_the_stricter_threshold_stands() -> None:
    """A th that came is never lowered, is raised to the rule's, and erased where it is above R."""
    both = pair()
    trace = trace_id(1, HALF + 5)
    states = ("", "ot=th:0", "ot=th:4", "ot=th:8", "ot=th:80000000000005", "ot=th:80000000000006")
    spans = [
        span(trace, number, start=1, end=1 + SECOND, state=state)
        for number, state in enumerate((*states, "x=1,ot=th:c;zz:1,y=2", "ot=zz:1"), 1)
    ]
    both.ingest(request(spans))
    both.finish()
    assert both.model.verdicts[trace].kept


def test_the_randomness_that_the_root_names() -> None:
    """Over the trace id and over other spans, in whatever order they come."""
    for order in (1, -1):
        both = pair()
        trace = trace_id(1, 0)
        low = span(trace, 1, parent=PARENT, state="ot=rv:00000000000001")
        high = span(trace, 2, parent=PARENT, state="ot=rv:00000000000002;th:0")
        root = span(trace, 3, state="ot=rv:ffffffffffffff")
        for one in (low, root, high)[::order]:
            both.ingest(request([one]))
            both.move(100)
        both.finish()
        assert both.model.verdicts[trace].randomness == ALL


def test_without_a_root_the_smallest_randomness_counts() -> None:
    """Spans that disagree cannot make a trace luckier by their order."""
    for order in (1, -1):
        both = pair()
        spans = [
            span(trace_id(1, ALL), number, parent=PARENT, state=f"ot=rv:0000000000000{number}")
            for number in (3, 2, 4)
        ]
        for one in spans[::order]:
            both.ingest(request([one]))
        both.finish()
        assert both.model.verdicts[trace_id(1, ALL)].randomness == 2


def test_ids_that_are_not_random_are_hashed() -> None:
    """By MurmurHash3, and rv is written, so that everybody after us agrees."""
    both = pair(replace(CHAIN, hash_trace_ids=True))
    for number in range(100):
        both.ingest(request([span(trace_id(number + 1), 1), span(trace_id(number + 1), 2)], "api"))
    both.finish()
    kept = sum(verdict.kept for verdict in both.model.verdicts.values())
    assert 10 < kept < 45


def test_a_plan_is_for_traces_that_begin_under_it() -> None:
    """A trace is judged by the plan it began under, before and after a restart."""
    second = Chain((Policy("nothing", 0.0), Policy("never reached", 1.0)), wait_ms=5_000)
    for restart in (False, True):
        both = pair()
        old, new = trace_id(1, ALL), trace_id(2, ALL)
        both.ingest(request([span(old, 1)]))
        both.install(second, plan_text(second))
        both.move(100)
        both.ingest(request([span(old, 2), span(new, 1)]))
        if restart:
            both.restart(plan_text(second))
        both.finish()
        assert both.model.verdicts[old].policy == "default"
        assert both.model.verdicts[new].policy == "nothing"


def test_waits() -> None:
    """A rule's own wait, the wait after the root, and a rule that is matched only later."""
    chain = Chain(
        (Policy("errors", 1.0, (500,), wait_ms=20_000), Policy("api", 1.0, service_name="api")),
        wait_ms=10_000,
        wait_after_root_ms=2_000,
    )
    chain = replace(chain, policies=(*chain.policies, Policy("quick", 1.0, wait_ms=1_000)))
    both = pair(chain)
    for number in range(1, 5):
        both.ingest(request([span(trace_id(number), 1, parent=PARENT)], "api"))
    both.ingest(request([span(trace_id(5), 1, parent=PARENT)]))
    both.ingest(request([span(trace_id(1), 2)]))
    both.move(500)
    both.ingest(request([span(trace_id(2), 2, parent=PARENT, error=True)]))
    for _ in range(30):
        both.move(1_000)
    both.ingest(request([span(trace_id(6), 2, parent=PARENT, error=True), span(trace_id(7), 1)]))
    both.finish()


def test_what_was_kept_and_not_taken_survives() -> None:
    """The outbox is on disk: a restart between verdict and export loses nothing."""
    both = pair()
    for number in range(1, 50):
        both.ingest(request([span(trace_id(number, ALL), 1), span(trace_id(number, ALL), 2)]))
    both.move(20_000)
    both.restart(plan_text(CHAIN))
    assert both.check_balance()["spans"]["held"] == {"buffer": 0, "outbox": 98}
    both.restart(plan_text(CHAIN))
    both.finish()
    assert both.again == 0


def test_the_reason_does_not_depend_on_other_rules() -> None:
    """Two error rules with different lists: an HTTP status is named before a span status."""
    first = Policy("first", 1.0, error_status_codes=(500,), service_name="api")
    chain = Chain((first, Policy("second", 1.0, error_status_codes=(502,))), wait_ms=1_000)
    both = Pair(chain, START, json.loads(compiled(chain)))
    values: dict[str, Value] = {"http.response.status_code": 502}
    both.ingest(request([span(trace_id(1), 1, error=True, values=values)]))
    both.finish()
    assert both.model.verdicts[trace_id(1)].reason == "http_status"


def test_annotations_can_be_switched_off() -> None:
    """Without them a root carries th and nothing else of ours."""
    core = Simulation(options(plan(CHAIN), annotate=False))
    root = span(trace_id(1, ALL), 1, values={"a": 1})
    core.ingest(request([root]).SerializeToString(), START)
    core.advance(START + 20 * SECOND)
    (payload,) = core.take()
    (out,) = received_in(ExportTraceServiceRequest.FromString(payload))
    (sent,) = received(root)
    assert observed(out).rest == observed(sent).rest
    assert observed(out).additions[1:] == (None, None)


@pytest.mark.timeout(180)
def test_a_storm() -> None:
    """Thousands of traces, interleaved, with restarts: every verdict, every span, every count."""
    dice = random.Random(5)
    both = pair()
    ids = [dice.randbytes(16) for _ in range(1500)]
    sent = 0
    for step in range(60):
        near = ids[step * 20 : step * 20 + 300]
        spans = []
        for _ in range(60):
            sent += 1
            start = 10**18 + dice.randrange(SECOND)
            parent = dice.choice((b"", PARENT))
            length = dice.choice((1, SECOND))
            error = dice.random() < 0.02
            trace, end = dice.choice(near), start + length
            spans.append(span(trace, sent, parent=parent, start=start, end=end, error=error))
        both.ingest(request(spans, dice.choice(("shop", "api"))))
        both.move(dice.choice((10, 100, 1_000)))
        if step % 20 == 19:
            both.restart(json.dumps(plan(CHAIN)))
        if step % 3 == 0:
            both.take()
    both.finish()
    assert len(both.model.verdicts) > 1000
    assert both.model.spans["received"] == sent
