"""A configuration beside the load: what it says of the load, and which bounds are too small."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tailsampler.decide.chosen import wait_of
from tailsampler.settings.buffer import FsyncInterval
from tailsampler.settings.export import OtlpGrpcExporter
from tailsampler.settings.root import Settings
from tailsampler.settings.units import size_text
from tailsampler.size import memory
from tailsampler.size.answer import Answer, Found
from tailsampler.size.words import count_text

_MIB: Final = 1 << 20
_MANY_POLICIES: Final = 8
"""More than the standard chain's four by as much, and the twenty are nearer."""


def asked_by(settings: Settings) -> dict[str, Any]:
    """Fields of a ``Demand`` that a configuration says."""
    fsync = settings.buffer.fsync
    many = len(settings.sampling.policies) > _MANY_POLICIES
    own = "twenty" if many else "standard"
    return {
        "decision_wait_s": _longest_wait_s(settings),
        "fsync": fsync.interval.total_seconds() if isinstance(fsync, FsyncInterval) else fsync,
        "chain": own if settings.tail_sampling is None else "contrib",
        "late_traces": settings.late.max_traces,
        "late_age_s": settings.late.max_age.total_seconds(),
        "peer_traces": settings.peers.max_traces if settings.peers.enabled else 0,
    }


def _longest_wait_s(settings: Settings) -> float:
    waits = [wait_of(settings)[1]]
    if settings.tail_sampling is None:
        waits += [one.decision_wait for one in settings.sampling.policies if one.decision_wait]
    return max(waits).total_seconds()


@dataclass(frozen=True, slots=True)
class Bound:
    """A setting that bounds what can be held."""

    key: str
    now: int
    needed: float
    then: str
    """What happens at it."""

    @property
    def is_too_small(self) -> bool:
        """For the load, with what stays free."""
        return self.needed > self.now

    @property
    def to_write(self) -> str:
        """A value that is enough, in whole MiB."""
        return str(size_text(-int(-self.needed // _MIB) * _MIB))


def bounds(settings: Settings, of: Answer) -> tuple[Bound, ...]:
    """Those that the load has to do with."""
    return (
        Bound(
            "buffer.max_bytes",
            settings.buffer.max_bytes,
            of.buffer,
            "the oldest traces are judged early",
        ),
        Bound(
            "buffer.max_index_bytes",
            settings.buffer.max_index_bytes,
            memory.index_bytes(of.costs, of.each),
            "the oldest traces are judged early, and then requests refused",
        ),
        Bound(
            "outbox.max_bytes",
            settings.outbox.max_bytes,
            of.outbox,
            "kept traces are given up while a backend is away as long as --outage",
        ),
        Bound(
            "receive.in_flight_bytes",
            settings.receive.in_flight_bytes,
            memory.in_flight_bytes(of.costs, of.each),
            "requests are refused",
        ),
    )


def findings(settings: Settings, of: Answer) -> Iterator[Found]:
    """What of a configuration does not hold the load."""
    for bound in bounds(settings, of):
        if bound.is_too_small:
            yield Found(
                bound.key.replace(".", "_") + "_too_small",
                f"{bound.key} is {size_text(bound.now)}, and at it {bound.then}; "
                f"write {bound.to_write} or more",
            )
    limit = settings.receive.rate_limit_spans_per_second
    if limit is not None and limit < of.each.spans_per_second:
        yield Found(
            "rate_limit_too_low",
            f"receive.rate_limit_spans_per_second is {limit:,}, and a gateway would take "
            f"{count_text(of.each.spans_per_second)}; raise it, or leave it out",
        )


def remarks(settings: Settings, of: Answer) -> Iterator[str]:
    """What of a configuration is not in the answer."""
    root = settings.sampling.decision_wait_after_root_received
    if settings.tail_sampling is None and root is not None:
        yield (
            "decision_wait_after_root_received makes most waits shorter; the answer takes the "
            "longest one, which traces without a root have."
        )
    if of.each.export and not any(isinstance(one, OtlpGrpcExporter) for one in settings.export):
        yield "None of its exporters is of type otlp_grpc, whose cost is what was measured."
