"""Processor time of one gateway, and how far it is from the most that one took."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tailsampler.size.costs import Costs
from tailsampler.size.demand import Demand
from tailsampler.size.part import Part

_US: Final = 1e-6
LARGE_BYTES: Final = 256 << 10
"""A request from here on takes memory that nobody had before, page by page."""


def cores(costs: Costs, demand: Demand) -> tuple[Part, ...]:
    """Cores that are busy, by what keeps them busy."""
    rate = demand.spans_per_second
    return tuple(
        Part(what, us * rate * _US, f"{us:,.3f} us a span", costs.cases(*names))
        for what, us, names in _each_span(costs, demand)
        if us > 0
    )


def us_a_span(costs: Costs, demand: Demand) -> float:
    """Processor time of a span, in microseconds."""
    return sum(us for _, us, _ in _each_span(costs, demand))


def _each_span(costs: Costs, demand: Demand) -> Iterator[tuple[str, float, tuple[str, ...]]]:
    size, per_request = demand.bytes_per_span, demand.spans_per_request
    yield (
        "spans, scanned, logged and judged",
        costs["cpu.span"] + costs["cpu.byte"] * size,
        ("cpu.span", "cpu.byte"),
    )
    yield (
        "traces",
        (costs["cpu.trace"] + costs["cpu.part"] * (demand.parts - 1)) / demand.spans_per_trace,
        ("cpu.trace", "cpu.part") if demand.parts > 1 else ("cpu.trace",),
    )
    yield (
        "requests, and waking up for them",
        request_us(costs, demand.requests_per_second) / per_request,
        ("cpu.request", "cpu.wake", "cpu.wakes_per_second"),
    )
    if size * per_request >= LARGE_BYTES:
        yield "requests over 256 KiB", costs["cpu.large_byte"] * size, ("cpu.large_byte",)
    for step in _steps(demand):
        names = (f"cpu.{step}.request", f"cpu.{step}.byte")
        yield step, costs[names[0]] / per_request + costs[names[1]] * size, names
    if demand.chain != "standard":
        yield (
            f"the chain, as {demand.chain}",
            costs[f"cpu.chain.{demand.chain}"],
            (f"cpu.chain.{demand.chain}",),
        )
    if demand.export:
        kept = costs["cpu.kept_span"] + costs["cpu.kept_byte"] * size
        yield (
            "kept spans, read back and sent",
            demand.kept * kept,
            ("cpu.kept_span", "cpu.kept_byte"),
        )
    if demand.fsync == "always":
        yield "fsync: always", costs["cpu.always"] / per_request, ("cpu.always",)


def request_us(costs: Costs, a_second: float) -> float:
    """Of one request, in microseconds, where so many come.

    One that comes alone wakes every thread on its way; what comes meanwhile is taken along, so
    that there is an end to how often a gateway wakes up in a second.
    """
    woken = costs["cpu.wake"] / (1 + a_second / costs["cpu.wakes_per_second"])
    return costs["cpu.request"] + woken


def _steps(demand: Demand) -> tuple[str, ...]:
    match demand.protocol:
        case "grpc":
            return ()
        case "grpc+gzip":
            return ("gzip",)
        case "grpc+tls":
            return ("tls",)
        case "http":
            return ("http",)
        case "http+gzip":
            return ("http", "gzip")
        case "json":
            return ("json",)


def top(costs: Costs, demand: Demand) -> float:
    """Spans a second that one gateway can acknowledge, as far as was measured.

    What its threads take, and no more than what all processors of the measured machine could do.
    """
    threads = threads_top(costs, demand)
    us = us_a_span(costs, replace(demand, spans_per_second=threads))
    return min(threads, costs["top.cores"] * 1e6 / us)


def threads_top(costs: Costs, demand: Demand) -> float:
    """Spans a second that two threads took: one takes requests in, the other writes their bytes.

    Each has a core of its own, so the slower one is the bound.
    """
    door = costs["top.request"] / demand.spans_per_request
    log = costs["top.byte"] * demand.bytes_per_span
    return 1e6 / max(door, log)
