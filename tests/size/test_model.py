"""What a load takes, reckoned by hand beside the model."""

from dataclasses import replace
from typing import Any

import pytest

from tailsampler.size import disk, memory, processor
from tailsampler.size.answer import answer
from tailsampler.size.costs import measured
from tailsampler.size.demand import Chain, Demand, DemandError, Protocol
from tailsampler.size.part import total
from tests.size.support import COSTS, VALUES, costs

LOAD = Demand(
    spans_per_second=64_000,
    decision_wait_s=10,
    bytes_per_span=200,
    kept=0.1,
    spans_per_request=64,
    spans_per_trace=8,
)
"""1,000 requests a second, which is as often as it wakes: each is half a wake of 96 us."""
PLAIN_US = (0.2 + 0.2) + 0.8 / 8 + (4 + 48) / 64 + 0.1 * (1 + 2)
"""Span and bytes, trace, request, kept."""


def us(demand: Demand) -> float:
    return processor.us_a_span(COSTS, demand)


def changed(**fields: Any) -> Demand:
    return replace(LOAD, **fields)


def test_a_span_costs_its_shares() -> None:
    """Itself, its bytes, an eighth of its trace, a 64th of its request, and a tenth of keeping."""
    assert us(LOAD) == pytest.approx(PLAIN_US)


def test_cores_are_microseconds_times_spans() -> None:
    """The parts add up to what a span costs, at so many a second."""
    assert total(processor.cores(COSTS, LOAD)) == pytest.approx(PLAIN_US * 64_000 / 1e6)


@pytest.mark.parametrize(
    ("protocol", "more"),
    [
        ("grpc", 0.0),
        ("grpc+gzip", 8 / 64 + 0.4),
        ("grpc+tls", 16 / 64 + 0.2),
        ("http", 32 / 64 + 0.6),
        ("http+gzip", 32 / 64 + 0.6 + 8 / 64 + 0.4),
        ("json", 64 / 64 + 4.0),
    ],
)
def test_a_protocol_adds_to_requests_and_bytes(protocol: Protocol, more: float) -> None:
    """Beside plain gRPC; compressed HTTP has both."""
    assert us(changed(protocol=protocol)) - us(LOAD) == pytest.approx(more)


@pytest.mark.parametrize(("chain", "more"), [("standard", 0), ("twenty", 0.1), ("contrib", 0.5)])
def test_a_chain_adds_to_spans(chain: Chain, more: float) -> None:
    """Beside the standard one."""
    assert us(changed(chain=chain)) - us(LOAD) == pytest.approx(more)


def test_large_requests_cost_more_a_byte() -> None:
    """From 256 KiB on, which is 4 KiB a span here; one byte less is none."""
    base = 0.2 + 4096 * 0.001 + 0.1 + 52 / 64 + 0.1 * (1 + 40.96)
    assert us(changed(bytes_per_span=4096)) == pytest.approx(base + 4096 * 0.002)
    assert us(changed(bytes_per_span=4095)) == pytest.approx(base, rel=0.001)


def test_parts_cost_beyond_the_first() -> None:
    """A trace in four requests has three further parts for its eight spans."""
    assert us(changed(requests_per_trace=4)) - us(LOAD) == pytest.approx(0.4 * 3 / 8)


def test_without_export_keeping_is_free() -> None:
    """As tables have it that count export elsewhere."""
    assert us(LOAD) - us(changed(export=False)) == pytest.approx(0.3)


def test_fsync_always_adds_to_requests() -> None:
    """An interval of any length does not."""
    assert us(changed(fsync="always")) - us(LOAD) == pytest.approx(1.0)
    assert us(changed(fsync=5.0)) == us(changed(fsync="never")) == us(LOAD)


def test_lonely_requests_wake_everybody_and_crowded_ones_nobody() -> None:
    """A whole wake where hardly any come, next to none where very many do."""
    assert processor.request_us(COSTS, 0) == pytest.approx(100)
    assert processor.request_us(COSTS, 1e9) == pytest.approx(4, abs=0.001)


def test_the_top_is_that_of_the_slower_thread() -> None:
    """0.2 us of the log for 200 bytes, and 10 us of the door for a request."""
    much = costs(top__cores=1_000.0)
    assert processor.top(much, LOAD) == pytest.approx(1e6 / 0.2)
    assert processor.top(much, changed(spans_per_request=20)) == pytest.approx(1e6 / 0.5)


def test_the_top_is_no_more_than_was_measured_of_cores() -> None:
    """Where spans are dear, two cores end before the log does."""
    dear = costs(cpu__span=100.0)
    assert processor.top(dear, LOAD) == pytest.approx(2e6 / 101, rel=0.01)


def test_memory_of_what_is_held() -> None:
    """640,000 spans are 80,000 traces; a burst of twice the rate makes them 160,000."""
    assert memory.index_bytes(COSTS, LOAD) == pytest.approx(160_000 * 112)
    split = changed(requests_per_trace=4)
    assert memory.index_bytes(COSTS, split) == pytest.approx(160_000 * 148)


def test_memory_of_a_process() -> None:
    """Program, index, a million verdicts, and what comes in a tenth of a second of a burst."""
    parts = {part.what: part.value for part in memory.process(COSTS, LOAD)}
    assert list(parts.values()) == pytest.approx(
        [100e6, 160_000 * 112, 24e6, 64_000 * 200 * 2 * 0.1]
    )
    peers = memory.process(COSTS, changed(peer_traces=200_000))
    assert peers[-1].value == pytest.approx(8e6)


