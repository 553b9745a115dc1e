"""One gateway and one backend for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tailsampler.testing.backend import CapturingBackend
from tests.end_to_end.process import WAIT_S, GatewayProcess, Json, exports_to


@pytest.fixture(scope="module")
def backend() -> Iterator[CapturingBackend]:
    """An OTLP backend that remembers every span."""
    with CapturingBackend(max_recv_bytes=64 * 1024 * 1024) as running:
        yield running


@pytest.fixture(scope="module")
def policies() -> list[Json]:
    """The chain; a module may have its own."""
    return [
        {"name": "errors", "error_status_codes": [500, 502, 503, 504], "sample_rate": 1.0},
        {"name": "slow", "duration_threshold_ms": 1000, "sample_rate": 0.5},
        {"name": "api-gateway", "service_name": "api-gateway", "sample_rate": 0.25},
        {"name": "default", "sample_rate": 0.01},
    ]


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, backend: CapturingBackend, policies: list[Json]
) -> Iterator[GatewayProcess]:
    """The program, running with that chain and exporting to that backend."""
    process = GatewayProcess(
        tmp_path_factory.mktemp("gateway"),
        {
            "sampling": {"decision_wait": f"{WAIT_S}s", "policies": policies},
            "export": exports_to(backend),
        },
    )
    try:
        process.start()
        yield process
    finally:
        process.clean_up()
