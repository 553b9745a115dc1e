"""From plans to the SDK's spans."""

from random import Random

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind, StatusCode

from tailsampler.demo.emit import Emitter, SeededIds
from tailsampler.demo.parts import Parts
from tailsampler.demo.plan import TracePlan
from tailsampler.demo.scenarios import SCENARIOS
from tailsampler.demo.shop import SERVICES

START_NS = 1_700_000_000_000_000_000


class Shop:
    """All services with exporters in memory."""

    def __init__(self, seed: int = 1) -> None:
        ids = SeededIds(Random(seed))
        self.exporters = {service.name: InMemorySpanExporter() for service in SERVICES}
        tracers = {}
        for name, exporter in self.exporters.items():
            provider = TracerProvider(shutdown_on_exit=False, id_generator=ids)
            provider.add_span_processor(SimpleSpanProcessor(exporter))
            tracers[name] = provider.get_tracer("test")
        self.emitter = Emitter(tracers)

    def spans(self) -> list[ReadableSpan]:
        return [span for one in self.exporters.values() for span in one.get_finished_spans()]


def plan_of(scenario: str) -> TracePlan:
    [found] = [one for one in SCENARIOS if one.name == scenario]
    return found.plan(Parts(Random(7)))


def context(span: ReadableSpan) -> SpanContext:
    found = span.get_span_context()
    assert found is not None
    return found


def span_ids(spans: list[ReadableSpan]) -> set[int]:
    return {context(span).span_id for span in spans}


@pytest.mark.parametrize("scenario", [one.name for one in SCENARIOS])
def test_every_plan_becomes_one_whole_trace(scenario: str) -> None:
    """A root, and parents that exist, in as many spans as the plan has."""
    shop, plan = Shop(), plan_of(scenario)
    emitted = shop.emitter.emit(plan, START_NS)
    spans = shop.spans()
    assert len(spans) == emitted.spans
    assert {context(span).trace_id for span in spans} == set(emitted.trace_ids)
    assert len(emitted.trace_ids) == plan.traces
    assert sum(span.parent is None for span in spans) == plan.traces
    parents = {span.parent.span_id for span in spans if span.parent is not None}
    assert parents <= span_ids(spans)


def test_times_are_those_of_the_plan() -> None:
    """Nothing waits: a trace of two seconds is made in an instant, in the past."""
    shop, plan = Shop(), plan_of("slow")
    shop.emitter.emit(plan, START_NS)
    [root] = [span for span in shop.spans() if span.parent is None]
    assert root.start_time == START_NS
    assert root.end_time == START_NS + plan.duration_ns


def test_inventory_shows_a_clock_that_is_ahead() -> None:
    """By three seconds, at both ends; its callers are right."""
    shop, plan = Shop(), plan_of("clock")
    shop.emitter.emit(plan, START_NS)
    for name, exporter in shop.exporters.items():
        for span in exporter.get_finished_spans():
            assert span.start_time is not None
            assert span.end_time is not None
            late_ns = 3_000_000_000 if name == "inventory" else 0
            assert START_NS + late_ns <= span.start_time <= span.end_time
            assert span.end_time <= START_NS + late_ns + plan.duration_ns


def test_errors_events_and_attributes_arrive() -> None:
    """What the plan says stands on the span."""
    shop = Shop()
    shop.emitter.emit(plan_of("failed job"), START_NS)
    [failed] = [one for one in shop.spans() if one.status.status_code is StatusCode.ERROR]
    assert str(failed.status.description).startswith("the supplier's file ends")
    [event] = failed.events
    assert event.name == "exception"
    assert "ValueError" in str((event.attributes or {})["exception.stacktrace"])


def test_the_consumer_is_linked_to_the_producer() -> None:
    """In a trace of its own, by the id of the producer's span."""
    shop = Shop()
    first, second = shop.emitter.emit(plan_of("messaging"), START_NS).trace_ids
    [producer] = [one for one in shop.spans() if one.kind is SpanKind.PRODUCER]
    [consumer] = [one for one in shop.spans() if one.kind is SpanKind.CONSUMER]
    [link] = consumer.links
    assert link.context.span_id == context(producer).span_id
    assert (link.context.trace_id, context(consumer).trace_id) == (first, second)
    assert [one for one in shop.spans() if one.links] == [consumer]


def test_late_spans_are_held_back() -> None:
    """They are handed back with the time they are due, and join their trace when made."""
    shop = Shop()
    emitted = shop.emitter.emit(plan_of("late"), START_NS)
    [late] = emitted.late
    before = span_ids(shop.spans())
    assert late.due_ns > START_NS + 12_000_000_000
    assert shop.emitter.emit_late(late) == 1
    [made] = [one for one in shop.spans() if context(one).span_id not in before]
    assert context(made).trace_id == emitted.trace_ids[0]
    assert made.end_time == late.due_ns


def test_ids_repeat_with_their_seed_and_only_then() -> None:
    """And the trace context says that they are random."""
    ids = [Shop(seed).emitter.emit(plan_of("browse"), START_NS).trace_ids for seed in (1, 1, 2)]
    assert ids[0] == ids[1] != ids[2]
    assert SeededIds(Random(1)).is_trace_id_random()
