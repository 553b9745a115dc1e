"""What kept spans look like when they leave."""

from __future__ import annotations

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from tests.contrib.build import policy, request, span
from tests.contrib.model.config import decode
from tests.contrib.model.processor import Processor


def processor(cache: int = 0) -> Processor:
    sub = policy("always_sample", "inner")
    whole = policy("composite", "outer", max_total_spans_per_second=9, composite_sub_policy=[sub])
    source = {
        "decision_wait": "1s",
        "decision_cache": {"sampled_cache_size": cache},
        "policies": [whole],
    }
    return Processor(decode(source))


def test_spans_leave_as_they_came_but_for_schema_urls() -> None:
    """Resource and scope are copied, their schema URLs are not."""
    model = processor()
    sent = request(span(name="n", attributes={"a": 1}), resource={"r": "x"}, scope="lib")
    sent.resource_spans[0].schema_url = sent.resource_spans[0].scope_spans[0].schema_url = "u"
    model.consume(sent, 0)
    model.tick(1)
    (event,) = model.tick(2)
    sent.resource_spans[0].ClearField("schema_url")
    sent.resource_spans[0].scope_spans[0].ClearField("schema_url")
    assert event.resource_spans() == [*sent.resource_spans]


def test_policies_are_recorded_on_the_scope() -> None:
    """With the gate: the credited policy and its sub-policy; late spans only from a cache."""
    for cache in (0, 1):
        model = processor(cache)
        model.consume(request(span()), 0)
        model.tick(1)
        (event,) = model.tick(2)
        assert event.unparseable() == 0
        (late,) = model.consume(request(span(number=2)), 3)
        recorded = [
            {pair.key: pair.value for pair in whole.scope_spans[0].scope.attributes}
            for each in (event, late)
            for whole in each.resource_spans(record_policy=True)
        ]
        policies = {
            "tailsampling.policy": AnyValue(string_value="outer"),
            "tailsampling.composite_policy": AnyValue(string_value="inner"),
        }
        from_cache = {
            "tailsampling.policy": AnyValue(string_value="outer"),
            "tailsampling.cached_decision": AnyValue(bool_value=True),
        }
        assert recorded == [policies, from_cache if cache else {}]
        (plain,) = event.resource_spans()
        assert [*plain.scope_spans[0].scope.attributes] == list[KeyValue]()
