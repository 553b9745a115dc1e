"""The model answers what an operator reads in the design; each case is worked out by hand."""

from __future__ import annotations

import pytest

from tests.model.build import SECOND, Value, received, span, trace_id
from tests.model.chain import (
    Chain,
    Policy,
    duration_ns,
    is_valid,
    judge,
    randomness_of,
    threshold_of,
    wait_ms,
)
from tests.model.tracestate import NEVER, TraceState, encode_threshold

TRACE = trace_id(7, low=0x80_0000_0000_0000)
CHILD = b"\x01" * 8
ERRORS = Policy("errors", 1.0, error_status_codes=(500, 503))
STANDARD = Chain(
    (
        ERRORS,
        Policy("slow", 0.5, duration_threshold_ms=1000),
        Policy("api", 0.25, service_name="api"),
        Policy("default", 0.0),
    ),
    wait_ms=10_000,
)


@pytest.mark.parametrize(
    ("values", "error", "reason"),
    [
        ({"http.response.status_code": 503}, False, "http_status"),
        ({"http.status_code": "0500"}, False, "http_status"),
        ({"http.status_code": "503 "}, False, "default"),
        ({"http.status_code": 503.0}, False, "default"),
        ({"http.status_code": 404}, False, "default"),
        ({"http.status_code": 404}, True, "span_status"),
        ({"rpc.grpc.status_code": 14}, False, "grpc_status"),
        ({"rpc.grpc.status_code": 5}, False, "default"),
        ({"rpc.response.status_code": "INTERNAL"}, False, "grpc_status"),
        ({"rpc.response.status_code": "NOT_FOUND"}, False, "default"),
        ({"rpc.grpc.status_code": 14}, True, "span_status"),
    ],
)
def test_what_counts_as_an_error(values: dict[str, Value], error: bool, reason: str) -> None:
    """An error is a listed HTTP status, a span status ERROR, or a gRPC server fault."""
    assert judge(STANDARD, received(span(TRACE, values=values, error=error))).reason == reason


def test_the_literal_list_only() -> None:
    """With error_status off, neither a span status nor a gRPC status is an error."""
    chain = Chain((Policy("errors", 1.0, error_status_codes=(500,), error_status=False),), 1)
    spans = [span(TRACE, error=True), span(TRACE, 2, values={"rpc.grpc.status_code": 13})]
    assert judge(chain, received(*spans)).reason == "no_match"
    spans.append(span(TRACE, 3, values={"http.status_code": 500}))
    assert judge(chain, received(*spans)).reason == "http_status"


def test_the_lowest_reason_wins() -> None:
    """The reason does not depend on the order in which spans arrive."""
    spans = [
        span(TRACE, 1, values={"rpc.grpc.status_code": 13}),
        span(TRACE, 2, error=True),
        span(TRACE, 3, values={"http.status_code": 500}),
    ]
    assert judge(STANDARD, received(*spans)).reason == "http_status"
    assert judge(STANDARD, received(*spans[:2])).reason == "span_status"


@pytest.mark.parametrize(("end", "policy"), [(SECOND, "slow"), (SECOND - 1, "default")])
def test_at_or_over_the_threshold_is_slow(end: int, policy: str) -> None:
    """A trace of exactly the threshold is slow, a nanosecond less is not."""
    spans = received(span(TRACE, start=5, end=6), span(TRACE, 2, start=6, end=5 + end))
    assert judge(STANDARD, spans).policy == policy


def test_times_that_are_not_set_do_not_count() -> None:
    """A span without a start does not make its trace fifty years long."""
    assert duration_ns(received(span(TRACE, start=0, end=9), span(TRACE, 2, start=5, end=0))) == 4
    assert duration_ns(received(span(TRACE, start=0, end=9))) == 0
    assert duration_ns(received(span(TRACE, start=9, end=4))) == 0


def test_any_resource_may_carry_the_service() -> None:
    """One span of the service is enough, wherever it stands in the trace."""
    spans = [*received(span(TRACE)), *received(span(TRACE, 2, parent=CHILD), service="api")]
    assert judge(STANDARD, spans).policy == "api"
    assert judge(STANDARD, received(span(TRACE), service=None)).policy == "default"


