"""A second language's SDK: Node's, over gRPC and over HTTP."""

from __future__ import annotations

import fcntl
import json
import subprocess
from pathlib import Path

import pytest

from tailsampler.testing.backend import CapturingBackend
from tests.end_to_end.process import GatewayProcess, Json
from tests.needs import lack, need

NODE = Path(__file__).parent / "node"
KEPT = {"error": ("errors", "span_status"), "http": ("errors", "http_status")}
KEPT["slow"] = ("slow", "duration")


@pytest.fixture(scope="module")
def policies() -> list[Json]:
    """Rates of 1 and 0, so that the kind of a trace alone decides."""
    return [
        {"name": "errors", "error_status_codes": [503], "sample_rate": 1.0},
        {"name": "slow", "duration_threshold_ms": 1000, "sample_rate": 1.0},
        {"name": "default", "sample_rate": 0.0},
    ]


@pytest.fixture(scope="module")
def sender() -> Path:
    """The sender with its dependencies, as its lock file names them."""
    need("node", "npm")
    with (NODE / "package.json").open() as only_one_at_a_time:
        fcntl.flock(only_one_at_a_time, fcntl.LOCK_EX)  # tests may run in several processes
        install()
    return NODE / "sender.mjs"


def install() -> None:
    """``npm ci``, unless that was done since the lock file last changed."""
    installed = NODE / "node_modules" / ".package-lock.json"
    lock = NODE / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    done = subprocess.run(command, cwd=NODE, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lack(f"Node's OpenTelemetry SDK could not be installed: {done.stderr.strip()[-500:]}")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_node_sends_errors_and_slow_traces(
    protocol: str, sender: Path, gateway: GatewayProcess, backend: CapturingBackend
) -> None:
    """Traces with an error or a long duration arrive whole, with the reason on the root."""
    path = "" if protocol == "grpc" else "/v1/traces"
    url = f"http://{gateway.addresses[f'otlp_{protocol}']}{path}"
    command = ["node", str(sender), protocol, url]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert not done.stderr
    sent = json.loads(done.stdout)
    assert len(sent) == 160
    gateway.until(gateway.settled, "settled")
    ours = {bytes.fromhex(one["traceId"]) for one in sent}
    arrived = [captured.span for captured in backend.spans if captured.span.trace_id in ours]
    wanted = {span_id for one in sent if one["kind"] in KEPT for span_id in one["spanIds"]}
    assert {span.span_id.hex() for span in arrived} == wanted
    assert len(arrived) == len(wanted)
    kinds = {bytes.fromhex(one["traceId"]): one["kind"] for one in sent}
    for span in arrived:
        notes = {pair.key: pair.value.string_value for pair in span.attributes}
        said = (notes.get("tailsampler.policy"), notes.get("tailsampler.reason"))
        assert said == ((None, None) if span.parent_span_id else KEPT[kinds[span.trace_id]])
        assert span.trace_state == "ot=th:0"
