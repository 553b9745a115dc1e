"""The disk of one gateway: what is written, and what must be held."""

from __future__ import annotations

from typing import Final

from tailsampler.size.costs import Costs
from tailsampler.size.demand import Demand
from tailsampler.size.part import Part

SEGMENT_BYTES: Final = 64 << 20
_SEGMENTS: Final = 2
"""One that is written, and one that is not wholly free."""
SPARE_BYTES: Final = 2 * SEGMENT_BYTES
"""Files that are kept to be written over, beyond ``buffer.max_bytes``."""
OUTBOX_SHARE: Final = 0.75
"""Of it that kept traces may fill."""
LEAST_BUFFER: Final = 4 * SEGMENT_BYTES
LEAST_OUTBOX: Final = 64 << 20
DECISIONS_BYTES: Final = 1 << 30
DEFAULT_BUFFER: Final = 8 << 30
DEFAULT_OUTBOX: Final = 4 << 30


def written(costs: Costs, demand: Demand) -> tuple[Part, ...]:
    """Bytes a second."""
    rate = demand.spans_per_second
    return (
        Part(
            "the buffer log",
            rate * log_bytes(costs, demand),
            f"{log_bytes(costs, demand):,.0f} bytes a span, each written once",
            costs.cases("disk.request"),
        ),
        Part(
            "the verdict log",
            rate * costs["disk.trace"] / demand.spans_per_trace,
            f"{costs['disk.trace']:,.0f} bytes a trace",
            costs.cases("disk.trace"),
        ),
        Part(
            "the outbox",
            rate * demand.kept * outbox_bytes(costs, demand),
            f"{outbox_bytes(costs, demand):,.0f} bytes a kept span",
            costs.cases("disk.kept_span"),
        ),
    )


def log_bytes(costs: Costs, demand: Demand) -> float:
    """Of one span in the buffer log, with its part of the record's header."""
    request = costs["disk.request"]
    if demand.fsync == "always":
        request += costs["disk.always"]
    return demand.bytes_per_span + request / demand.spans_per_request


def outbox_bytes(costs: Costs, demand: Demand) -> float:
    """Of one kept span, with its trace's own copy of resource and scope."""
    return demand.bytes_per_span + costs["disk.kept_span"]


def buffer(costs: Costs, demand: Demand) -> float:
    """Bytes that ``buffer.max_bytes`` needs, so that a burst judges nothing early."""
    held = demand.held_spans * demand.burst * log_bytes(costs, demand)
    return max(held + _SEGMENTS * SEGMENT_BYTES, LEAST_BUFFER)


def outbox(costs: Costs, demand: Demand) -> float:
    """Bytes that ``outbox.max_bytes`` needs to hold what is kept while a backend is away."""
    kept = demand.spans_per_second * demand.kept * outbox_bytes(costs, demand)
    return max(kept * demand.outage_s / OUTBOX_SHARE, LEAST_OUTBOX)


def volume(costs: Costs, demand: Demand) -> float:
    """Bytes of which the program, by itself, gives half to the buffer and a quarter to the outbox.

    It gives neither more than its default; what needs more is written down, and then the volume
    holds the sum. Of a part of a volume segments are smaller, so that spare ones fit beside it.
    """
    need_buffer, need_outbox = buffer(costs, demand), outbox(costs, demand)
    parted = max(2 * min(need_buffer, DEFAULT_BUFFER), 4 * min(need_outbox, DEFAULT_OUTBOX))
    if need_buffer <= DEFAULT_BUFFER and need_outbox <= DEFAULT_OUTBOX:
        return parted
    bounds = max(need_buffer, DEFAULT_BUFFER) + max(need_outbox, DEFAULT_OUTBOX)
    return max(parted, bounds + DECISIONS_BYTES + SPARE_BYTES)


def ready_s(costs: Costs, demand: Demand) -> float:
    """From a start after ``kill -9`` until all that was held is held again."""
    return costs["start.empty_s"] + demand.held_spans * costs["start.held_us"] * 1e-6
