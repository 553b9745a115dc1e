"""The search for what a backend refuses."""

import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st

from tailsampler.export.bisect import MOST_REQUESTS, REFUSED, Delivery, deliver
from tailsampler.export.retry import Accepted, Failed
from tests.export.fakes import FakeTransport, payload, refuse, span_ids, split

INVALID = Failed(StatusCode.INVALID_ARGUMENT, "no")
TOO_LARGE = Failed(StatusCode.RESOURCE_EXHAUSTED, "Received message larger than max (9 vs. 4)")


async def delivered(count: int, transport: FakeTransport) -> Delivery:
    return await deliver(payload(*range(count)), count, transport.send, split)


async def test_what_is_taken_whole_is_sent_once() -> None:
    """The usual case costs one request and no split."""
    transport = FakeTransport()
    assert await delivered(1_000, transport) == Delivery(requests=1)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
async def test_only_bad_spans_are_dropped(case: tuple[int, set[int]]) -> None:
    """Whichever spans a backend refuses, exactly those are lost, and each is named."""
    count, bad = case
    transport = FakeTransport(rule=refuse(bad, INVALID))
    delivery = await delivered(count, transport)
    assert delivery.dropped == [(REFUSED, first, 1) for first in sorted(bad)]
    taken = [one for one in transport.sent if not bad & set(span_ids(one))]
    assert [number for one in taken for number in span_ids(one)] == [
        number for number in range(count) if number not in bad
    ]


async def test_one_bad_span_is_found_in_few_requests() -> None:
    """Isolating one span among 4,096 takes two requests a halving, not one a span."""
    transport = FakeTransport(rule=refuse({1_234}, INVALID))
    delivery = await delivered(4_096, transport)
    assert delivery.dropped == [(REFUSED, 1_234, 1)]
    assert delivery.refusal == INVALID
    assert delivery.requests == 1 + 2 * 12


async def test_a_backend_that_refuses_everything_is_not_stormed() -> None:
    """The search has a bound; past it the rest is dropped undivided, and still counted."""
    transport = FakeTransport(rule=lambda _: INVALID)
    delivery = await delivered(5_000, transport)
    assert delivery.requests <= MOST_REQUESTS
    assert sum(count for _, _, count in delivery.dropped) == 5_000
    positions = [first for _, first, _ in delivery.dropped]
    assert positions == sorted(positions)


async def test_too_large_is_halved_until_it_fits() -> None:
    """Nothing is lost to a backend's size limit, and the smallest refused size is remembered."""
    limit = len(payload(*range(100)))
    transport = FakeTransport(rule=lambda one: TOO_LARGE if len(one) > limit else Accepted())
    delivery = await delivered(350, transport)
    assert delivery.dropped == []
    assert limit < delivery.too_large < 2 * limit
    assert all(len(one) <= limit or index in {0, 1, 4} for index, one in enumerate(transport.sent))


async def test_a_single_span_over_the_limit_is_dropped() -> None:
    """A span that fits no request cannot be split further; its loss is named."""
    transport = FakeTransport.that_says(TOO_LARGE)
    delivery = await delivered(1, transport)
    assert delivery.dropped == [(REFUSED, 0, 1)]
    assert delivery.refusal == TOO_LARGE


@pytest.mark.parametrize(("claimed", "counted"), [(2, 2), (99, 3), (-1, 0)])
async def test_rejected_counts_from_outside_are_bounded(claimed: int, counted: int) -> None:
    """A backend that rejects more spans than it got cannot unbalance the books."""
    transport = FakeTransport.that_says(Accepted(claimed, "why"))
    delivery = await delivered(3, transport)
    assert (delivery.rejected, delivery.warning) == (counted, "why")
