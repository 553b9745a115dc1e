"""Requests: their size, and what becomes of refused ones."""

import json
import statistics
from typing import Any

import pytest

from tailsampler.doctor import requests
from tailsampler.doctor.facts import Upstream
from tailsampler.doctor.finding import Severity
from tests.doctor.builders import facts, live, one, sender
from tests.needs import ROOT


def arrived(spans: int, taken: int) -> Any:
    return live(increase={("spans", "received"): spans, ("requests", "taken"): taken})


def upstream(**changes: Any) -> Upstream:
    return Upstream(file="otelcol.yaml", senders=(sender(**changes),))


def test_small_requests_are_told_with_their_cpu() -> None:
    """The finding has the mean, the measured cost now and then, and cores saved at this rate."""
    found = one(requests.too_small(facts(live=arrived(480_000, 60_000))))
    assert found.id == "requests-too-small"
    assert found.severity is Severity.WILL_HURT
    assert "8.0 spans into a request" in found.what
    assert "5.9 times" in found.what
    assert "2.30 us of CPU a span now, 0.39 us at 512" in found.evidence[1].say
    assert found.effect == "1.84% of a core becomes 0.31%, at 8,000 spans/s."


@pytest.mark.parametrize(
    ("spans", "taken", "severity"),
    [(60, 100, Severity.HINT), (60_000_000, 7_000_000, Severity.HARM_NOW)],
)
def test_small_requests_hurt_by_the_cores_they_waste(
    spans: int, taken: int, severity: Severity
) -> None:
    """A trickle of small requests is a hint, a flood of them is harm."""
    found = one(requests.too_small(facts(live=arrived(spans, taken))))
    assert found.severity is severity


@pytest.mark.parametrize(("spans", "taken"), [(64_000, 1_000), (99, 99), (0, 1_000)])
def test_large_few_or_empty_requests_are_no_finding(spans: int, taken: int) -> None:
    """64 a request is enough, fewer than a hundred requests say nothing, nor do empty ones."""
    assert list(requests.too_small(facts(live=arrived(spans, taken)))) == []
    assert list(requests.too_small(facts(live=None))) == []


def test_the_knob_is_that_of_the_collector_that_is_known() -> None:
    """With its configuration at hand, the exporter to change is named."""
    well = facts(live=arrived(8_000, 1_000), upstream=upstream(batch=16))
    found = one(requests.too_small(well))
    assert found.changes[0].setting == "Collector: exporters.otlp/sampler.sending_queue.batch"
    assert found.changes[0].now == "16 items"
    unset = one(
        requests.too_small(facts(live=arrived(8_000, 1_000), upstream=upstream(batch=None)))
    )
    assert unset.changes[0].now == "not set"
    enough = one(
        requests.too_small(facts(live=arrived(8_000, 1_000), upstream=upstream(batch=512)))
    )
    assert enough.changes[0].now == "not known"
    unknown = one(requests.too_small(facts(live=arrived(8_000, 1_000), upstream=None)))
    assert [change.setting.partition(":")[0] for change in unknown.changes] == ["Collector", "SDK"]


def test_the_cost_is_that_of_the_published_benchmark() -> None:
    """The measured points stand here again, and a newer measurement is not far from them."""
    published = json.loads((ROOT / "benchmarks/results/standard_chain.json").read_text())
    for spans, cost in requests.BENCHMARK:
        assert requests.cpu_us(spans) == pytest.approx(cost)
        assert cost == pytest.approx(measured(published, spans), rel=0.5)


def measured(published: Any, spans: int) -> float:
    """The median microseconds a span at a request size."""
    found = [one["figures"] for one in published["samples"] if one["way"] == str(spans)]
    return float(statistics.median(one["cpu_us_a_span"] for one in found))


def test_the_cost_falls_with_the_size() -> None:
    """Between the measured sizes and beyond them a span never costs more in a larger request."""
    costs = [requests.cpu_us(spans) for spans in (1, 2, 8, 20, 64, 200, 512, 8192)]
    assert costs == sorted(costs, reverse=True)


def test_an_upstream_without_batches_is_a_hint() -> None:
    """It names the queue's own batching; one that batches is no finding."""
    found = one(requests.unbatched(facts(upstream=upstream(batch=None))))
    assert (found.id, found.severity) == ("upstream-unbatched", Severity.HINT)
    assert list(requests.unbatched(facts())) == []
    assert list(requests.unbatched(facts(upstream=None))) == []


@pytest.mark.parametrize(("refused", "severity"), [(0, Severity.WILL_HURT), (9, Severity.HARM_NOW)])
def test_retries_that_are_off_lose_what_is_refused(refused: int, severity: Severity) -> None:
    """It hurts at the first refusal; where there were some, it hurts now."""
    refusing = live(increase={("requests", "refused"): refused})
    found = one(requests.retry_off(facts(live=refusing, upstream=upstream(retries=False))))
    assert (found.id, found.severity) == ("upstream-retry-off", severity)
    assert found.evidence[0].source == "otelcol.yaml"
    assert f"{refused} requests refused" in found.evidence[1].say
    assert list(requests.retry_off(facts(live=refusing))) == []


def test_refusals_are_told_from_one_in_a_thousand_on() -> None:
    """A single refusal among thousands is what refusing is for."""
    many = live(increase={("requests", "refused"): 30, ("requests", "taken"): 970})
    found = one(requests.refused(facts(live=many)))
    assert found.id == "requests-refused"
    assert found.what.startswith("3.0% of the requests")
    edge = live(increase={("requests", "refused"): 1, ("requests", "taken"): 999})
    assert one(requests.refused(facts(live=edge))).id == "requests-refused"
    few = live(increase={("requests", "refused"): 1, ("requests", "taken"): 1_000_000})
    assert list(requests.refused(facts(live=few))) == []
    assert list(requests.refused(facts(live=None))) == []
