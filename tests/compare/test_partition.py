"""Two sides are walked together exactly, however many traces there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailsampler.compare.collected import Collected, Summary, again, in_parts
from tailsampler.compare.partition import Pair, Window, partition, window
from tailsampler.errors import TailsamplerError
from tests.compare.written import classes, kept, lines, report_of

MINUTE_MS = 60_000
IDS = st.integers(1, 60)
SIDES = st.lists(st.tuples(IDS, st.integers(1, 6)), max_size=80)


def collected(spans: list[tuple[int, int]], most: int) -> Collected:
    """A side that holds at most so many traces in memory."""
    side = Collected(most_in_memory=most)
    for trace, number in spans:
        side.add(trace.to_bytes(16, "big"), 1, hash(number), 1_000 + number, 2_000 + number)
    return side


@given(SIDES, SIDES, st.integers(1, 12), st.integers(0, 100))
def test_the_parts_are_those_of_sets(
    a: list[tuple[int, int]], b: list[tuple[int, int]], in_memory: int, most: int
) -> None:
    """Both, A alone, B alone, and uneven, as Python's sets have them, with any room in memory."""
    first, second = collected(a, in_memory), collected(b, in_memory)
    found = partition((first, second), Window(), exact=True, most=most)
    first.close()
    second.close()
    ids_a, ids_b = {trace for trace, _ in a}, {trace for trace, _ in b}
    uneven = {
        trace
        for trace in ids_a & ids_b
        if sorted(n for t, n in a if t == trace) != sorted(n for t, n in b if t == trace)
    }
    assert found.traces == [len(ids_a), len(ids_b)]
    assert found.spans == [len(a), len(b)]
    assert found.both == len(ids_a & ids_b)
    assert found.alone == [len(ids_a - ids_b), len(ids_b - ids_a)]
    assert found.uneven == len(uneven)
    wanted = sorted((ids_a ^ ids_b) | uneven)[:most]
    assert [int.from_bytes(pair.trace_id, "big") for pair in found.picked] == wanted


@given(SIDES, st.integers(1, 7))
def test_runs_come_together_as_if_all_were_in_memory(
    spans: list[tuple[int, int]], in_memory: int
) -> None:
    """A trace whose spans came far apart is one trace, with its first and its last time."""
    small, large = collected(spans, in_memory), collected(spans, 10_000)
    assert list(small.sorted()) == list(large.sorted())
    small.close()
    large.close()


def test_a_trace_that_is_found_twice_is_not_added_up() -> None:
    """Two searches that overlap find the same spans, one perhaps more of them."""
    side = Collected(combine=again, most_in_memory=1)
    side.add(b"a" * 16, 3, 0, 10, 20)
    side.add(b"a" * 16, 2, 0, 5, 15)
    assert list(side.sorted()) == [Summary(b"a" * 16, 3, 0, 5, 20)]
    side.close()


@pytest.mark.parametrize("combine", [in_parts, again])
def test_a_time_that_is_missing_is_not_the_earliest(combine: Any) -> None:
    """0 means that nobody wrote one."""
    side = Collected(combine=combine)
    side.add(b"a" * 16, 1, 0, 0, 0)
    side.add(b"a" * 16, 1, 0, 7, 9)
    [one] = side.sorted()
    assert (one.first_ns, one.last_ns, side.first_ns) == (7, 9, 7)


async def test_the_edges_are_no_difference(tmp_path: Path) -> None:
    """What one side may not have been written for is set aside, at both ends and in both."""
    always = [kept({number: [1]}, at_ms=number * MINUTE_MS) for number in range(1, 11)]
    a = lines([*always, kept({100: [1]}, at_ms=30_000)], tmp_path / "a")
    b = lines(
        [*always, kept({101: [1]}, at_ms=9.5 * MINUTE_MS), kept({102: [1]}, at_ms=5 * MINUTE_MS)],
        tmp_path / "b",
    )
    report = await report_of(a, b, settle_ns=60 * 10**9)
    assert report.differ == 1
    assert (report.found.both, report.either) == (10, 11)
    assert classes(report) == {("alone", "B"): 1, ("edge", "A"): 1, ("edge", "B"): 1}
    assert report.differences[0].trace_id == f"{102:032x}"


async def test_a_time_too_short_for_edges_excuses_nothing(tmp_path: Path) -> None:
    """Else two sides that lie apart would agree."""
    a = lines([kept({1: [1]})], tmp_path / "a")
    b = lines([kept({2: [1]})], tmp_path / "b")
    report = await report_of(a, b, settle_ns=60 * 10**9)
    assert report.differ == 2
    assert "twice --settle" in report.notes[0]


def test_the_window_is_where_all_overlap() -> None:
    """The later begin and the earlier end; a list of ids, which has no times, bounds nothing."""
    a, b, ids = Collected(first_ns=10, last_ns=90), Collected(first_ns=20, last_ns=100), Collected()
    assert window(a, b, 0, 0, 5) == Window(20, 90, 5)
    assert window(a, b, 30, 80, 5) == Window(30, 80, 5)
    assert window(ids, b, 0, 0, 5) == Window(20, 100, 5)
    nowhere = window(ids, ids, 0, 0, 5)
    assert nowhere.has_inside
    assert not nowhere.is_edge(Pair(Summary(b"a" * 16, 0, 0, 0, 0), None))


async def test_traces_of_another_time_are_left_out(tmp_path: Path) -> None:
    """A trace is of the time in which its first span begins, late spans or not."""
    requests = [kept({n: [1]}, at_ms=n * 1_000) for n in range(5)[1:]] + [kept({1: [9]}, at_ms=2e3)]
    a, b = lines(requests, tmp_path / "a"), lines(requests[1:2], tmp_path / "b")
    begin = 1_700_000_000 * 10**9
    report = await report_of(a, b, since_ns=begin + 2 * 10**9, until_ns=begin + 3 * 10**9)
    assert (report.found.traces, report.found.outside, report.differ) == ([1, 1], [3, 0], 0)


async def test_nothing_on_a_side_is_no_comparison(tmp_path: Path) -> None:
    """A wrong name would look like a sampler that keeps nothing."""
    a = lines([kept({1: [1]})], tmp_path / "a")
    (tmp_path / "empty").touch()
    with pytest.raises(TailsamplerError, match="empty holds no trace;"):
        await report_of(a, tmp_path / "empty")
    with pytest.raises(TailsamplerError, match="1 that begin before --since"):
        await report_of(a, a, since_ns=10**9, until_ns=2 * 10**9)
