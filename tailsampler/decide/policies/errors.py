"""``error_status_codes``: a span of the trace failed.

An error is an HTTP status in the list, or span status ERROR, or a gRPC status that is a server's
fault. ``error_status: false`` leaves the list alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field
from pydantic_core import InitErrorDetails

from tailsampler.decide.plan import (
    AnyBit,
    PredicateTable,
    SpanIntIn,
    SpanStatusIn,
    SpanStringIn,
)
from tailsampler.settings.base import Section, found
from tailsampler.settings.values import Flag, Whole, between

# The attribute of today, and the one it was until semantic conventions 1.21.
HTTP_STATUS_KEYS = ("http.response.status_code", "http.status_code")
STATUS_ERROR = 2
# The server's faults among gRPC's codes, as the semantic conventions list them for server spans.
GRPC_FAULTS = {
    "UNKNOWN": 2,
    "DEADLINE_EXCEEDED": 4,
    "UNIMPLEMENTED": 12,
    "INTERNAL": 13,
    "UNAVAILABLE": 14,
    "DATA_LOSS": 15,
}
GRPC_INT_KEYS = ("rpc.grpc.status_code",)
GRPC_STRING_KEYS = ("rpc.response.status_code",)


class ErrorCriterion(Section):
    """Its settings."""

    error_status_codes: tuple[Annotated[Whole, between(100, 599)], ...] | None = Field(
        default=None,
        description="HTTP status codes that are errors, on any span of the trace, e.g. "
        "[500, 502, 503, 504]. Default: this policy does not ask for errors.",
        examples=["[500, 502, 503, 504]"],
    )
    error_status: Flag | None = Field(
        default=None,
        description="Span status ERROR, and gRPC statuses that are a server's fault, are errors "
        "as well. Default: true where error_status_codes is set; true alone asks for them "
        "without any HTTP status.",
    )

    def contradictions(self) -> Iterator[InitErrorDetails]:
        """Nothing that could be an error."""
        if self.error_status_codes == ():
            say = "the list is empty; write e.g. [500, 502, 503, 504], or leave the key out"
            yield found("no_status_codes", say, ("error_status_codes",))
        if self.error_status is False and self.error_status_codes is None:
            say = "false has no use without error_status_codes; leave it out, or write the codes"
            yield found("no_error_criterion", say, ("error_status",))
        yield from super().contradictions()


def _codes(policy: ErrorCriterion) -> frozenset[int]:
    return frozenset(policy.error_status_codes or ())


def _status_counts(policy: ErrorCriterion) -> bool:
    return policy.error_status is not False


def _absent(policy: ErrorCriterion) -> bool:
    return policy.error_status_codes is None and not policy.error_status


def clause(policy: ErrorCriterion, table: PredicateTable) -> AnyBit | None:
    """One bit a kind of error."""
    if _absent(policy):
        return None
    bits = []
    if codes := tuple(sorted(_codes(policy))):
        bits.append(table.bit("http_status", SpanIntIn(keys=HTTP_STATUS_KEYS, values=codes)))
    if _status_counts(policy):
        numbers, names = tuple(GRPC_FAULTS.values()), tuple(GRPC_FAULTS)
        bits += [
            table.bit("span_status", SpanStatusIn(codes=(STATUS_ERROR,))),
            table.bit("grpc_status", SpanIntIn(keys=GRPC_INT_KEYS, values=numbers)),
            table.bit("grpc_status", SpanStringIn(keys=GRPC_STRING_KEYS, values=names)),
        ]
    return AnyBit(bits=tuple(bits))


def words(policy: ErrorCriterion) -> str | None:
    """``HTTP status 500, 502, or span status ERROR, or a gRPC server fault``."""
    if _absent(policy):
        return None
    parts = []
    if codes := sorted(_codes(policy)):
        parts.append("HTTP status " + ", ".join(map(str, codes)))
    if _status_counts(policy):
        parts += ["span status ERROR", "a gRPC server fault"]
    return ", or ".join(parts)


def covers(earlier: ErrorCriterion, later: ErrorCriterion) -> bool:
    """Whether every error of ``later`` is one of ``earlier``."""
    if _absent(earlier):
        return True
    if _absent(later):
        return False
    status = _status_counts(earlier) or not _status_counts(later)
    return status and _codes(earlier) >= _codes(later)