def test_every_criterion_must_hold() -> None:
    """A policy with two criteria matches when both do, and gives the first one's reason."""
    both = Policy("both", 1.0, service_name="api", duration_threshold_ms=1)
    chain = Chain((both,), 1)
    assert judge(chain, received(span(TRACE), service="api")).policy is None
    slow = span(TRACE, start=1, end=2_000_001)
    assert judge(chain, received(slow, service="api")).reason == "duration"
    assert judge(chain, received(slow)).reason == "no_match"


def test_kept_if_t_is_at_most_r() -> None:
    """R equal to T is kept, one less is dropped, and rate 0 keeps nothing at all."""
    chain = Chain((Policy("half", 0.5),), 1)
    half = 1 << 55
    assert judge(chain, received(span(trace_id(1, half)))).kept
    assert not judge(chain, received(span(trace_id(1, half - 1)))).kept
    assert not judge(Chain((Policy("none", 0.0),), 1), received(span(trace_id(1, NEVER - 1)))).kept


@pytest.mark.parametrize(
    ("rate", "threshold"),
    [(1.0, 0), (0.0, NEVER), (0.5, 1 << 55), (2**-56, NEVER - 1), (2**-57, NEVER - 1)],
)
def test_thresholds(rate: float, threshold: int) -> None:
    """T is what is left of 2^56 when the rate's share is taken off, rounded."""
    assert threshold_of(rate) == threshold


@pytest.mark.parametrize(
    ("rate", "text"), [(0.1, "e6666666666666"), (0.001, "ffbe76c8b43958"), (0.25, "c"), (1.0, "0")]
)
def test_thresholds_as_text(rate: float, text: str) -> None:
    """A th is 14 hex digits without the zeros at the end."""
    assert encode_threshold(threshold_of(rate)) == text
    assert TraceState.parse(f"ot=th:{text}").threshold == threshold_of(rate)


def test_the_root_names_the_randomness() -> None:
    """The rv of the root wins, then the smallest, then the trace id."""
    low = span(TRACE, 1, parent=CHILD, state="ot=rv:00000000000001")
    high = span(TRACE, 2, parent=CHILD, state="x=y,ot=th:8;rv:00000000000002")
    root = span(TRACE, 3, state="ot=rv:00000000000003")
    malformed = span(TRACE, 4, state="ot=rv:1")
    assert randomness_of(STANDARD, received(high, low)) == 1
    assert randomness_of(STANDARD, received(low, root, high)) == 3
    assert randomness_of(STANDARD, received(malformed)) == 0x80_0000_0000_0000


def test_ids_that_are_not_random_are_hashed() -> None:
    """MurmurHash3 x64/128 of the id, first half, low 56 bits; rv still goes first."""
    chain = Chain((), 1, hash_trace_ids=True)
    one = bytes(15) + b"\x01"
    assert randomness_of(chain, received(span(one))) == 0xEF_F263_57C4_8224
    explicit = span(one, state="ot=rv:00000000000003")
    assert randomness_of(chain, received(explicit)) == 3


def test_spans_without_usable_ids() -> None:
    """An id that is short, long or zero can never be valid."""
    assert is_valid(span(TRACE))
    for bad in (b"", TRACE[:15], TRACE + b"x", bytes(16)):
        assert not is_valid(span(bad))
    for number in (b"", bytes(8), b"\x01" * 7, b"\x01" * 9):
        broken = span(TRACE)
        broken.span_id = number
        assert not is_valid(broken)


def test_the_first_match_so_far_sets_the_wait() -> None:
    """A trace waits as its first matching policy says, else as the chain says."""
    chain = Chain((Policy("errors", 1.0, (500,), wait_ms=50), Policy("rest", 1.0)), 100)
    assert wait_ms(chain, received(span(TRACE))) == 100
    assert wait_ms(chain, received(span(TRACE), span(TRACE, 2, error=True))) == 50
