"""A process that is stopped for a while, and a wall clock that jumps."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tailsampler.testing.backend import CapturingBackend
from tests.end_to_end.process import GatewayProcess, Json, exports_to
from tests.faults.clocks import clock_of, step_to
from tests.faults.senders import GrpcSender, Ids, small_traces
from tests.model.build import request

WAIT_S = 1.0
STOPPED_S = 4 * WAIT_S
KEEP: Json = {
    "decision_wait": f"{int(WAIT_S * 1000)}ms",
    "policies": [{"name": "everything", "sample_rate": 1.0}],
}
HOUR_S = 3_600


@pytest.fixture
def backend() -> Iterator[CapturingBackend]:
    """Takes everything."""
    with CapturingBackend() as running:
        yield running


@pytest.fixture
def gateway(tmp_path: Path, backend: CapturingBackend) -> Iterator[GatewayProcess]:
    """Not started yet."""
    process = GatewayProcess(tmp_path, {"sampling": KEEP, "export": exports_to(backend)})
    yield process
    process.clean_up()


def send(gateway: GatewayProcess, ids: Ids, traces: int) -> set[bytes]:
    """Send traces of two spans; their span ids."""
    spans = small_traces(ids, traces)
    with GrpcSender(gateway.addresses["otlp_grpc"]) as sender:
        sender.send(request(spans))
    return {span.span_id for span in spans}


def check_once(gateway: GatewayProcess, backend: CapturingBackend, wanted: set[bytes]) -> None:
    """Every span arrived once, every trace was judged once."""
    gateway.until(gateway.settled, "settled")
    assert sorted(one.span.span_id for one in backend.spans) == sorted(wanted)
    books = gateway.ledger()
    assert books["traces"]["judged"] == len(wanted) // 2
    assert books["spans"]["exported"] == books["spans"]["received"] == len(wanted)


@pytest.mark.timeout(120)
def test_a_stopped_process_goes_on_where_it_was(
    gateway: GatewayProcess, backend: CapturingBackend
) -> None:
    """Stopped for four waits, it judges what is overdue once and what came since not too soon."""
    gateway.start()
    ids = Ids(50)
    wanted = send(gateway, ids, 100)
    os.kill(gateway.running.pid, signal.SIGSTOP)
    time.sleep(STOPPED_S)
    assert not backend.spans
    os.kill(gateway.running.pid, signal.SIGCONT)
    began = time.monotonic()
    young = send(gateway, ids, 100)
    gateway.until(lambda: young <= backend.span_ids(), "exported")
    assert time.monotonic() - began >= WAIT_S
    check_once(gateway, backend, wanted | young)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S], ids=["forward", "back"])
def test_a_step_of_the_wall_clock_is_not_time_that_passed(
    gateway: GatewayProcess, backend: CapturingBackend, tmp_path: Path, step_s: int
) -> None:
    """An hour forward or back, while it runs or while it is down: no verdict early, late, twice."""
    control = tmp_path / "clock"
    step_to(control, 0)
    gateway.environment = clock_of(control)
    gateway.start()
    ids = Ids(51)
    began = time.monotonic()
    wanted = send(gateway, ids, 50)
    step_to(control, step_s)
    gateway.until(lambda: bool(backend.spans), "exported")
    assert time.monotonic() - began >= WAIT_S
    gateway.until(gateway.settled, "settled")
    wanted |= send(gateway, ids, 50)
    gateway.kill()
    step_to(control, 0)
    gateway.start()
    ready = time.monotonic()
    young = send(gateway, ids, 50)
    gateway.until(lambda: young <= backend.span_ids(), "exported")
    assert time.monotonic() - ready >= WAIT_S
    check_once(gateway, backend, wanted | young)
