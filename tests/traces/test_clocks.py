"""Clock hints from one trace."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailsampler.traces.clocks import Place, Skew, skews
from tailsampler.traces.model import Span
from tests.traces.spans import made, trace_of

MS = 1_000_000
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = range(1, 6)
CART, CHECKOUT = Place("cart"), Place("checkout")


def call(
    caller: tuple[float, float], callee: tuple[float, float], first_id: int = 1, **changes: Any
) -> list[Span]:
    """Cart asks checkout; each pair is start and duration in ms, by that side's own clock."""
    client = {"kind": CLIENT, "service": "cart", **changes}
    return [
        made(first_id, start_ms=caller[0], duration_ms=caller[1], **client),
        made(
            first_id + 1,
            first_id,
            start_ms=callee[0],
            duration_ms=callee[1],
            kind=SERVER,
            service="checkout",
        ),
    ]


def found(*spans: Span) -> list[Skew]:
    return skews(trace_of(spans))


def test_a_callee_that_begins_after_the_answer_has_a_clock_ahead() -> None:
    """The offset lies between the two times at which the callee can have begun."""
    (skew,) = found(*call((0, 100), (3_020, 60)))
    assert (skew.ahead, skew.behind, skew.certain) == (CHECKOUT, CART, True)
    # It began after 0 and ended before 100, less what SDKs round and servers tidy up.
    assert (skew.least_ns, skew.most_ns) == (2_969 * MS, 3_021 * MS)


def test_a_callee_that_begins_before_it_is_asked_has_a_clock_behind() -> None:
    """The same from the other side."""
    (skew,) = found(*call((0, 100), (-2_980, 60)))
    assert (skew.ahead, skew.behind, skew.certain) == (CART, CHECKOUT, True)
    assert skew.least_ns == 2_979 * MS


def test_several_calls_narrow_the_offset() -> None:
    """Each call bounds it, and all bounds hold."""
    (wide,) = found(*call((0, 1_000), (3_500, 10)))
    (narrow,) = found(*call((0, 1_000), (3_500, 10)), *call((2_000, 20), (5_010, 5), 11))
    assert wide.most_ns is not None
    assert narrow.most_ns is not None
    assert narrow.most_ns - narrow.least_ns < wide.most_ns - wide.least_ns
    assert narrow.calls == 2


def test_calls_both_ways_bound_the_same_offset() -> None:
    """Who calls whom does not matter: an offset has one sign."""
    back = [
        made(21, start_ms=3_500, duration_ms=30, kind=CLIENT, service="checkout"),
        made(22, 21, start_ms=510, duration_ms=10, kind=SERVER, service="cart"),
    ]
    (skew,) = found(*call((0, 1_000), (3_020, 10)), *back)
    assert (skew.ahead, skew.behind, skew.calls) == (CHECKOUT, CART, 2)
    assert skew.least_ns >= 2_960 * MS


def test_a_callee_that_overhangs_is_only_likely_ahead() -> None:
    """A caller that reads a stream ends before its callee does, by any clock."""
    (skew,) = found(*call((0, 100), (60, 90)))
    assert (skew.ahead, skew.certain) == (CHECKOUT, False)


def test_a_caller_that_gave_up_proves_nothing() -> None:
    """After a time-out the callee may begin and end as late as it likes."""
    assert found(*call((0, 100), (160, 90), status=2)) == []


def test_offsets_that_contradict_each_other_are_not_told() -> None:
    """No one offset explains them, so there is nothing to say."""
    assert found(*call((0, 100), (3_020, 60)), *call((5_000, 100), (2_000, 60), 11)) == []


def test_a_message_bounds_one_side() -> None:
    """It may have lain in the queue for any time, but not for less than none."""
    later = [
        made(1, kind=PRODUCER, service="cart"),
        made(2, 1, start_ms=60_000, kind=CONSUMER, service="checkout"),
    ]
    assert found(*later) == []
    earlier = [
        made(1, kind=PRODUCER, service="cart"),
        made(2, 1, start_ms=-50, kind=CONSUMER, service="checkout"),
    ]
    (skew,) = found(*earlier)
    assert (skew.ahead, skew.least_ns, skew.most_ns) == (CART, 49 * MS, None)


