"""What holds of the model whatever comes in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from tests.contrib.build import PARENT, TRACE, condition, pairs, policy, request, sampled, span
from tests.contrib.build import trace_of as joined
from tests.contrib.model.config import decode
from tests.contrib.model.events import Event, Kind
from tests.contrib.model.processor import Processor
from tests.contrib.model.trace import arrivals_in
from tests.contrib.model.votes import Decision

SECONDS = 12


class Sent(NamedTuple):
    """A span on its way: its trace, when it comes, whether it is a root, and whether it matches."""

    trace: int
    at_s: float
    root: bool
    matches: bool


SENT = st.lists(
    st.builds(
        Sent,
        st.integers(1, 4),
        st.sampled_from([second + 0.5 for second in range(SECONDS)]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=25,
).map(lambda sent: sorted(sent, key=lambda one: one.at_s))

CONFIG = st.fixed_dictionaries(
    {
        "decision_wait": st.sampled_from(["1s", "2s", "4s"]),
        "decision_wait_after_root_received": st.sampled_from(["0s", "500ms", "2s", "9s"]),
        "num_traces": st.integers(1, 5),
        "decision_cache": st.fixed_dictionaries(
            {
                "sampled_cache_size": st.integers(0, 2),
                "non_sampled_cache_size": st.integers(0, 2),
            }
        ),
        "block_on_overflow": st.booleans(),
        "sampling_strategy": st.sampled_from(["trace-complete", "span-ingest"]),
        "maximum_trace_size_bytes": st.sampled_from([0, 150]),
        "policies": st.just([condition('name == "yes"')]),
    }
)


def events(model: Processor, sent: list[Sent]) -> Iterator[tuple[float, Event]]:
    """Everything that the model tells, with its time in seconds, until all has been judged."""
    for second in range(2 * SECONDS):
        for number, one in enumerate(sent, 1):
            if second <= one.at_s < second + 1:
                name = "yes" if one.matches else "no"
                parent = b"" if one.root else PARENT
                spans = span(bytes([one.trace]) * 16, number, name=name, parent_span_id=parent)
                yield from ((one.at_s, e) for e in model.consume(request(spans), one.at_s))
        yield from ((second + 1, event) for event in model.tick(second + 1))


@given(config=CONFIG, sent=SENT)
def test_no_span_goes_out_twice_or_uncalled_for(config: dict[str, Any], sent: list[Sent]) -> None:
    """Only spans that were sent, each once at most, with their own trace, if it is sampled."""
    out = Counter[int]()
    for _, event in events(Processor(decode(config)), sent):
        assert bool(event.out) <= (event.decision is Decision.SAMPLED)
        for arrival in event.out:
            assert arrival.trace_id == event.trace_id
            out.update(int.from_bytes(held.span.span_id, "big") for held in arrival.spans)
    assert all(count == 1 for count in out.values())
    assert out.keys() <= set(range(1, len(sent) + 1))


@given(config=CONFIG, sent=SENT)
def test_with_room_every_trace_is_judged_once_and_in_time(
    config: dict[str, Any], sent: list[Sent]
) -> None:
    """Within a second of its wait or of its root's, on what came until then."""
    roomy = {"num_traces": 9, "sampling_strategy": "trace-complete", "maximum_trace_size_bytes": 0}
    roomy |= {"decision_cache": {"sampled_cache_size": 9, "non_sampled_cache_size": 9}}
    model = Processor(decode(config | roomy))
    judged = {e.trace_id[0]: (at, e) for at, e in events(model, sent) if e.kind is Kind.JUDGED}
    assert judged.keys() == {one.trace for one in sent}
    for trace, (at, event) in judged.items():
        mine = [one for one in sent if one.trace == trace]
        due = mine[0].at_s + model.settings.batches
        after_root = model.settings.batches_after_root
        if after_root is not None:
            due = min([due, *(one.at_s + after_root for one in mine if one.root)])
        assert due < at <= due + 1
        in_time = [one.matches for one in mine if one.at_s < at]
        assert (event.decision is Decision.SAMPLED) is any(in_time)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats()
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
ATTRIBUTES = st.dictionaries(st.text(max_size=200), VALUES, max_size=4)


@given(of_span=ATTRIBUTES, of_resource=ATTRIBUTES, name=st.text(max_size=300))
def test_sizes_are_protobufs_where_all_is_there(
    of_span: dict[str, Any], of_resource: dict[str, Any], name: str
) -> None:
    """With every field that pdata always writes present, both encoders agree to the byte."""
    one = span(TRACE, 1, name=name, parent_span_id=PARENT, attributes=of_span)
    one.status.SetInParent()
    whole = request(one, resource=of_resource)
    (arrival,) = arrivals_in(whole)
    assert arrival.size == whole.resource_spans[0].ByteSize()
    for pair in whole.resource_spans[0].resource.attributes:
        pair.ClearField("value")
    bare = pairs(dict.fromkeys(of_resource))
    assert bare == [KeyValue(key=key, value=AnyValue()) for key in of_resource]
    (again,) = arrivals_in(whole)
    whole.resource_spans[0].resource.ClearField("attributes")
    whole.resource_spans[0].resource.attributes.extend(bare)
    assert again.size == whole.resource_spans[0].ByteSize()


TIMES = st.lists(
    st.tuples(st.integers(1, 1 << 40), st.integers(1, 1 << 40)), min_size=1, max_size=6
)


@given(times=TIMES, threshold=st.integers(0, 1 << 20))
def test_without_an_upper_bound_only_the_whole_duration_counts(
    times: list[tuple[int, int]], threshold: int
) -> None:
    """As long as every span has a start and no span ends before the first one starts."""
    spans = (
        span(number=number, start_time_unix_nano=min(pair), end_time_unix_nano=max(pair))
        for number, pair in enumerate(times, 1)
    )
    whole = max(map(max, times)) - min(map(min, times))
    block = {"threshold_ms": threshold}
    found = sampled("latency", block, joined(request(*spans)))
    assert found is (whole // 1_000_000 > threshold)


@given(percentage=st.floats(0, 100), more=st.floats(0, 100), last=st.integers(0, 255))
def test_a_higher_percentage_keeps_what_a_lower_one_kept(
    percentage: float, more: float, last: int
) -> None:
    """The same salt makes nested choices."""
    trace = joined(request(span(bytes(15) + bytes([last]))))
    low, high = sorted((percentage, more))
    kept = [sampled("probabilistic", {"sampling_percentage": each}, trace) for each in (low, high)]
    assert kept[0] <= kept[1]


@given(
    sub=st.sampled_from(["always_sample", "trace_flags", "probabilistic"]), flags=st.integers(0, 3)
)
def test_not_is_the_opposite(sub: str, flags: int) -> None:
    """Twice is not possible, once turns every vote around."""
    trace = joined(request(span(flags=flags)))
    inner = policy(sub, sampling_percentage=50) if sub == "probabilistic" else policy(sub)
    block = inner.get(sub, {})
    opposite = sampled("not", {"not_sub_policy": inner}, trace)
    assert sampled(sub, block, trace) is not opposite
