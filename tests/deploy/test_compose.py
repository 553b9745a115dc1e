"""The compose file and what it mounts fit each other, and the gateway takes its configuration."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tailsampler.settings.export import OtlpGrpcExporter
from tailsampler.settings.load import load
from tailsampler.settings.report import report
from tailsampler.settings.root import Settings
from tailsampler.telemetry.metrics import TABLE
from tests.needs import ROOT

DEPLOY = ROOT / "deploy"
SERVICES = ["alertmanager", "gateway", "grafana", "prometheus", "tempo"]


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(DEPLOY / name)
    return found


def gateway() -> Settings:
    token = {"TAILSAMPLER_TOKEN": "0123456789abcdef"}
    return load(DEPLOY / "compose" / "gateway.yaml", token)


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = read("compose.yaml")["services"][name]
    return found


def test_everything_is_there() -> None:
    """The gateway, a backend, and who watches them."""
    assert sorted(read("compose.yaml")["services"]) == SERVICES


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_exists(name: str) -> None:
    """Files beside compose.yaml, read-only, or volumes that it names."""
    for mount in service(name).get("volumes", []):
        source, target, *options = mount.split(":")
        assert target.startswith("/")
        if source.startswith("."):
            assert (DEPLOY / source).is_file()
            assert options == ["ro"]
        else:
            assert source in read("compose.yaml")["volumes"]


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_has_more_than_it_needs(name: str) -> None:
    """No capabilities, a read-only root, ports on this machine's loopback, a pinned image."""
    found = service(name)
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in found.get("ports", []))
    assert re.search(r":v?\d+\.\d+\.\d+$", found["image"])


def test_the_gateway_takes_its_configuration() -> None:
    """Warned of nothing but plain text, which goes no further than this machine."""
    warnings = report(gateway()).warnings
    assert [each for each in warnings if "in plain text" not in each] == []


def test_the_gateway_has_time_to_stop() -> None:
    """More than its settings let a stop take."""
    known = gateway()
    attempts = [each.timeout for each in known.export if isinstance(each, OtlpGrpcExporter)]
    stop = known.shutdown.doors_within + known.shutdown.export_within + max(attempts)
    assert int(service("gateway")["stop_grace_period"].removesuffix("s")) > stop.total_seconds() + 5


def test_every_name_is_that_of_a_service() -> None:
    """Where kept traces go, what is scraped, who is told, what Grafana asks."""
    hosts = [each.endpoint.host for each in gateway().export if isinstance(each, OtlpGrpcExporter)]
    prometheus = read("compose/prometheus.yaml")
    jobs = [*prometheus["scrape_configs"], *prometheus["alerting"]["alertmanagers"]]
    hosts += [
        target.partition(":")[0]
        for job in jobs
        for static in job["static_configs"]
        for target in static["targets"]
    ]
    sources = read("compose/datasources.yaml")["datasources"]
    hosts += [re.sub(r"^http://([^:]+):\d+$", r"\1", each["url"]) for each in sources]
    assert set(hosts) <= set(SERVICES)


def test_the_published_doors_are_open() -> None:
    """Each port of the gateway is listened on, beyond the container's loopback."""
    published = {int(port.rpartition(":")[2]) for port in service("gateway")["ports"]}
    listened = {each.port for _, each in gateway().listeners() if not each.is_loopback}
    assert published <= listened


def test_alerts_are_about_metrics_that_exist() -> None:
    """Each expression names what the program serves."""
    [group] = read("compose/alerts.yaml")["groups"]
    for rule in group["rules"]:
        named = set(re.findall(r"\btailsampler_\w+", rule["expr"]))
        assert named <= set(TABLE), rule["alert"]
        assert rule["annotations"]["summary"]


def test_no_secret_stands_in_a_file() -> None:
    """The token comes from the environment, and compose refuses to start without it."""
    for path in [DEPLOY / "compose.yaml", *sorted((DEPLOY / "compose").iterdir())]:
        for line in Path(path).read_text().splitlines():
            if "TOKEN" in line.partition("#")[0]:
                assert re.search(r"\$\{TAILSAMPLER_TOKEN:\?|\$\{env:|\$TAILSAMPLER_TOKEN", line)