def test_verdicts_are_those_of_the_age_or_as_many_as_are_allowed() -> None:
    """8,000 traces a second make a million in two minutes, and 80,000 in ten seconds."""
    assert memory.verdicts(LOAD) == 1_000_000
    assert memory.verdicts(changed(late_age_s=10)) == 80_000


def test_the_page_cache_holds_what_is_read_back() -> None:
    """The bytes of the wait."""
    assert memory.page_cache(LOAD) == pytest.approx(64_000 * 10 * 200)


def test_what_is_written() -> None:
    """A span and a 64th of a header; 80 bytes an eighth of a trace; kept ones once more."""
    log, verdicts, outbox = (part.value for part in disk.written(COSTS, LOAD))
    assert log == pytest.approx(64_000 * 201)
    assert verdicts == pytest.approx(64_000 * 10)
    assert outbox == pytest.approx(6_400 * 250)


def test_fsync_always_writes_blocks() -> None:
    """Two for each request."""
    log, *_ = (part.value for part in disk.written(COSTS, changed(fsync="always")))
    assert log == pytest.approx(64_000 * (201 + 128))


def test_the_buffer_holds_a_burst_and_two_segments() -> None:
    """Of 64 MiB each."""
    assert disk.buffer(COSTS, LOAD) == pytest.approx(640_000 * 2 * 201 + 2 * 64 * 2**20)


def test_the_outbox_holds_an_outage_in_three_quarters() -> None:
    """1.6 MB a second for an hour."""
    assert disk.outbox(COSTS, LOAD) == pytest.approx(6_400 * 250 * 3600 / 0.75)


def test_a_volume_is_parted_by_the_program() -> None:
    """Twice the buffer, where an outage is short; four times the outbox, where it is not."""
    buffer = 640_000 * 2 * 201 + 2 * 64 * 2**20
    assert disk.volume(COSTS, changed(outage_s=60)) == pytest.approx(2 * buffer)
    outbox = 6_400 * 250 * 1800 / 0.75
    assert disk.volume(COSTS, changed(outage_s=1800)) == pytest.approx(4 * outbox)


def test_what_is_written_down_makes_a_volume_of_the_sum() -> None:
    """An outbox beyond 4 GiB beside the default buffer, the verdict log and two spare files."""
    much = changed(outage_s=36_000)
    sum_of_all = 6_400 * 250 * 36_000 / 0.75 + (8 + 1) * 2**30 + 128 * 2**20
    assert disk.volume(COSTS, much) == pytest.approx(sum_of_all)


def test_a_restart_reads_what_is_held() -> None:
    """Half a second, and 0.2 us for each of 640,000."""
    assert disk.ready_s(COSTS, LOAD) == pytest.approx(0.5 + 0.128)


def test_each_takes_what_missing_ones_leave() -> None:
    """Of six with one missing a fifth."""
    tier = changed(spans_per_second=1_000_000, gateways=6, missing=1)
    assert tier.each().spans_per_second == 200_000
    assert answer(COSTS, tier).each == answer(COSTS, changed(spans_per_second=200_000)).each


def test_a_gateway_that_would_take_too_much_is_told_how_many_it_needs() -> None:
    """2 million a second of a top of 2.5 million, half of which stays free; one may be missing."""
    tier = changed(spans_per_second=2_000_000, gateways=2, missing=1)
    found = answer(costs(top__byte=0.002, top__cores=1_000.0), tier).findings
    assert [one.code for one in found] == ["too_few_gateways"]
    # A half is 1.25 million; so two of them, and the one that is missing.
    assert "write --gateways 3" in found[0].say


def test_a_disk_that_is_too_slow_is_a_finding() -> None:
    """15 MB a second are written, and as much stays free."""
    assert answer(COSTS, LOAD, disk_rate=31e6).findings == ()
    (found,) = answer(COSTS, LOAD, disk_rate=30e6).findings
    assert found.code == "disk_too_slow"
    assert "write --gateways 2" in found.say


@pytest.mark.parametrize(
    ("wrong", "code", "word"),
    [
        (changed(gateways=2, missing=2), "nobody_left", "--gateways 3"),
        (changed(requests_per_trace=9), "too_many_parts", "--requests-per-trace"),
        (changed(spans_per_trace=200, requests_per_trace=2), "too_few_parts", "4"),
    ],
)
def test_what_cannot_be_is_refused(wrong: Demand, code: str, word: str) -> None:
    """With what to write instead."""
    with pytest.raises(DemandError) as error:
        answer(COSTS, wrong)
    assert error.value.code == code
    assert word in error.value.say


def test_a_trace_that_fits_into_no_request_comes_in_several() -> None:
    """200 spans at 64 a request are four."""
    assert changed(spans_per_trace=200).parts == 4


def test_the_program_comes_with_every_cost() -> None:
    """Those that the model names, each with a unit, a source and no less than nothing."""
    there = measured()
    assert set(there.known) == set(VALUES)
    assert all(one.value >= 0 and one.unit and one.how for one in there.known.values())
    named = {case for one in there.known.values() for case in one.cases}
    assert named <= set(there.results)
