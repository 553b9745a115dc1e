"""What a backend's answer means for the spans it answers, by OTLP's rules. No I/O, no clock.

One deliberate difference from the letter of OTLP: answers that concern the connection and not the
data (``UNAUTHENTICATED``, ``PERMISSION_DENIED``, ``NOT_FOUND``, ``UNIMPLEMENTED``) are "not
retryable" there, so that an SDK does not pile up spans in memory. This gateway has an outbox on
disk, and a token that expired at night must not drop a night's traces. The spans stay, the
exporter tries again slowly and says so at ERROR level until somebody mends it.
"""

import enum
import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from grpc import StatusCode

# An operator has to act; asking every few seconds would only fill both sides' logs.
OPERATOR_DELAY_S: Final = 60.0
# RetryInfo comes from outside: a backend cannot park the exporter for longer than this.
LONGEST_HONOURED_S: Final = 3600.0
# Neither can it fill our log: grpc allows details of 8 KiB and more.
MOST_WORDS: Final = 400

RETRYABLE: Final = frozenset({
    StatusCode.CANCELLED,
    StatusCode.DEADLINE_EXCEEDED,
    StatusCode.ABORTED,
    StatusCode.OUT_OF_RANGE,
    StatusCode.UNAVAILABLE,
    StatusCode.DATA_LOSS,
})  # fmt: skip
CONCERNS_THE_CONNECTION: Final = frozenset({
    StatusCode.UNAUTHENTICATED,
    StatusCode.PERMISSION_DENIED,
    StatusCode.NOT_FOUND,
    StatusCode.UNIMPLEMENTED,
})  # fmt: skip

# There is no status of its own for "too large"; these are the words of grpc C-core and Go
# ("larger than max"), Java ("exceeds maximum size"), tonic ("decoded message length too large",
# with the retryable OUT_OF_RANGE) and of grpc behind an HTTP proxy that answers 413.
_TOO_LARGE: Final = re.compile(
    r"larger than max|exceeds maximum size|message length too large|message too large"
    r"|request entity too large|status:? 413",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The backend took the request, but perhaps not every span of it."""

    rejected: int = 0
    """Spans refused by ``partial_success``; the backend does not say which."""
    message: str = ""
    """The backend's words, for the log."""
    again: bool = False
    """An earlier try may have arrived, too: its answer was lost."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The backend did not take the request, or we do not know whether it did."""

    code: StatusCode
    message: str = ""
    retry_after_s: float | None = None
    """From RetryInfo; None if the backend gave none."""

    @property
    def words(self) -> str:
        """The status and what the backend said with it, bounded for a log line."""
        return f"{self.code.name}: {self.message}"[:MOST_WORDS].rstrip(": ")


# The call had begun, and the connection ended before its answer; the words of grpc C-core and Go.
_CUT_OFF: Final = re.compile(
    r"socket closed|connection reset|broken pipe|goaway|stream removed|transport is closing|eof",
    re.IGNORECASE,
)


def may_have_arrived(failed: Failed) -> bool:
    """Whether the backend may have the spans although it did not say so."""
    if failed.code is StatusCode.UNAVAILABLE:
        return _CUT_OFF.search(failed.message) is not None
    return failed.code in {StatusCode.DEADLINE_EXCEEDED, StatusCode.CANCELLED}


Answer: TypeAlias = Accepted | Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How failures that may pass are waited out: each pause is twice the one before it."""

    first_s: float = 1.0
    longest_s: float = 30.0


class Meaning(enum.Enum):
    """What to do with spans after a ``Failed``."""

    RETRY = "retry"
    """Send the same again, later."""
    TOO_LARGE = "too_large"
    """Send it in two halves."""
    REFUSED = "refused"
    """Something in it will never be taken; find that part."""
    OPERATOR = "operator"
    """Nothing is wrong with the spans; somebody must mend the connection. Keep and retry slowly."""


def meaning(failed: Failed) -> Meaning:
    """Say what a failure asks for."""
    if _TOO_LARGE.search(failed.message) and failed.code is not StatusCode.UNAVAILABLE:
        return Meaning.TOO_LARGE
    if failed.code in RETRYABLE:
        return Meaning.RETRY
    if failed.code is StatusCode.RESOURCE_EXHAUSTED and failed.retry_after_s is not None:
        return Meaning.RETRY
    if failed.code in CONCERNS_THE_CONNECTION:
        return Meaning.OPERATOR
    return Meaning.REFUSED


def delay_s(failed: Failed, attempt: int, random: float, backoff: Backoff) -> float:
    """Seconds to wait before the next attempt.

    ``attempt`` counts the failures so far, from 1; ``random`` lies in [0, 1) and spreads the
    gateways of a fleet. What the backend asks for in RetryInfo is a lower bound, from which the
    delay grows if asking again does not help.
    """
    asked = min(failed.retry_after_s or 0.0, LONGEST_HONOURED_S)
    if asked > 0:
        first = asked
        spread = 1.0 + 0.5 * random
    else:
        first = backoff.first_s
        spread = 0.5 + random
    if meaning(failed) is Meaning.OPERATOR:
        first = max(first, OPERATOR_DELAY_S)
    # Past 60 every pause is past every bound; a larger power would overflow in the end.
    grown: float = first * 2.0 ** min(attempt - 1, 60)
    return min(grown, max(first, backoff.longest_s)) * spread
