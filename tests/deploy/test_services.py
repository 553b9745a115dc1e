"""Who reaches the gateways, who is kept away, and what happens where their number changes."""

from typing import Any

import pytest

from tailsampler.settings.export import OtlpGrpcExporter
from tests.deploy.rendered import (
    EVERYTHING,
    Object,
    containers,
    helm,
    of_kind,
    pods,
    settings,
    workload,
)

RING = "tailsampler/ring"
TIERS = ["chart:gateway", "folder:gateway", "chart:secrets"]
RUNNING = [each for each in EVERYTHING if not each.endswith(":operations")]


def service(which: str, suffix: str) -> Object | None:
    found = {each["metadata"]["name"]: each for each in of_kind(which, "Service")}
    return found.get(f"tailsampler{suffix}")


def labels(which: str) -> set[tuple[str, str]]:
    return set(workload(which)["spec"]["template"]["metadata"]["labels"].items())


@pytest.mark.parametrize("which", RUNNING)
def test_each_gateway_has_an_address_of_its_own(which: str) -> None:
    """In the headless Service, while it is ready: its readiness is what the ring follows."""
    headless = service(which, "-headless")
    assert headless is not None
    assert headless["spec"]["clusterIP"] == "None"
    assert headless["spec"]["publishNotReadyAddresses"] is False
    if workload(which)["kind"] == "StatefulSet":
        assert workload(which)["spec"]["serviceName"] == headless["metadata"]["name"]


@pytest.mark.parametrize("which", RUNNING)
def test_services_lead_to_ports_that_a_container_has(which: str) -> None:
    """By number: not every version finds the named ports of a native sidecar."""
    taken = {
        port["containerPort"]
        for container in containers(next(pods(which)))
        for port in container["ports"]
    }
    for each in of_kind(which, "Service"):
        for port in each["spec"]["ports"]:
            assert port["targetPort"] == port["port"]
            assert port["port"] in taken


@pytest.mark.parametrize("which", RUNNING)
def test_what_is_watched_is_served(which: str) -> None:
    """Every port that a ServiceMonitor names is one of the Service that it selects."""
    for monitor in of_kind(which, "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"]
        [found] = [
            each
            for each in of_kind(which, "Service")
            if set(wanted.items()) <= set(each["metadata"]["labels"].items())
        ]
        named = {port["name"] for port in found["spec"]["ports"]}
        assert {each["port"] for each in monitor["spec"]["endpoints"]} == named


@pytest.mark.parametrize("which", RUNNING)
def test_a_pod_can_leave_its_senders_and_go_on(which: str) -> None:
    """Without the ring's label it gets no spans, is still scraped, and is still its tier's pod."""
    selector = workload(which)["spec"]["selector"]["matchLabels"]
    assert RING not in selector
    for found in (service(which, "-headless"), service(which, "")):
        if found is not None:
            assert found["spec"]["selector"][RING] == "in"
            assert set(found["spec"]["selector"].items()) <= labels(which)
    metrics = service(which, "-metrics")
    assert metrics is not None
    assert RING not in metrics["spec"]["selector"]
    assert metrics["spec"]["publishNotReadyAddresses"] is True


@pytest.mark.parametrize("which", RUNNING)
def test_no_service_splits_traces(which: str) -> None:
    """One address for several gateways would give each connection another one."""
    several = workload(which)["spec"].get("replicas", 2) > 1
    assert (service(which, "") is None) is several


