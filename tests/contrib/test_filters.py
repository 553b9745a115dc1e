"""The simple filters, by the rules that the recorded verdicts cannot show."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.contrib.build import MS, SECOND, request, sampled, span, trace_of
from tests.contrib.model import w3c
from tests.contrib.model.filters import milliseconds
from tests.contrib.model.trace import Trace

EARLY = 1_000 * SECOND


def timed(*times_ms: tuple[int, int]) -> Trace:
    """Spans from and to so many milliseconds after a moment, each in a request of its own."""
    spans = (
        span(
            number=number,
            start_time_unix_nano=EARLY + start * MS,
            end_time_unix_nano=EARLY + end * MS,
        )
        for number, (start, end) in enumerate(times_ms, 1)
    )
    return trace_of(*map(request, spans))


def slow(trace: Trace, threshold: int, upper: int = 0, compat: str = "newest") -> bool:
    block = {"threshold_ms": threshold, "upper_threshold_ms": upper}
    return sampled("latency", block, trace, compat=compat)


def test_the_threshold_itself_is_slow_up_to_v0_156() -> None:
    """From v0.157 on it takes more."""
    trace = timed((0, 500))
    assert slow(trace, 499)
    assert not slow(trace, 501, compat="0.156")
    assert slow(trace, 500, compat="0.156")
    assert not slow(trace, 500, compat="0.157")


def test_with_an_upper_bound_the_lower_is_excluded_everywhere() -> None:
    """The upper one is included, in every release."""
    for compat in ("0.155", "newest"):
        trace = timed((0, 500))
        assert not slow(trace, 500, 900, compat)
        assert slow(trace, 499, 500, compat)
        assert not slow(trace, 100, 499, compat)


def test_an_upper_bound_looks_at_the_duration_so_far() -> None:
    """A long trace matches if it once was short enough, in the order in which spans came."""
    assert slow(timed((0, 500), (0, 9_000)), 100, 1_000)
    assert not slow(timed((0, 9_000), (0, 500)), 100, 1_000)


def test_milliseconds_are_whole_and_cut_towards_zero() -> None:
    """Signed: what ends before it starts has a negative duration."""
    assert milliseconds(0, 2 * MS - 1) == 1
    assert milliseconds(2 * MS - 1, 0) == -1
    assert milliseconds(1 << 63, 0) == ((1 << 63) - 1) // MS
    assert milliseconds(0, 1 << 63) == -((1 << 63) // MS)


def test_a_trace_that_ends_before_it_starts() -> None:
    """``threshold_ms: 0`` fails if it is a whole millisecond, not if it is less."""
    assert not slow(timed((5, 4)), 0, compat="0.155")
    early = span(start_time_unix_nano=EARLY + MS - 1, end_time_unix_nano=EARLY)
    assert slow(trace_of(request(early)), 0, compat="0.155")


def test_a_start_of_zero_stands_until_the_next_span() -> None:
    """It makes the trace very long at once; the next start replaces it, even a later one."""
    zero = span(start_time_unix_nano=0, end_time_unix_nano=EARLY)
    normal = span(number=2, start_time_unix_nano=EARLY, end_time_unix_nano=EARLY + MS)
    assert slow(trace_of(request(zero)), 900_000)
    assert slow(trace_of(request(zero, normal)), 900_000)
    assert not slow(trace_of(request(normal)), 900_000)
    assert slow(trace_of(request(zero, normal)), 0, 1)
    assert slow(trace_of(request(normal, zero)), 900_000)


def test_status_codes_outside_the_three_match_none() -> None:
    """Each code matches itself."""
    for code, name in enumerate(("UNSET", "OK", "ERROR")):
        trace = trace_of(request(span(status=Status(code=code))))  # type: ignore[arg-type] # an int
        found = [
            other
            for other in ("UNSET", "OK", "ERROR")
            if sampled("status_code", {"status_codes": [other]}, trace)
        ]
        assert found == [name]
    strange = Status()
    strange.ParseFromString(b"\x18\x07")  # code 7
    block = {"status_codes": ["UNSET", "OK", "ERROR"]}
    assert not sampled("status_code", block, trace_of(request(span(status=strange))))


def test_span_counts_include_duplicates_and_both_ends() -> None:
    """A maximum of 0 is none; a maximum under the minimum never matches."""
    three = trace_of(request(span(), span()), request(span()))
    cases: dict[tuple[int, int], bool] = {
        (3, 3): True,
        (4, 0): False,
        (0, 0): True,
        (1, 2): False,
        (3, 0): True,
        (5, 2): False,
    }
    for (low, high), expected in cases.items():
        block = {"min_spans": low, "max_spans": high}
        assert sampled("span_count", block, three) is expected


@pytest.mark.parametrize(
    ("flags", "expected"), [(0, False), (1, True), (0x100, False), (0x301, True)]
)
def test_only_the_lowest_flag_counts(flags: int, expected: bool) -> None:
    """The other bits of ``flags`` are about something else."""
    assert sampled("trace_flags", {}, trace_of(request(span(flags=flags)))) is expected


LONG = "k" * 256
GOOD: dict[str, dict[str, str]] = {
    "": {},
    "a=1": {"a": "1"},
    "a=1,b=2": {"a": "1", "b": "2"},
    "a=b,,c=d": {"a": "b", "c": "d"},
    ",a=b,": {"a": "b"},
    " a=1\t,\tb=2 ": {"a": "1", "b": "2"},
    "a= 1": {"a": " 1"},
    "0a@sys=1": {"0a@sys": "1"},
    "a_-*/9=~!": {"a_-*/9": "~!"},
    f"{LONG}={'v' * 256}": {LONG: "v" * 256},
    f"{'t' * 241}@{'s' * 14}=1": {f"{'t' * 241}@{'s' * 14}": "1"},
    ",".join(f"k{n}=v" for n in range(32)): {f"k{n}": "v" for n in range(32)},
}
BAD = [
    "A=1",
    "a=1,B=2",
    "a=",
    "a= ",
    "=1",
    "a",
    "a=1,a=2",
    "a=b=c",
    "a =1",
    " ",
    "a=1, ,b=2",
    "0a=1",
    "a@=1",
    "@a=1",
    "a@0b=1",
    "a@b@c=1",
    "a=\u00e9",
    "a=x\ty",
    f"{LONG}k=1",
    f"a={'v' * 257}",
    f"{'t' * 242}@s=1",
    f"t@{'s' * 15}=1",
    ",".join(f"k{n}=v" for n in range(33)),
]


@pytest.mark.parametrize("header", GOOD)
def test_well_formed_tracestate(header: str) -> None:
    """Members in order; blanks around them fall away, one after the sign belongs to the value."""
    assert w3c.parse(header) == GOOD[header]


@pytest.mark.parametrize("header", BAD)
def test_one_bad_member_spoils_the_header(header: str) -> None:
    """Then it has no members at all."""
    assert w3c.parse(header) is None
    trace = trace_of(request(span(trace_state=header)))
    assert not sampled("trace_state", {"key": "a", "values": ["1"]}, trace)


def test_a_bad_header_hides_only_its_own_span() -> None:
    """Another span's good one still counts."""
    trace = trace_of(request(span(trace_state="A=1"), span(number=2, trace_state="a=1")))
    assert sampled("trace_state", {"key": "a", "values": ["0", "1"]}, trace)


def test_values_that_are_too_long_are_not_looked_for() -> None:
    """Key and value together have fewer than 256 bytes."""
    for length, expected in ((254, True), (255, False)):
        value = "v" * length
        trace = trace_of(request(span(trace_state=f"a={value}")))
        block: dict[str, Any] = {"key": "a", "values": ["", value]}
        assert sampled("trace_state", block, trace) is expected


def test_spans_are_seen_in_order_of_arrival() -> None:
    """Over requests, resources and scopes: the order never changes what comes first."""
    trace = timed(*pairwise(range(6)))
    assert [held.span.span_id[-1] for held in trace.spans] == [1, 2, 3, 4, 5]
