"""Wrong values are refused before anything is applied, with words that help."""

import json
import re
from typing import Any

import pytest
from ruamel.yaml import YAML

from scripts.kubernetes import CHART, HelmError, render
from tests.deploy.rendered import need_helm

WRONG = [
    # what is set, and what the answer names: the place, and what would be right
    ("shape=gatewy", ["/shape", "'gateway'"]),
    ("volume.size=20GB", ["/volume/size", "20GB"]),
    ("volume.siz=20Gi", ["/volume", "siz"]),
    ("replicas=-1", ["/replicas"]),
    ("image.digest=abc", ["/image/digest"]),
    ("volume.accessMode=ReadWriteMany", ["/volume/accessMode", "ReadWriteOnce"]),
    ("ring.interval=5", ["/ring/interval"]),
    ("topologySpread.zone=Never", ["/topologySpread/zone", "ScheduleAnyway"]),
    ("networkPolicy.backendPorts={0}", ["/networkPolicy/backendPorts/0"]),
    ("collector.backend=http://tempo:4317", ["/collector/backend"]),
    ("config.receivers.otlp=1", ["receivers", "'receive'"]),
    ("secrets.env[0].name=A,secrets.env[0].value=secret", ["/secrets/env/0", "value"]),
    # what no schema can say
    ("shape=operations,replicas=1", ["placeholder", "leave replicas out"]),
    ("shape=single,replicas=3", ["one gateway", "shape gateway"]),
    ("shape=single,autoscaling.enabled=true", ["autoscaling.enabled", "gateway or tmpfs"]),
    ("shape=tmpfs,volume.size=2Gi", ["limits.memory 2Gi", "in memory", "write more"]),
    ("resources.limits.memory=256Mi", ["limits.memory 256Mi", "write more"]),
    ("config.telemetry.enabled=false", ["probes", "leave it on"]),
    ("config.telemetry.endpoint=0.0.0.0:9999", ["13133", "leave it out"]),
    ("config.telemetry.tls.client_ca_file=ca.crt", ["kubelet", "leave it out"]),
    ("config.data_directory=/data", ["/var/lib/tailsampler", "leave it out"]),
    ("config.sampling.decision_wait=10", ["10 is not a duration", "10s"]),
    ("shape=tmpfs,config.export[0].type=local", ["goes with its pod", "shape single"]),
]


@pytest.mark.parametrize(("values", "words"), WRONG, ids=[values for values, _ in WRONG])
def test_a_wrong_value_is_refused_in_words(values: str, words: list[str]) -> None:
    """They name the place, and what to write or to leave out."""
    need_helm()
    with pytest.raises(HelmError) as refused:
        render(None, "--set", values)
    assert [word for word in words if word not in str(refused.value)] == []


def keys(data: Any, path: str = "") -> set[str]:
    if not isinstance(data, dict):
        return set()
    return {f"{path}{key}" for key in data}.union(
        *(keys(value, f"{path}{key}.") for key, value in data.items())
    )


def schema_keys(schema: Any, path: str = "") -> set[str]:
    found = set()
    for name, inner in schema.get("properties", {}).items():
        found |= {f"{path}{name}"} | schema_keys(inner, f"{path}{name}.")
    return found


def test_every_value_that_is_taken_is_shown() -> None:
    """What the schema allows stands in values.yaml, where people look, and the reverse."""
    schema = schema_keys(json.loads((CHART / "values.schema.json").read_text()))
    shown = keys(YAML(typ="safe").load(CHART / "values.yaml"))
    inside = ("config.", "global", "collector.resources.", "resources.")
    rest = {each for each in schema | shown if not each.startswith(inside)}
    assert {each for each in rest if each not in schema} == set()
    assert {each for each in rest if each not in shown} == set()


def test_nothing_unknown_is_taken_anywhere() -> None:
    """Every object of the schema with fields of its own is closed."""

    def opened(schema: Any, path: str) -> list[str]:
        found = []
        if "properties" in schema and schema.get("additionalProperties") is not False:
            found.append(path)
        for name, inner in schema.get("properties", {}).items():
            found += opened(inner, f"{path}/{name}")
        return found + (opened(schema["items"], f"{path}/*") if "items" in schema else [])

    assert opened(json.loads((CHART / "values.schema.json").read_text()), "") == []


def test_the_chart_is_of_the_programs_version() -> None:
    """Its appVersion is the tag that it asks for."""
    chart = YAML(typ="safe").load(CHART / "Chart.yaml")
    cargo = (CHART.parents[2] / "Cargo.toml").read_text()
    version = re.search(r'^version = "([^"]+)"', cargo, re.MULTILINE)
    assert version is not None
    assert chart["appVersion"] == version[1]