@pytest.mark.parametrize("kinds", [(INTERNAL, SERVER), (CLIENT, INTERNAL), (CLIENT, CONSUMER)])
def test_other_spans_prove_nothing(kinds: tuple[int, int]) -> None:
    """Only a call or a message says that its other end came after it."""
    parent = made(1, kind=kinds[0], service="cart")
    assert found(parent, made(2, 1, start_ms=-50, kind=kinds[1], service="checkout")) == []


@pytest.mark.parametrize("key", ["host.name", "k8s.pod.name", "service.instance.id"])
def test_hosts_of_a_service_have_clocks_of_their_own(key: str) -> None:
    """One bad machine is named, and its sisters do not hide it."""
    calls: list[Span] = []
    for first_id, host, shift in ((1, "a", 3_000), (11, "b", 0), (21, "a", 3_000)):
        resource: Mapping[str, str] = {key: host}
        calls.append(made(first_id, kind=CLIENT, service="cart", start_ms=first_id))
        calls.append(
            made(
                first_id + 1,
                first_id,
                kind=SERVER,
                service="checkout",
                start_ms=first_id + 1 + shift,
                duration_ms=5,
                resource=resource,
            )
        )
    (skew,) = found(*calls)
    assert (skew.ahead, skew.calls) == (Place("checkout", "a"), 2)


@pytest.mark.parametrize("field", ["start_ns", "end_ns"])
def test_spans_without_times_prove_nothing(field: str) -> None:
    """An unset time is not a clock fifty years behind."""
    assert found(*call((0, 100), (10, 50), **{field: 0})) == []


Call = tuple[int, int, int, int, int, bool]
# (caller's start, way there, work, way back, caller, ends in an error), in us of true time.
calls = st.lists(
    st.tuples(
        st.integers(0, 10**7),
        st.integers(0, 10**6),
        st.integers(0, 10**6),
        st.integers(0, 10**6),
        st.integers(0, 2),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)


def lived(calls: list[Call], offsets_us: list[int]) -> list[Span]:
    """Three services that call each other in turn, each with its own clock."""
    spans = []
    for number, (start, there, work, back, caller, failed) in enumerate(calls):
        callee = (caller + 1 + number % 2) % 3
        ids = 2 * number + 1
        for own, parent, service, begin, lasts in (
            (ids, None, caller, start, there + work + back),
            (ids + 1, ids, callee, start + there, work),
        ):
            spans.append(
                made(
                    own,
                    parent,
                    kind=CLIENT if parent is None else SERVER,
                    start_ms=(begin + offsets_us[service]) / 1e3,
                    duration_ms=lasts / 1e3,
                    service=f"s{service}",
                    status=2 if failed else 0,
                )
            )
    return spans


@given(calls)
def test_clocks_that_agree_are_never_suspected(calls: list[Call]) -> None:
    """Whatever the network and the work took, no offset is invented."""
    assert found(*lived(calls, [0, 0, 0])) == []


@given(calls, st.lists(st.integers(-(10**8), 10**8), min_size=3, max_size=3))
def test_a_planted_offset_lies_in_its_interval(calls: list[Call], offsets_us: list[int]) -> None:
    """What is told is true of the clocks that were planted."""
    for skew in found(*lived(calls, offsets_us)):
        ahead, behind = (int(place.service[1:]) for place in (skew.ahead, skew.behind))
        planted_ns = (offsets_us[ahead] - offsets_us[behind]) * 1_000
        assert 0 < skew.least_ns <= planted_ns
        assert skew.most_ns is None or planted_ns <= skew.most_ns


@given(calls, st.integers(4 * 10**6, 10**9), st.booleans())
def test_an_offset_longer_than_every_call_is_found(
    calls: list[Call], offset_us: int, behind: bool
) -> None:
    """A clock that is far off cannot hide, in either direction, unless every call failed."""
    calls = [(*calls[0][:4], 0, False), *calls[1:]]
    shift = -offset_us if behind else offset_us
    pairs = {
        frozenset((skew.ahead.service, skew.behind.service))
        for skew in found(*lived(calls, [shift, 0, 0]))
    }
    assert frozenset(("s0", "s1")) in pairs
