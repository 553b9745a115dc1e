"""How often the gateway asks the kernel for something, for one request: a budget, not a time."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.backend import SERVICE, DiscardingBackend
from benchmarks.case import CASES
from benchmarks.gateway import GatewayProcess
from tailsampler.testing.spans import request, resource, span
from tests.needs import ROOT, lack

CALLS = "recvfrom,recvmsg,sendto,sendmsg,readv,writev,pwrite64,pwritev,pwritev2,fdatasync"
"""What moves bytes to and from sockets and logs. Waiting and waking, which read and write are here,
depend on how busy the machine is, so they do not count."""
REQUESTS = 200
_TOTAL = re.compile(r"^100\.00\s+\S+\s+(?:\S+\s+)?(\d+)\s+(?:\d+\s+)?total$", re.MULTILINE)


def _requests() -> list[ExportTraceServiceRequest]:
    return [
        request(
            resource(
                "shop",
                *(
                    span("buy", trace_id=number.to_bytes(16, "big"), span_id=child)
                    for child in range(1, 9)
                ),
            )
        )
        for number in range(1, REQUESTS + 1)
    ]


def _counted(gateway: GatewayProcess, scratch: Path) -> int:
    """System calls while the requests come, one after the other."""
    summary = scratch / "strace"
    tracer = subprocess.Popen(
        ["strace", "-f", "-c", "-e", f"trace={CALLS}", "-o", summary, "-p", str(gateway.pid)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert tracer.stderr is not None
    said = tracer.stderr.readline()  # it says when it is attached
    if "attached" not in said:
        tracer.wait(10)
        lack(f"strace may not attach here: {said.strip()}")
    try:
        with grpc.insecure_channel(gateway.otlp_endpoint) as channel:
            export: grpc.UnaryUnaryMultiCallable[ExportTraceServiceRequest, bytes]
            export = channel.unary_unary(
                f"/{SERVICE}/Export",
                request_serializer=ExportTraceServiceRequest.SerializeToString,
            )
            for one in _requests():
                export(one, timeout=30)
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=30)
    found = _TOTAL.search(summary.read_text())
    assert found is not None, summary.read_text()
    return int(found[1])


@pytest.mark.timeout(120)
def test_a_request_takes_system_calls_within_its_budget(tmp_path: Path) -> None:
    """One at a time is the dearest way: nothing is read, logged or answered together."""
    if shutil.which("strace") is None:
        lack("strace is not on PATH")
    config = CASES / "standard_chain" / "gateway.yaml"
    with (
        DiscardingBackend() as backend,
        GatewayProcess(
            config, tmp_path / "data", backend_port=backend.port, decision_wait="1h"
        ) as gateway,
    ):
        calls = _counted(gateway, tmp_path)
        assert gateway.books().received == 8 * REQUESTS
    each = calls / REQUESTS
    budget = json.loads((ROOT / "benchmarks" / "budgets.json").read_text())["syscalls_a_request"]
    assert each <= budget, f"{each:.2f} calls a request, over {budget} in benchmarks/budgets.json"
