"""How long a pod may take to start and to stop follows from the settings that it is given."""

from datetime import timedelta

import pytest

from tailsampler.settings.export import OtlpGrpcExporter
from tailsampler.settings.root import Settings
from tests.deploy.rendered import EVERYTHING, gateway, helm, pods, quantity, settings, workload

RING_S = 5 + 1 + 5 + 2
"""interval, timeout and dnsTtl of values.yaml, and two seconds for the endpoints to change."""


def longest_wait_s(known: Settings) -> float:
    waits = [policy.decision_wait or timedelta(0) for policy in known.sampling.policies]
    return max(known.sampling.decision_wait, *waits).total_seconds()


def stop_s(known: Settings) -> float:
    """What SIGTERM may take: both bounds, and one attempt that began just before the second."""
    exporters = [each for each in known.export if isinstance(each, OtlpGrpcExporter)]
    attempt = max((each.timeout for each in exporters), default=timedelta(0))
    bounds = known.shutdown.doors_within + known.shutdown.export_within + attempt
    return bounds.total_seconds()


def pre_stop_s(which: str) -> int:
    return int(gateway(which)["lifecycle"]["preStop"]["sleep"]["seconds"])


@pytest.mark.parametrize("which", EVERYTHING)
def test_nobody_is_killed_in_the_middle_of_a_stop(which: str) -> None:
    """The grace period, of which the preStop sleep is part, is longer than a stop may take."""
    grace = next(pods(which))["terminationGracePeriodSeconds"]
    assert grace - pre_stop_s(which) >= stop_s(settings(which)) + 10


@pytest.mark.parametrize("which", EVERYTHING)
def test_a_pod_takes_spans_until_senders_have_heard(which: str) -> None:
    """And one whose spans go with it goes on until what it holds is judged in its own time."""
    known = settings(which)
    held = longest_wait_s(known) if known.shutdown.mode == "drain" else 0
    assert pre_stop_s(which) >= RING_S + held


@pytest.mark.parametrize("which", EVERYTHING)
def test_a_rollout_waits_for_split_traces(which: str) -> None:
    """The next pod stops when the traces that the last one's absence split are judged."""
    ready = workload(which)["spec"]["minReadySeconds"]
    assert ready >= RING_S + longest_wait_s(settings(which))


@pytest.mark.parametrize("which", EVERYTHING)
def test_a_start_may_read_the_whole_volume(which: str) -> None:
    """Even from a disk that reads 32 MiB a second, and two minutes in any case."""
    probe = gateway(which)["startupProbe"]
    volumes = {each["name"]: each for each in next(pods(which))["volumes"]}
    if "data" in volumes:
        size = quantity(volumes["data"]["emptyDir"]["sizeLimit"])
    else:
        [claim] = workload(which)["spec"]["volumeClaimTemplates"]
        size = quantity(claim["spec"]["resources"]["requests"]["storage"])
    assert probe["periodSeconds"] * probe["failureThreshold"] >= max(120, size // (32 << 20))


@pytest.mark.parametrize("which", [each for each in EVERYTHING if each.endswith(":sidecar")])
def test_the_collector_is_there_before_and_after_us(which: str) -> None:
    """It starts first and is stopped last, within the same grace period."""
    pod = next(pods(which))
    [collector] = pod["initContainers"]
    assert collector["restartPolicy"] == "Always"
    left = pod["terminationGracePeriodSeconds"] - pre_stop_s(which) - stop_s(settings(which))
    assert left >= 10 + 10


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1m30s", 90), ("1h", 3600), ("1.5s", 2), ("1500ms", 2)]
)
def test_durations_are_read_as_the_program_reads_them(text: str, seconds: int) -> None:
    """Rounded up to whole seconds."""
    found = helm("--set", f"config.sampling.decision_wait={text}", "--set", "shape=gateway")
    [tier] = [each for each in found if each["kind"] == "StatefulSet"]
    assert tier["spec"]["minReadySeconds"] == RING_S + max(10, seconds) - max(0, 10 - seconds)


def test_the_longest_wait_of_any_policy_counts() -> None:
    """Also where it is longer than the chain's own."""
    assert longest_wait_s(settings("chart:secrets")) == 90
    assert workload("chart:secrets")["spec"]["minReadySeconds"] == RING_S + 90


def test_senders_that_look_rarely_are_waited_for() -> None:
    """ring.* is what the Collectors' resolver does."""
    found = helm("--set", "shape=gateway,ring.interval=30s,ring.dnsTtl=1m")
    [tier] = [each for each in found if each["kind"] == "StatefulSet"]
    [container] = tier["spec"]["template"]["spec"]["containers"]
    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] == 30 + 1 + 60 + 2
