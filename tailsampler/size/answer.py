"""What a gateway needs, added up, and what is wrong with what was asked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from tailsampler.size import disk, memory, processor
from tailsampler.size.costs import Costs
from tailsampler.size.demand import Demand
from tailsampler.size.part import Part, total
from tailsampler.size.words import bytes_text, count_text

INDEX_SHARE: Final = 0.40
IN_FLIGHT_SHARE: Final = 0.12
"""Of its memory that the program gives to the index and to bodies, where nobody says else."""
LEAST_MEMORY: Final = 384 << 20
"""Under it the chart refuses."""
NOT_COVERED: Final = (
    "The network, and what it costs the kernel: everything was measured over loopback.",
    "A backend that is slow: kept traces wait in the outbox, which --outage sizes.",
    "TLS handshakes: connections were few and lived long.",
    "The local trace store and the file exporter: kept traces went to an OTLP/gRPC backend.",
    "Chains other than the three; a regular expression on a long attribute costs more.",
    "Other machines: a slower core takes longer, and waking up is dear on virtual ones.",
)


@dataclass(frozen=True, slots=True)
class Found:
    """Something that will not do."""

    code: str
    say: str
    """What is wrong, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What each gateway of the tier needs."""

    demand: Demand
    """Of the tier, as it was asked."""
    each: Demand
    costs: Costs
    cores: tuple[Part, ...]
    top: float
    """The most spans a second that one took, of such requests."""
    memory: tuple[Part, ...]
    page_cache: float
    """Bytes of the log that may be read back; can be reclaimed, and then comes from the disk."""
    written: tuple[Part, ...]
    buffer: float
    outbox: float
    volume: float
    ready_s: float
    findings: tuple[Found, ...]

    @property
    def cores_needed(self) -> float:
        """With what stays free."""
        return total(self.cores) * self.each.burst

    @property
    def of_top(self) -> float:
        """The rate as a share of the top."""
        return self.each.spans_per_second / self.top

    @property
    def memory_limit(self) -> float:
        """Bytes to give, so that the bounds that the program takes from it hold the load."""
        index = memory.index_bytes(self.costs, self.each) / INDEX_SHARE
        bodies = memory.in_flight_bytes(self.costs, self.each) / IN_FLIGHT_SHARE
        return max(total(self.memory) + self.page_cache, index, bodies, LEAST_MEMORY)


def answer(costs: Costs, demand: Demand, *, disk_rate: float | None = None) -> Answer:
    """By what was measured; ``disk_rate``: bytes a second that the disk of each can take.

    Raises:
        DemandError: what was asked contradicts itself.
    """
    demand.check()
    each = demand.each()
    written = disk.written(costs, each)
    return Answer(
        demand=demand,
        each=each,
        costs=costs,
        cores=processor.cores(costs, each),
        top=processor.top(costs, each),
        memory=memory.process(costs, each),
        page_cache=memory.page_cache(each),
        written=written,
        buffer=disk.buffer(costs, each),
        outbox=disk.outbox(costs, each),
        volume=disk.volume(costs, each),
        ready_s=disk.ready_s(costs, each),
        findings=(
            *_one_is_not_enough(costs, demand, each),
            *_disk_is_too_slow(demand, total(written), disk_rate),
        ),
    )


def _one_is_not_enough(costs: Costs, demand: Demand, each: Demand) -> tuple[Found, ...]:
    most = processor.top(costs, each) / each.burst
    if each.spans_per_second <= most:
        return ()
    needed = math.ceil(demand.spans_per_second / most) + demand.missing
    return (
        Found(
            "too_few_gateways",
            f"a gateway would take {count_text(each.spans_per_second)} spans a second, and "
            f"{count_text(most)} is what leaves --headroom free of the most that one took when "
            f"measured; write --gateways {needed}",
        ),
    )


def _disk_is_too_slow(demand: Demand, rate: float, disk_rate: float | None) -> tuple[Found, ...]:
    if disk_rate is None or rate * demand.burst <= disk_rate:
        return ()
    there = demand.gateways - demand.missing
    needed = math.ceil(rate * there * demand.burst / disk_rate) + demand.missing
    return (
        Found(
            "disk_too_slow",
            f"{bytes_text(rate)}/s are written by each, more than --disk-rate "
            f"{bytes_text(disk_rate)} has with --headroom left free; take faster disks, or write "
            f"--gateways {needed}",
        ),
    )
