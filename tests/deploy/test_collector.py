"""The Collectors' configurations fit the gateways that they send to, and lose nothing."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from scripts.kubernetes import CHART, SIDECAR
from tailsampler.doctor.upstream import read_upstream
from tests.deploy.rendered import of_kind, read_all, settings
from tests.needs import ROOT

FOLDER = ROOT / "deploy" / "collector"
CONFIGURATIONS = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "rbac.yaml")
IN_FRONT = ["front.yaml", "agents.yaml", "agents-dns.yaml"]
TIERS = ["agents.yaml", "agents-dns.yaml"]


def configuration(name: str) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(FOLDER / name)
    return found


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.name)
def test_everything_named_is_there_and_used(path: Path) -> None:
    """A pipeline names what stands above it, and nothing stands there that no pipeline has."""
    config = configuration(path.name)
    assert set(config["service"]["extensions"]) == set(config["extensions"])
    for kind in ("receivers", "processors", "exporters"):
        pipelines = config["service"]["pipelines"].values()
        used = {name for pipeline in pipelines for name in pipeline.get(kind, [])}
        assert used == set(config.get(kind, {}))


@pytest.mark.parametrize("name", IN_FRONT)
def test_spans_wait_for_a_gateway_as_long_as_it_takes(name: str) -> None:
    """On disk, in large requests, and a full queue holds senders back; nobody samples before us."""
    [sender] = read_upstream(FOLDER / name, [4317]).senders
    assert sender.retries
    assert sender.gives_up_after_s is None
    assert sender.batch is not None
    assert sender.batch >= 512
    assert sender.samples_before == ()
    [exporter] = configuration(name)["exporters"].values()
    queue = exporter["sending_queue"]
    assert queue["storage"] in configuration(name)["extensions"]
    assert queue["block_on_overflow"] is True


@pytest.mark.parametrize("name", TIERS)
def test_a_trace_goes_to_one_gateway(name: str) -> None:
    """By trace id, from a queue in front of the choice and none behind it."""
    balancing = configuration(name)["exporters"]["loadbalancing"]
    inner = balancing["protocol"]["otlp"]
    assert balancing["routing_key"] == "traceID"
    assert len(balancing["resolver"]) == 1
    assert "endpoint" not in inner
    assert inner["sending_queue"] == inner["retry_on_failure"] == {"enabled": False}
    assert {"time", "timeout"} <= set(inner["keepalive"])


@pytest.mark.parametrize("name", TIERS)
def test_the_ring_is_the_headless_service(name: str) -> None:
    """By its name and its port in the gateway's folder."""
    [service] = [
        each
        for each in of_kind("folder:gateway", "Service")
        if each["metadata"]["name"].endswith("-headless")
    ]
    resolver = configuration(name)["exporters"]["loadbalancing"]["resolver"]
    [[kind, asked]] = resolver.items()
    named = asked["service" if kind == "k8s" else "hostname"]
    assert named.split(".")[0] == service["metadata"]["name"]
    ports = asked["ports"] if kind == "k8s" else [int(asked["port"])]
    assert ports == [settings("folder:gateway").receive.otlp_grpc.endpoint.port]


def test_the_chart_knows_how_senders_follow_the_tier() -> None:
    """Its ring.interval and ring.timeout are those of the dns resolver."""
    ring = YAML(typ="safe").load(CHART / "values.yaml")["ring"]
    resolver = configuration("agents-dns.yaml")["exporters"]["loadbalancing"]["resolver"]["dns"]
    assert (ring["interval"], ring["timeout"]) == (resolver["interval"], resolver["timeout"])


def test_the_k8s_resolver_may_see_the_ring_and_no_more() -> None:
    """EndpointSlices, and Endpoints for older versions, of one namespace."""
    account, role, binding = read_all((FOLDER / "rbac.yaml").read_text())
    for each in (account, role, binding):
        kubernetes_validate.validate(each, "1.34", strict=True)
    assert role["kind"] == "Role"
    assert {resource for rule in role["rules"] for resource in rule["resources"]} == {
        "endpointslices",
        "endpoints",
    }
    assert all(rule["verbs"] == ["get", "list", "watch"] for rule in role["rules"])
    assert binding["subjects"][0]["name"] == account["metadata"]["name"]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]


def test_a_sidecars_round_trip_is_no_loop() -> None:
    """What comes back from the gateway goes to the backend, and on no path to the gateway again."""
    config, known = configuration("sidecar.yaml"), settings("folder:sidecar")
    [kept] = known.export
    to_gateway = str(known.receive.otlp_grpc.endpoint)
    from_gateway = str(getattr(kept, "endpoint", ""))
    leads = {
        (receiver, exporter)
        for pipeline in config["service"]["pipelines"].values()
        for receiver in pipeline["receivers"]
        for exporter in pipeline["exporters"]
    }
    endpoints = {
        name: {protocol["endpoint"] for protocol in receiver["protocols"].values()}
        for name, receiver in config["receivers"].items()
    }
    out = {name: exporter["endpoint"] for name, exporter in config["exporters"].items()}
    [back] = [name for name, taken in endpoints.items() if from_gateway in taken]
    [there] = [name for name, endpoint in out.items() if endpoint == to_gateway]
    assert (back, there) not in leads
    assert [receiver for receiver, exporter in leads if exporter == there] != [back]
    [backend] = [exporter for receiver, exporter in leads if receiver == back]
    assert out[backend] not in {to_gateway, from_gateway}


def test_a_sidecars_containers_share_no_port() -> None:
    """They have one network between them."""
    config, known = configuration("sidecar.yaml"), settings("folder:sidecar")
    theirs = [
        int(protocol["endpoint"].rpartition(":")[2])
        for receiver in config["receivers"].values()
        for protocol in receiver["protocols"].values()
    ]
    theirs += [13134, 8888]
    assert config["extensions"]["health_check"]["endpoint"].endswith(":13134")
    ours = [endpoint.port for _, endpoint in known.listeners()]
    assert len({*theirs, *ours}) == len(theirs) + len(ours)


def test_the_sidecars_file_is_the_charts() -> None:
    """The one beside the others is a copy, for those who bring their own Collector."""
    [text] = [
        each["data"]["collector.yaml"]
        for each in of_kind("folder:sidecar", "ConfigMap")
        if "collector.yaml" in each["data"]
    ]
    assert text == SIDECAR.read_text()
