"""What is asked: a load, how traces wait and are kept, and what stays free."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal, Self, get_args

from tailsampler.errors import TailsamplerError

Protocol = Literal["grpc", "grpc+gzip", "grpc+tls", "http", "http+gzip", "json"]
Chain = Literal["standard", "twenty", "contrib"]
PROTOCOLS: Final[tuple[Protocol, ...]] = get_args(Protocol)
CHAINS: Final[tuple[Chain, ...]] = get_args(Chain)


class DemandError(TailsamplerError):
    """What was asked contradicts itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Of a tier; ``each`` makes that of one gateway of it. All numbers are over 0 or as noted."""

    spans_per_second: float
    decision_wait_s: float = 10.0
    bytes_per_span: float = 270.0
    """In protobuf, with its share of resource and scope, whatever the protocol."""
    kept: float = 0.01
    """Of all spans, 0 to 1."""
    spans_per_request: float = 64.0
    spans_per_trace: float = 8.0
    requests_per_trace: float | None = None
    """None: as few as hold it."""
    headroom: float = 0.5
    """What stays free of cores, memory and disk: 0 to less than 1."""
    protocol: Protocol = "grpc"
    chain: Chain = "standard"
    export: bool = True
    gateways: int = 1
    missing: int = 0
    fsync: Literal["never", "always"] | float = 1.0
    """A number: seconds between two forced writes."""
    outage_s: float = 3600.0
    """How long a backend may be away: 0 or more."""
    late_traces: int = 1_000_000
    late_age_s: float = 600.0
    peer_traces: int = 0

    @property
    def parts(self) -> float:
        """Requests that hold spans of one trace."""
        if self.requests_per_trace is not None:
            return self.requests_per_trace
        return float(max(1, math.ceil(self.spans_per_trace / self.spans_per_request)))

    @property
    def burst(self) -> float:
        """How many times the rate fits into what stays free."""
        return 1 / (1 - self.headroom)

    @property
    def requests_per_second(self) -> float:
        """At the rate that is asked for."""
        return self.spans_per_second / self.spans_per_request

    @property
    def held_spans(self) -> float:
        """When the rate has lasted as long as the wait."""
        return self.spans_per_second * self.decision_wait_s

    @property
    def held_traces(self) -> float:
        """Likewise."""
        return self.held_spans / self.spans_per_trace

    def each(self) -> Self:
        """What one gateway takes while the others are missing."""
        there = self.gateways - self.missing
        return replace(self, spans_per_second=self.spans_per_second / there, gateways=1, missing=0)

    def check(self) -> None:
        """Whether it can be.

        Raises:
            DemandError: it cannot; the message names the option and what to write.
        """
        if self.missing >= self.gateways:
            _refuse(
                "nobody_left",
                f"--missing {self.missing} of --gateways {self.gateways} leaves nobody to take "
                f"spans; write --gateways {self.missing + 1} or more",
            )
        if self.parts > self.spans_per_trace:
            _refuse(
                "too_many_parts",
                f"a trace of {self.spans_per_trace:g} spans cannot come in {self.parts:g} "
                "requests; lower --requests-per-trace, or raise --spans-per-trace",
            )
        if self.spans_per_trace / self.parts > self.spans_per_request:
            least = math.ceil(self.spans_per_trace / self.spans_per_request)
            _refuse(
                "too_few_parts",
                f"a trace of {self.spans_per_trace:g} spans needs {least} requests of "
                f"{self.spans_per_request:g}; write --requests-per-trace {least} or leave it out",
            )


def _refuse(code: str, say: str) -> None:
    raise DemandError(code, say)
