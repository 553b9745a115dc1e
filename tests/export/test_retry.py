"""OTLP's rules for what a failure means, status by status."""

import pytest
from grpc import StatusCode

from tailsampler.export.retry import (
    LONGEST_HONOURED_S,
    MOST_WORDS,
    Backoff,
    Failed,
    Meaning,
    delay_s,
    meaning,
)

OURS = Backoff(first_s=1.0, longest_s=30.0)

# Every status but OK, so that a new one in grpc makes this table red.
MEANINGS = {
    StatusCode.CANCELLED: Meaning.RETRY,
    StatusCode.UNKNOWN: Meaning.REFUSED,
    StatusCode.INVALID_ARGUMENT: Meaning.REFUSED,
    StatusCode.DEADLINE_EXCEEDED: Meaning.RETRY,
    StatusCode.NOT_FOUND: Meaning.OPERATOR,
    StatusCode.ALREADY_EXISTS: Meaning.REFUSED,
    StatusCode.PERMISSION_DENIED: Meaning.OPERATOR,
    StatusCode.UNAUTHENTICATED: Meaning.OPERATOR,
    StatusCode.RESOURCE_EXHAUSTED: Meaning.REFUSED,
    StatusCode.FAILED_PRECONDITION: Meaning.REFUSED,
    StatusCode.ABORTED: Meaning.RETRY,
    StatusCode.UNIMPLEMENTED: Meaning.OPERATOR,
    StatusCode.INTERNAL: Meaning.REFUSED,
    StatusCode.UNAVAILABLE: Meaning.RETRY,
    StatusCode.DATA_LOSS: Meaning.RETRY,
    StatusCode.OUT_OF_RANGE: Meaning.RETRY,
}


@pytest.mark.parametrize("code", set(StatusCode) - {StatusCode.OK}, ids=lambda code: code.name)
def test_every_status_has_the_meaning_otlp_gives_it(code: StatusCode) -> None:
    """No status is left to chance; those that differ from OTLP are explained in the module."""
    assert meaning(Failed(code)) is MEANINGS[code]


def test_retry_info_makes_exhaustion_retryable_and_nothing_else() -> None:
    """RESOURCE_EXHAUSTED is retried only when the server says when; a refusal stays one."""
    assert meaning(Failed(StatusCode.RESOURCE_EXHAUSTED, "", 0.0)) is Meaning.RETRY
    assert meaning(Failed(StatusCode.INVALID_ARGUMENT, "", 1.0)) is Meaning.REFUSED


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (StatusCode.RESOURCE_EXHAUSTED, "SERVER: Received message larger than max (9 vs. 4)"),
        (StatusCode.RESOURCE_EXHAUSTED, "grpc: received message larger than max (9 vs. 4)"),
        (
            StatusCode.RESOURCE_EXHAUSTED,
            "grpc: received message after decompression larger than max 4",
        ),
        (StatusCode.RESOURCE_EXHAUSTED, "gRPC message exceeds maximum size 4: 9"),
        (
            StatusCode.OUT_OF_RANGE,
            "Error, decoded message length too large: found 9 bytes, the limit is: 4 bytes",
        ),
        (StatusCode.UNKNOWN, "Received http2 header with status: 413"),
    ],
)
def test_too_large_is_known_by_its_words(code: StatusCode, words: str) -> None:
    """There is no status for it, so the words of every grpc implementation are."""
    assert meaning(Failed(code, words)) is Meaning.TOO_LARGE


def test_backoff_doubles_to_its_bound() -> None:
    """An outage of hours is asked about every half minute, not every hour and not every second."""
    down = Failed(StatusCode.UNAVAILABLE)
    delays = [delay_s(down, attempt, 0.5, OURS) for attempt in (1, 2, 3, 4, 5, 6, 7, 1_000_000)]
    assert delays == [1, 2, 4, 8, 16, 30, 30, 30]


def test_jitter_spreads_a_fleet() -> None:
    """Gateways that failed together do not come back together."""
    down = Failed(StatusCode.UNAVAILABLE)
    assert delay_s(down, 3, 0.0, OURS) == 2.0
    assert delay_s(down, 3, 0.999, OURS) == pytest.approx(6.0, rel=0.01)


def test_retry_info_is_a_lower_bound() -> None:
    """Never sooner than the backend asked, whatever the dice say; later if that did not help."""
    busy = Failed(StatusCode.UNAVAILABLE, "", 7.0)
    assert delay_s(busy, 1, 0.0, OURS) == 7.0
    assert delay_s(busy, 1, 0.999, OURS) < 10.6
    assert delay_s(busy, 2, 0.0, OURS) == 14.0
    assert delay_s(Failed(StatusCode.UNAVAILABLE, "", 120.0), 5, 0.0, OURS) == 120.0


def test_retry_info_cannot_park_the_exporter() -> None:
    """A backend's nonsense costs an hour at most; a delay of nothing means our own backoff."""
    forever = Failed(StatusCode.UNAVAILABLE, "", 1e12)
    assert delay_s(forever, 9, 0.0, OURS) == LONGEST_HONOURED_S
    assert delay_s(Failed(StatusCode.UNAVAILABLE, "", 0.0), 1, 0.5, OURS) == 1.0
    assert delay_s(Failed(StatusCode.UNAVAILABLE, "", -5.0), 1, 0.5, OURS) == 1.0


def test_what_an_operator_must_mend_is_asked_about_slowly() -> None:
    """A wrong token is not retried at the rate of a restart."""
    assert delay_s(Failed(StatusCode.UNAUTHENTICATED), 1, 0.5, OURS) > OURS.longest_s


def test_a_backend_cannot_fill_the_log() -> None:
    """The words of an answer are cut to a line."""
    assert len(Failed(StatusCode.UNKNOWN, "x" * 100_000).words) == MOST_WORDS
    assert Failed(StatusCode.UNKNOWN).words == "UNKNOWN"
