"""An outbox whose bound is smaller than one of its segments."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailsampler.testing.backend import CapturingBackend
from tests.end_to_end.process import GatewayProcess, exports_to
from tests.faults.conftest import KEEP_ALL
from tests.faults.senders import GrpcSender
from tests.model.build import request, span

MEGABYTES = 24  # more than the bound, 16


@pytest.mark.timeout(120)
def test_a_small_outbox_is_emptied_and_used_again(tmp_path: Path) -> None:
    """More than its bound passes through it, as long as the backend takes what comes."""
    note = {"note": "x" * 100_000}
    with CapturingBackend() as backend:
        config = {
            "sampling": KEEP_ALL,
            "export": exports_to(backend),
            "outbox": {"max_bytes": "16MiB"},
        }
        gateway = GatewayProcess(tmp_path, config)
        try:
            gateway.start()
            with GrpcSender(gateway.addresses["otlp_grpc"]) as sender:
                for number in range(1, MEGABYTES + 1):
                    trace = number.to_bytes(16, "big")
                    sender.send(
                        request([span(trace, 10 * number + n, values=note) for n in range(10)])
                    )
            gateway.until(gateway.settled, "settled", 15)
            assert len(backend.span_ids()) == 10 * MEGABYTES
        finally:
            gateway.clean_up()
