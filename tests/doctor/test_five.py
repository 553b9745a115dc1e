"""``doctor`` on five set-ups that are badly configured, and on one that is not: real processes."""

from pathlib import Path

import pytest

from tailsampler.testing.backend import CapturingBackend
from tailsampler.testing.spans import request, resource, span
from tests.doctor.bad import SET_UPS, doctor, now_ms, send
from tests.end_to_end.process import GatewayProcess

# Three processes are started for each; a machine that builds meanwhile takes its time.
pytestmark = pytest.mark.timeout(180)

EXPECTED = {
    "chatty": {
        "late-memory-short",
        "requests-too-small",
        "long-loss-window",
        "wait-shorter-than-senders",
    },
    "patient": {"wait-beyond-tempo-slack", "batch-over-backend-limit", "disk-smaller-than-bounds"},
    "upstream": {
        "upstream-retry-off",
        "upstream-retries-outlast-memory",
        "upstream-unbatched",
        "upstream-samples",
    },
    "uneven": {"keep-ratio-off", "clock-ahead", "chain-doubt", "wait-shorter-than-senders"},
    "wrong-door": {"backend-does-not-answer", "wait-shorter-than-senders"},
}
OF_THE_MACHINE = {"open-files-limit", "disk-smaller-than-bounds", "memory-limit", "disk-slow"}
"""Findings that are true on some machines on which these tests run."""


@pytest.mark.parametrize("name", EXPECTED)
def test_a_bad_set_up(name: str, tmp_path: Path) -> None:
    """What hurts in it is found, and nothing else but what is true of the machine."""
    told = SET_UPS[name](tmp_path)
    assert told.status == 1
    assert EXPECTED[name] <= told.ids
    # Some machines have no directory in memory; an exporter that fails takes its time to say so.
    may = OF_THE_MACHINE | {"directory-in-memory", "exporter-failing"}
    assert told.ids - EXPECTED[name] <= may
    for finding in told.body["findings"]:
        assert finding["id"] in told.text


def test_every_set_up_is_expected_to_hurt() -> None:
    """None is left out."""
    assert set(EXPECTED) == set(SET_UPS)


def test_a_gateway_that_is_well(tmp_path: Path) -> None:
    """Asked by its address alone: its configuration is judged, and its secrets stay with it."""
    with CapturingBackend() as backend:
        exporter = {
            "type": "otlp_grpc",
            "endpoint": backend.endpoint,
            "tls": {"insecure": True},
            "headers": {"authorization": "hunter2"},
        }
        gateway = GatewayProcess(
            tmp_path,
            {
                "sampling": {
                    "decision_wait": "6s",
                    "policies": [{"name": "all", "sample_rate": 1}],
                },
                "export": [exporter],
                "shutdown": {"mode": "drain"},
            },
        )
        try:
            gateway.start()
            send(gateway, request(resource("shop", span(start_ms=now_ms()))))
            url = f"http://{gateway.addresses['admin']}"
            told = doctor(tmp_path, "--url", url)
            file = doctor(tmp_path, "--config", gateway.config.name, "--no-backends")
        finally:
            gateway.clean_up()
    assert told.ids <= OF_THE_MACHINE
    assert told.status == (1 if told.ids else 0)
    assert told.body["config"] == f"the gateway at {url}"
    assert "hunter2" not in told.text + str(told.body)
    words = " ".join(told.text.split())
    assert "not asked: the gateway does not tell its headers" in words
    assert file.ids <= OF_THE_MACHINE
    assert file.body["gateway"] == url  # found by what stands in its data directory
    assert "backend        not asked" in file.text
