"""The metrics table and the page made of it."""

import re

import pytest
from prometheus_client import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tailsampler.export.state import OUTCOMES
from tailsampler.telemetry.exposition import registry, render
from tailsampler.telemetry.ledger import Ledger
from tailsampler.telemetry.metrics import TABLE, Metric
from tailsampler.telemetry.reasons import DROP_REASONS, is_intended
from tailsampler.telemetry.samples import samples
from tests.telemetry.fakes import FakeCore, ledger, stats, status

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"


def families_of(text: str) -> list[Family]:
    return list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]


def page(core: FakeCore | None = None) -> str:
    body, _ = render(registry(core or FakeCore(), status()), OPEN_METRICS)
    return body.decode()


@pytest.mark.parametrize("metric", TABLE.values(), ids=lambda metric: metric.name)
def test_every_metric_is_well_named_and_explained(metric: Metric) -> None:
    """Names follow Prometheus' rules; each has a sentence that ends."""
    assert re.fullmatch(r"tailsampler_[a-z][a-z_]*[a-z]", metric.name)
    assert metric.name.endswith("_total") is (metric.kind == "counter")
    assert re.fullmatch(r"[A-Z0-9].*\.", metric.sentence)


def test_every_metric_has_a_source() -> None:
    """Nothing is declared that is never emitted, and nothing emitted that is not declared."""
    emitted = {metric.name for metric, _, _ in samples(Ledger.of(ledger()), stats(), status())}
    assert emitted == set(TABLE)


def test_labels_fit_the_table() -> None:
    """Every sample has a value for each label of its metric."""
    for metric, labels, _ in samples(Ledger.of(ledger()), stats(), status()):
        assert len(labels) == len(metric.labels)


def test_missing_stats_are_left_out_and_not_zero() -> None:
    """A core of another version shows less; it does not show lies."""
    emitted = {metric.name for metric, _, _ in samples(Ledger.of(ledger()), {}, status())}
    assert "tailsampler_buffer_log_bytes" not in emitted
    assert "tailsampler_spans_received_total" in emitted


def test_the_page_is_open_metrics() -> None:
    """A strict parser takes it, and the books are in it."""
    families = {family.name: family for family in families_of(page())}
    value = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families.values()
        for sample in family.samples
    }
    assert value["tailsampler_spans_received_total",] == 100
    assert value["tailsampler_spans_dropped_total", "policy", "true"] == 44
    assert value["tailsampler_spans_dropped_total", "backend_refused", "false"] == 1
    assert value["tailsampler_ledger_balanced",] == 1
    assert families["tailsampler_buffer_log_bytes"].unit == "bytes"


def test_an_operator_can_check_the_books_from_the_page() -> None:
    """Received = exported + dropped + held, by the numbers on the page alone."""
    total: dict[str, float] = {}
    for family in families_of(page()):
        for sample in family.samples:
            total[sample.name] = total.get(sample.name, 0) + sample.value
    assert total["tailsampler_spans_received_total"] == (
        total["tailsampler_spans_exported_total"]
        + total["tailsampler_spans_dropped_total"]
        + total["tailsampler_spans_held"]
    )


def test_votes_and_failures_to_vote_are_counted_apart() -> None:
    """A policy that could not be asked has said nothing; what never happened is 0, and there."""
    found = {
        (metric.name, *labels): value
        for metric, labels, value in samples(Ledger.of(ledger()), stats(), status())
    }
    votes = {key[1:]: value for key, value in found.items() if "_policy_votes_" in key[0]}
    assert votes == {
        ("errors", "sampled"): 9,
        ("errors", "not_sampled"): 8,
        ("errors", "dropped"): 0,
    }
    assert found["tailsampler_policy_errors_total", "errors"] == 3


def test_older_readers_get_the_older_text() -> None:
    """Without OpenMetrics in Accept the page is Prometheus' text format."""
    body, content_type = render(registry(FakeCore(), status()), "*/*")
    assert content_type.startswith("text/plain")
    assert b"tailsampler_spans_received_total 100.0\n" in body
    assert not body.endswith(b"# EOF\n")


def test_only_what_somebody_chose_is_intended() -> None:
    """A policy, or an exporter added later; all else is a loss, also what we never heard of."""
    intended = [reason for reason, known in DROP_REASONS.items() if known.intended]
    assert intended == ["policy", "before_exporter"]
    assert not is_intended("moths")


def test_exporter_outcomes_are_a_closed_set() -> None:
    """The label ``outcome`` takes the values that the exporter's state declares."""
    found = {
        labels[1]
        for metric, labels, _ in samples(Ledger.of(ledger()), stats(), status())
        if metric.name == "tailsampler_exporter_requests_total"
    }
    assert found == set(OUTCOMES)
