"""The benchmark's cases, and the table made of them."""

import dataclasses
import os
from pathlib import Path

import pytest

from benchmarks import process, report
from benchmarks.case import CASES, Case
from benchmarks.gateway import Books
from benchmarks.measure import Held, Result, Sample
from tailsampler.settings.load import load

NAMES = sorted(Case.names())
ENVIRONMENT = {
    "BENCH_DIRECTORY": "data",
    "BENCH_DECISION_WAIT": "10s",
    "BENCH_OTLP_PORT": "14317",
    "BENCH_OTLP_HTTP_PORT": "14318",
    "BENCH_ADMIN_PORT": "17317",
    "BENCH_CONTROL_PORT": "17318",
    "BENCH_HEALTH_PORT": "23133",
    "BENCH_BACKEND_PORT": "24317",
}


def sample(size: int, cpu_us: float, *, accounted: bool = True) -> Sample:
    return Sample(
        spans_per_request=size,
        acknowledged=1_000,
        cpu_us_per_span=cpu_us,
        acked_spans_per_s=100_000.0,
        refusals=0,
        latency_ms={"p99": 1.5},
        bytes_per_span=270.0,
        others_cpu_share=0.1,
        accounted=accounted,
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_case_is_complete(name: str) -> None:
    """Every case has a goal for every size, and requests of whole traces."""
    case = Case.load(CASES / name)
    assert set(case.cpu_goals_us) == set(case.spans)
    assert all(size % case.spans_per_trace == 0 for size in case.spans)
    assert all(spans % size == 0 for size, spans in case.spans.items())


@pytest.mark.parametrize("name", NAMES)
def test_a_case_has_a_configuration_that_loads(name: str) -> None:
    """What the benchmark hands to the gateway is a configuration of this version."""
    settings = load(CASES / name / "gateway.yaml", ENVIRONMENT)
    assert settings.data_directory == Path("data")


def test_the_table_has_medians_beside_goals() -> None:
    """A row shows median, smallest and largest of its rounds, and the goal of its size."""
    case = dataclasses.replace(
        Case.load(CASES / "standard_chain"), spans={64: 640}, cpu_goals_us={64: 1.0}
    )
    rounds = [sample(64, 0.9), sample(64, 3.0), sample(64, 1.1)]
    text = report.render(Result(case, rounds, idle_cpu_ms_per_s=2.0))
    assert "| 64 | 1.10 (0.90 - 3.00) | 1.0 |" in text
    assert "every span" in text


def test_an_unbalanced_round_shows() -> None:
    """One round in which a span is unaccounted for spoils its row."""
    case = dataclasses.replace(Case.load(CASES / "all_kept"), spans={512: 512})
    text = report.render(Result(case, [sample(512, 1.0), sample(512, 1.0, accounted=False)]))
    assert "| NO |" in text


def test_memory_is_shown_beside_its_goal() -> None:
    """Anonymous memory, mapped files and disk a held span stand beside what was hoped for."""
    case = Case.load(CASES / "standard_chain")
    held = Held(
        spans=1_000_000,
        anonymous_bytes_per_span=40.0,
        mapped_bytes_per_span=0.5,
        resident_before=60_000_000,
        disk_bytes_per_span=280.0,
        wire_bytes_per_span=270.0,
        accounted=True,
    )
    samples = [sample(size, 1.0) for size in case.spans]
    text = report.render(Result(case, samples, held))
    assert "| anonymous memory | 40.0 | 36 |" in text
    assert "| anonymous memory and data directory | 320.0 | 333 |" in text


@pytest.mark.parametrize(
    ("books", "holds"),
    [
        (Books(received=10, exported=3, dropped=5, held=2, balanced=True), True),
        (Books(received=10, exported=3, dropped=5, held=1, balanced=True), False),
        (Books(received=10, exported=3, dropped=5, held=2, balanced=False), False),
    ],
)
def test_books_are_added_up_here(books: Books, *, holds: bool) -> None:
    """The benchmark believes a gateway that calls itself balanced only if the sum is right."""
    assert books.holds is holds


def test_this_process_can_be_read() -> None:
    """The kernel's numbers of a process are found where they are looked for."""
    assert process.cpu_seconds(os.getpid()) > 0
    memory = process.memory(os.getpid())
    assert 0 < memory.anonymous <= memory.resident
    assert process.machine_busy_seconds() > 0
