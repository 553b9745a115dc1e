"""A gateway that keeps everything, and a backend, for the tests of a module."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tailsampler.testing.backend import CapturingBackend
from tests.end_to_end.process import GatewayProcess, Json, exports_to

MakeGateway = Callable[..., GatewayProcess]
KEEP_ALL: Json = {
    "decision_wait": "1s",
    "policies": [{"name": "everything", "sample_rate": 1.0}],
}


@pytest.fixture(scope="module")
def backend() -> Iterator[CapturingBackend]:
    """An OTLP backend that takes messages of 4 MiB, as they come by default."""
    with CapturingBackend() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, backend: CapturingBackend
) -> Iterator[GatewayProcess]:
    """The program, running; it must still be there after every test."""
    config = {"sampling": KEEP_ALL, "export": exports_to(backend)}
    process = GatewayProcess(tmp_path_factory.mktemp("gateway"), config)
    try:
        process.start()
        yield process
        process.ledger()
        assert process.terminate() == 0
    finally:
        process.clean_up()


@pytest.fixture
def make_gateway(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[CapturingBackend, Json], GatewayProcess]]:
    """Programs of a test's own, started by the test."""
    made: list[GatewayProcess] = []

    def make(backend: CapturingBackend, config: Json) -> GatewayProcess:
        made.append(
            GatewayProcess(
                tmp_path_factory.mktemp("gateway"),
                {"sampling": KEEP_ALL, "export": exports_to(backend), **config},
            )
        )
        return made[-1]

    yield make
    for process in made:
        process.clean_up()
