"""Memory of one gateway: what cannot be taken from it, and the page cache."""

from __future__ import annotations

from tailsampler.size.costs import Costs
from tailsampler.size.demand import Demand
from tailsampler.size.part import Part


def process(costs: Costs, demand: Demand) -> tuple[Part, ...]:
    """Anonymous memory in bytes, with what a burst adds."""
    traces = demand.held_traces * demand.burst
    bodies = in_flight_bytes(costs, demand)
    parts = [
        Part(
            "the program itself",
            costs["memory.program"],
            "before it holds anything, threads and exporters at work",
            costs.cases("memory.program"),
        ),
        Part(
            "index of what is held",
            index_bytes(costs, demand),
            f"{traces:,.0f} traces, {demand.burst:,.1f} times the rate for as long as the wait",
            costs.cases("memory.trace", "memory.part"),
        ),
        Part(
            "remembered verdicts",
            verdicts(demand) * costs["memory.verdict"],
            f"{verdicts(demand):,.0f} traces (late.max_traces, late.max_age)",
            costs.cases("memory.verdict"),
        ),
        Part(
            "bodies in flight",
            bodies,
            "what comes in the 0.1 s after which requests are refused",
            costs.cases("memory.in_flight_s"),
        ),
    ]
    if demand.peer_traces:
        parts.append(
            Part(
                "what other gateways tell",
                demand.peer_traces * costs["memory.peer_trace"],
                f"{demand.peer_traces:,} traces (peers.max_traces)",
                costs.cases("memory.peer_trace"),
            )
        )
    return tuple(parts)


def index_bytes(costs: Costs, demand: Demand) -> float:
    """Of the index at the most that is expected."""
    return demand.held_traces * demand.burst * trace_bytes(costs, demand.parts)


def trace_bytes(costs: Costs, parts: float) -> float:
    """Of one open trace in the index."""
    return costs["memory.trace"] + costs["memory.part"] * parts


def in_flight_bytes(costs: Costs, demand: Demand) -> float:
    """Bodies that wait for the log, at the most that is expected."""
    rate = demand.spans_per_second * demand.bytes_per_span * demand.burst
    return rate * costs["memory.in_flight_s"]


def verdicts(demand: Demand) -> float:
    """Traces whose verdict is remembered: as many as are judged within the age, or the bound."""
    judged = demand.spans_per_second / demand.spans_per_trace * demand.late_age_s
    return min(float(demand.late_traces), judged)


def page_cache(demand: Demand) -> float:
    """Bytes of the log that are read back: what came within the wait."""
    return demand.held_spans * demand.bytes_per_span
