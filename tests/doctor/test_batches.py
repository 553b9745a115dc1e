"""What backends do not take."""

from typing import Any

import pytest

from tailsampler.doctor import batches
from tailsampler.doctor.facts import Live
from tailsampler.doctor.finding import Severity
from tests.doctor.builders import facts, ledger, live, one, tempo

LARGE = tempo(", max_batch_bytes: 16MiB")


def answered(**requests: int) -> Live:
    return live(exporters={"tempo": {"healthy": True, "requests": requests, "last_error": None}})


@pytest.mark.parametrize(
    ("gateway", "severity"),
    [
        (None, Severity.WILL_HURT),
        (answered(too_large=0), Severity.WILL_HURT),
        (answered(too_large=3), Severity.HARM_NOW),
    ],
)
def test_batches_over_4_mib(gateway: Any, severity: Severity) -> None:
    """What a gRPC server refuses by default; harm where the backend has refused some."""
    found = one(batches.over_limit(facts(LARGE, live=gateway)))
    assert (found.id, found.severity) == ("batch-over-backend-limit", severity)
    assert (found.changes[0].now, found.changes[0].to) == ("16MiB", "1MiB")
    assert found.changes[1].to == "17"


def test_a_backend_with_a_smaller_limit() -> None:
    """The default of 1 MiB may be too much for some; half of it is what to try."""
    found = one(batches.over_limit(facts(tempo(), live=answered(too_large=1))))
    assert (found.changes[0].now, found.changes[0].to) == ("1MiB", "512KiB")


def test_batches_that_fit() -> None:
    """4 MiB are taken."""
    assert list(batches.over_limit(facts(tempo(", max_batch_bytes: 4MiB")))) == []


def test_traces_over_tempos_limit() -> None:
    """The largest of them is named, and dropped ones are of no interest."""
    recent = [
        {"trace_id": "aa", "kept": True, "bytes": 5_000_001},
        {"trace_id": "bb", "kept": True, "bytes": 7_500_000},
        {"trace_id": "cc", "kept": True, "bytes": 5_000_000},
        {"trace_id": "dd", "kept": False, "bytes": 9_000_000},
    ]
    found = one(batches.trace_over_tempo_limit(facts(tempo(), live=live(recent=recent))))
    assert (found.id, found.severity) == ("trace-over-tempo-limit", Severity.HARM_NOW)
    assert found.what.startswith("2 of the 3 newest")
    assert found.evidence[0].say == "trace bb has 7,500,000 bytes"
    assert found.changes[0].to == "15000000"
    assert list(batches.trace_over_tempo_limit(facts(tempo(), live=live(recent=recent[2:])))) == []
    assert list(batches.trace_over_tempo_limit(facts(live=live(recent=recent)))) == []


@pytest.mark.parametrize(
    ("name", "endpoint", "severity"),
    [
        ("tempo", "backend", Severity.HARM_NOW),
        ("backend", "Tempo.example", Severity.HARM_NOW),
        ("backend", "jaeger", Severity.HINT),
    ],
)
def test_large_traces_are_harm_where_tempo_is(name: str, endpoint: str, severity: Severity) -> None:
    """By the name of the exporter or that of its host; elsewhere it is a hint."""
    text = tempo().replace("name: tempo, endpoint: 'tempo", f"name: {name}, endpoint: '{endpoint}")
    recent = [{"trace_id": "aa", "kept": True, "bytes": 5_000_001}]
    found = one(batches.trace_over_tempo_limit(facts(text, live=live(recent=recent))))
    assert found.severity is severity


def test_spans_that_a_backend_will_never_take() -> None:
    """Losses are told by exporter and reason; what the chain dropped is none."""
    lost = ledger()
    lost["exporters"]["tempo"]["spans"]["dropped"] = {"policy": 95, "backend_rejected": 5}
    found = one(batches.refused_for_good(facts(tempo(), live=live(ledger=lost))))
    assert (found.id, found.severity) == ("backend-refuses-spans", Severity.HARM_NOW)
    assert found.evidence[0].say.startswith("5 backend_rejected")
    assert list(batches.refused_for_good(facts(tempo()))) == []
    assert list(batches.refused_for_good(facts(live=None))) == []
