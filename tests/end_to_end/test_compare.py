"""The same requests to a gateway and to a list made by hand, and `compare` between both."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tailsampler.testing.spans import request, resource, span
from tests.compare.written import lines
from tests.end_to_end.process import WAIT_S, GatewayProcess

BLOCK: dict[str, Any] = {
    "decision_wait": f"{WAIT_S}s",
    "policies": [
        {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
        {"name": "long", "type": "span_count", "span_count": {"min_spans": 4}},
    ],
}
PLAIN, ERROR, LONG, LATE = range(100, 200), range(200, 220), range(300, 310), 400


def trace(number: int, spans: int, *, error: bool = False) -> ExportTraceServiceRequest:
    status = Status.STATUS_CODE_ERROR if error else Status.STATUS_CODE_UNSET
    each = [span(f"s{n}", trace_id=number, span_id=n, status=status) for n in range(1, spans + 1)]
    return request(resource("shop", *each))


def traffic() -> list[ExportTraceServiceRequest]:
    """What a tee sends to both sides."""
    return [
        *(trace(number, 2) for number in PLAIN),
        *(trace(number, 1, error=True) for number in ERROR),
        *(trace(number, 4) for number in LONG),
        trace(LATE, 1),
    ]


def by_hand() -> list[ExportTraceServiceRequest]:
    """What the other sampler kept: the right traces, but two; and two that it should not have."""
    return [
        *(trace(number, 1, error=True) for number in ERROR if number != 207),
        *(trace(number, 4) for number in LONG if number != 303),
        trace(150, 2),
        trace(LATE, 5),
    ]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    """With a local store, which answers as Tempo does, and a file."""
    export = [{"type": "local"}, {"type": "file", "path": str(tmp_path / "kept.jsonl")}]
    process = GatewayProcess(tmp_path, {"tail_sampling": BLOCK, "export": export})
    try:
        process.start()
        yield process
    finally:
        process.clean_up()


def compare(*args: str) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "tailsampler", "compare", *args, "--json", "--settle", "0s"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


def test_both_sides_of_a_tee(gateway: GatewayProcess, tmp_path: Path) -> None:
    """Each difference gets its reason, whether the gateway's side is a file or is asked."""
    with grpc.insecure_channel(gateway.addresses["otlp_grpc"]) as channel:
        stub = TraceServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
        for one in traffic():
            stub.Export(one, timeout=30)
    gateway.until(gateway.settled, "settled")
    theirs, admin = (
        lines(by_hand(), tmp_path / "contrib.json"),
        f"http://{gateway.addresses['admin']}",
    )
    how = ["--names", "contrib,ours", "--verdicts", admin, "--config", str(gateway.config)]
    since = ["--since", "2023-11-14T22:00:00Z", "--until", "2023-11-14T23:00:00Z"]
    for side in ([str(tmp_path / "kept.jsonl")], [admin, *since]):
        status, found = compare(str(theirs), *side, *how)
        assert status == 1
        assert found["agreement"] == {"both": 28, "either": 32, "share": 28 / 32}
        each = {int(one["trace_id"], 16): one for one in found["differences"]}
        assert {number: one["class"] for number, one in each.items()} == {
            150: "dropped",
            207: "kept",
            303: "kept",
            LATE: "fewer_spans",
        }
        assert "no policy keeps it" in each[150]["say"]
        assert each[207]["verdict"]["policy"] == "errors"
        assert each[303]["verdict"]["policy"] == "long"
        assert "on 1 of its 5 spans" in each[LATE]["say"]
        assert "keeps it by policy long" in each[LATE]["say"]
    right = [one for one in traffic() if len(one.resource_spans[0].scope_spans[0].spans) == 4]
    right += [trace(number, 1, error=True) for number in ERROR]
    status, found = compare(str(lines(right, tmp_path / "right.json")), admin, *since)
    assert (status, found["agree"], found["agreement"]["both"]) == (0, True, 30)
