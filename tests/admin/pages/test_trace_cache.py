"""Traces that were opened a moment ago."""

from dataclasses import replace

from tailsampler.admin.pages.trace_cache import TraceCache
from tailsampler.store.query import Stored
from tailsampler.testing.spans import request, resource, trace, trace_id_of
from tests.traces.memory_store import MemoryStore


def stored(number: int, spans: int) -> Stored:
    store = MemoryStore()
    store.write(request(resource("shop", *trace(number, spans=spans))).SerializeToString())
    found = store.get(trace_id_of(number))
    assert found is not None
    return found


def test_a_trace_is_decoded_once() -> None:
    """The second page of it finds what the first one made."""
    cache, one = TraceCache(least_spans=1), stored(1, 5)
    assert cache.open(one) is cache.open(one)


def test_a_trace_that_grew_is_decoded_again() -> None:
    """What the store says of it is compared each time."""
    cache, one = TraceCache(least_spans=1), stored(1, 5)
    first = cache.open(one)
    grown = Stored(replace(one.row, spans=6), one.data)
    assert cache.open(grown) is not first
    assert len(cache) == 1


def test_spans_in_memory_are_bounded() -> None:
    """The trace that nobody looked at for longest goes first."""
    cache = TraceCache(most_spans=12, least_spans=1)
    kept, gone, new = stored(1, 5), stored(2, 5), stored(3, 5)
    first = cache.open(kept)
    cache.open(gone)
    cache.open(kept)
    cache.open(new)
    assert len(cache) == 2
    assert cache.open(kept) is first


def test_what_is_too_large_or_too_small_is_not_kept() -> None:
    """One huge trace does not fill the memory, and a small one is decoded in no time."""
    cache = TraceCache(most_spans=10, least_spans=3)
    cache.open(stored(1, 11))
    cache.open(stored(2, 2))
    assert len(cache) == 0


def test_the_memory_is_given_back() -> None:
    """After a while nothing is left."""
    cache = TraceCache(least_spans=1)
    cache.open(stored(1, 5))
    cache.clear()
    assert len(cache) == 0
