"""Chart and folders are one source, and an API server would take every object."""

import re
from pathlib import Path
from typing import Any

import pytest

from scripts import kubernetes
from scripts.kubernetes import CHART, OPTIONAL, OVERLAYS, SHAPES, overlay, stale
from tests.deploy.monitor import ServiceMonitor
from tests.deploy.rendered import (
    CHARTS,
    EVERYTHING,
    RUNNING,
    VERSIONS,
    Object,
    helm,
    need_helm,
    objects,
    read_all,
)
from tests.deploy.valid import faults

HELMS_OWN = ("helm.sh/chart", "app.kubernetes.io/managed-by", "checksum/")
HASH = re.compile(r"(-config|-collector)-[a-z0-9]{10}\b")


def test_the_folders_are_those_of_the_chart() -> None:
    """What is committed is what the chart renders now; `make kubernetes` writes it."""
    need_helm()
    assert stale() == []


def test_a_changed_chart_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that differs from the chart, or that the chart does not make, is named."""
    made = {OVERLAYS / "gateway" / "gateway.yaml": "another: text\n"}
    monkeypatch.setattr(kubernetes, "files", lambda: made)
    found = stale()
    assert "deploy/kubernetes/gateway/gateway.yaml" in found
    assert "deploy/kubernetes/single/statefulset.yaml" in found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("which", EVERYTHING)
def test_every_object_is_valid(which: str, version: str) -> None:
    """By Kubernetes' own schemas, without unknown fields; ServiceMonitors by their own page."""
    assert objects(which)
    assert [fault for each in objects(which) for fault in faults(each, version)] == []


def test_an_invalid_object_is_refused() -> None:
    """The validation above would see a misspelt field."""
    spec = {"clusterIp": "None"}
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "n"}, "spec": spec}
    assert "clusterIp" in "".join(faults(wrong, "1.34"))


def plain(value: Any) -> Any:
    """Without what Helm and kustomize each write for themselves."""
    if isinstance(value, dict):
        return {
            key: plain(item) for key, item in value.items() if not str(key).startswith(HELMS_OWN)
        }
    if isinstance(value, list):
        return [plain(item) for item in value]
    return HASH.sub(r"\1", value) if isinstance(value, str) else value


def named(found: list[Object]) -> dict[tuple[str, str], Any]:
    return {
        (each["kind"], HASH.sub(r"\1", each["metadata"]["name"])): plain(each) for each in found
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_folder_and_chart_say_the_same(shape: str) -> None:
    """Object by object; ConfigMaps by the documents in them."""
    ours, theirs = named(objects(f"folder:{shape}")), named(objects(f"chart:{shape}"))
    theirs = {key: each for key, each in theirs.items() if key[0] not in ("Pod", "ServiceMonitor")}
    assert set(ours) == set(theirs)
    for key, each in ours.items():
        if key[0] == "ConfigMap":
            [[name, text]] = each["data"].items()
            assert read_all(text) == read_all(theirs[key]["data"][name])
        else:
            assert each == theirs[key]


@pytest.mark.parametrize("shape", RUNNING)
def test_the_monitor_is_there_to_be_switched_on(shape: str) -> None:
    """It is a file of the folder that kustomization.yaml names in a comment."""
    monitor = OVERLAYS / shape / OPTIONAL
    [each] = read_all(monitor.read_text())
    ServiceMonitor.model_validate(each)
    assert f"# - {OPTIONAL}" in (OVERLAYS / shape / "kustomization.yaml").read_text()


@pytest.mark.parametrize("shape", SHAPES)
def test_configurations_are_files_of_their_own(shape: str) -> None:
    """Somebody edits gateway.yaml, and the ConfigMap's name follows what is in it."""
    need_helm()
    made = overlay(shape)
    assert "gateway.yaml" in made
    maps = [each for each in objects(f"folder:{shape}") if each["kind"] == "ConfigMap"]
    assert all(HASH.search(each["metadata"]["name"]) for each in maps)
    volumes = str(objects(f"folder:{shape}"))
    assert all(volumes.count(each["metadata"]["name"]) >= 2 for each in maps)


@pytest.mark.parametrize("which", CHARTS)
def test_a_changed_configuration_replaces_pods(which: str) -> None:
    """Helm's pods carry the hash of what they were configured with."""
    name = which.partition(":")[2]
    values = CHART / "ci" / f"{name}-values.yaml"
    hashes = [_checksum(values), _checksum(values, "--set", "config.shutdown.doors_within=7s")]
    assert hashes[0] != hashes[1]


def _checksum(values: Path, *arguments: str) -> str:
    found = helm("--skip-tests", *arguments, values=values)
    [pod] = [each for each in found if each["kind"] in ("StatefulSet", "Deployment")]
    return str(pod["spec"]["template"]["metadata"]["annotations"]["checksum/config"])