@pytest.mark.parametrize("which", EVERYTHING)
def test_one_pod_at_a_time_is_disrupted(which: str) -> None:
    """Also where it is the only one, and one that does not come up blocks no drain of its node."""
    [budget] = of_kind(which, "PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert set(budget["spec"]["selector"]["matchLabels"].items()) <= labels(which)


def ports(rules: list[Any]) -> set[int]:
    return {port["port"] for rule in rules for port in rule["ports"]}


@pytest.mark.parametrize("which", RUNNING)
def test_the_network_lets_through_what_is_needed(which: str) -> None:
    """Spans in, metrics and health to those who watch, names and backends out; nothing else."""
    [policy] = of_kind(which, "NetworkPolicy")
    spec = policy["spec"]
    assert set(spec["policyTypes"]) == {"Ingress", "Egress"}
    assert set(spec["podSelector"]["matchLabels"].items()) <= labels(which)
    shared = {7318} if settings(which).peers.enabled else set()
    assert ports(spec["ingress"]) - {8888} == {4317, 4318, 13133} | shared
    assert all(rule["from"] for rule in spec["ingress"])
    exporters = [each for each in settings(which).export if isinstance(each, OtlpGrpcExporter)]
    wanted = {each.endpoint.port for each in exporters if each.endpoint.host != "127.0.0.1"}
    wanted |= {4317} if which.endswith(":sidecar") else set()
    assert ports(spec["egress"]) == {53} | wanted | shared


@pytest.mark.parametrize("which", ["chart:operations", "folder:operations"])
def test_the_placeholder_runs_nothing_and_says_so(which: str) -> None:
    """No pod, no Service, no traffic."""
    tier = workload(which)
    assert tier["spec"]["replicas"] == 0
    assert "does not exist yet" in tier["metadata"]["annotations"]["tailsampler/placeholder"]
    assert of_kind(which, "Service", "Pod") == []
    [policy] = of_kind(which, "NetworkPolicy")
    assert (policy["spec"]["ingress"], policy["spec"]["egress"]) == ([], [])


@pytest.mark.parametrize("which", TIERS)
def test_held_spans_outlive_their_pods(which: str) -> None:
    """Neither a smaller tier nor an uninstalled one takes volumes with it."""
    spec = workload(which)["spec"]
    policy = {"whenDeleted": "Retain", "whenScaled": "Retain"}
    assert spec["persistentVolumeClaimRetentionPolicy"] == policy
    assert spec["podManagementPolicy"] == "Parallel"
    [claim] = spec["volumeClaimTemplates"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]


@pytest.mark.parametrize("which", ["folder:tmpfs", "folder:sidecar"])
def test_a_new_pod_is_there_before_the_old_one_goes(which: str) -> None:
    """Where no volume has to change hands."""
    rolling = workload(which)["spec"]["strategy"]["rollingUpdate"]
    assert rolling == {"maxSurge": 1, "maxUnavailable": 0}


@pytest.mark.parametrize("which", [each for each in EVERYTHING if each != "chart:secrets"])
def test_nothing_scales_by_itself_unless_asked(which: str) -> None:
    """Each change of the number splits traces."""
    assert of_kind(which, "HorizontalPodAutoscaler") == []
    assert "replicas" in workload(which)["spec"]


def test_what_scales_by_itself_does_it_slowly() -> None:
    """One pod in five minutes up, one in thirty down, after an hour of quiet."""
    [scaler] = of_kind("chart:secrets", "HorizontalPodAutoscaler")
    up, down = scaler["spec"]["behavior"]["scaleUp"], scaler["spec"]["behavior"]["scaleDown"]
    assert up["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 300}]
    assert down["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 1800}]
    assert down["stabilizationWindowSeconds"] == 3600
    tier = workload("chart:secrets")
    assert scaler["spec"]["scaleTargetRef"]["name"] == tier["metadata"]["name"]
    assert "replicas" not in tier["spec"]


def test_backends_can_be_narrowed() -> None:
    """To where they are, and to their pods' ports where those of their Service differ."""
    found = helm(
        "--set", "shape=gateway,networkPolicy.backendPorts={9095}",
        "--set-json", 'networkPolicy.backends=[{"podSelector": {"matchLabels": {"app": "tempo"}}}]',
    )  # fmt: skip
    [policy] = [each for each in found if each["kind"] == "NetworkPolicy"]
    rule = policy["spec"]["egress"][-1]
    assert {port["port"] for port in rule["ports"]} == {4317, 9095}
    assert rule["to"] == [{"podSelector": {"matchLabels": {"app": "tempo"}}}]
