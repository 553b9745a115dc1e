"""The objects that the chart and the folders of kustomize stand for."""

import io
import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from scripts.kubernetes import CHART, OVERLAYS, SHAPES, find_helm, render
from tailsampler.settings.load import parse
from tailsampler.settings.root import Settings
from tests.needs import lack, need

Object = dict[str, Any]

CI_VALUES = sorted((CHART / "ci").glob("*-values.yaml"))
RUNNING = [shape for shape in SHAPES if shape != "operations"]
CHARTS = [f"chart:{path.name.removesuffix('-values.yaml')}" for path in CI_VALUES]
"""What ``objects`` takes: every file of ci/, and every folder."""
FOLDERS = [f"folder:{shape}" for shape in SHAPES]
EVERYTHING = CHARTS + FOLDERS
VERSIONS = ["1.30", "1.34", "1.37"]
"""Of Kubernetes, by whose schemas all is judged."""


def read_all(text: str) -> list[Any]:
    """Every document of a YAML text, as plain data."""
    return [each for each in YAML(typ="safe").load_all(io.StringIO(text)) if each is not None]


def helm(*arguments: str, values: Path | None = None) -> list[Object]:
    """What the chart says with these arguments."""
    need_helm()
    return read_all(render(values, *arguments))


def need_helm() -> None:
    """Skip the test without Helm; in CI, fail it."""
    if find_helm() is None:
        if os.environ.get("TAILSAMPLER_WITHOUT_HELM"):
            # No skip, which would be a failure there: it is known, and said in the log.
            pytest.xfail("Helm could not be built here (scripts/install-helm)")
        lack("helm (scripts/install-helm builds it) is not on PATH")


@cache
def _objects(which: str) -> tuple[Object, ...]:
    kind, _, name = which.partition(":")
    if kind == "chart":
        return tuple(helm(values=CHART / "ci" / f"{name}-values.yaml"))
    need("kubectl")
    command = ["kubectl", "kustomize", str(OVERLAYS / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return tuple(read_all(done.stdout))


def objects(which: str) -> list[Object]:
    """By ``chart:<file of ci/>`` or ``folder:<shape>``; nobody changes what others see."""
    return list(_objects(which))


def of_kind(which: str, *kinds: str) -> list[Object]:
    """The objects of these kinds."""
    return [each for each in objects(which) if each["kind"] in kinds]


def workload(which: str) -> Object:
    """The one StatefulSet or Deployment."""
    [found] = of_kind(which, "StatefulSet", "Deployment")
    return found


def pods(which: str) -> Iterator[Object]:
    """The specification of every pod, that of `helm test` included."""
    yield workload(which)["spec"]["template"]["spec"]
    for pod in of_kind(which, "Pod"):
        yield pod["spec"]


def containers(pod: Object) -> list[Object]:
    """All of them, those before and beside the others included."""
    return [*pod.get("initContainers", []), *pod["containers"]]


def gateway(which: str) -> Object:
    """The gateway's own container."""
    [found] = [each for each in containers(next(pods(which))) if each["name"] == "tailsampler"]
    return found


def gateway_yaml(which: str) -> str:
    """The configuration that the pod is given."""
    [text] = [
        each["data"]["gateway.yaml"]
        for each in of_kind(which, "ConfigMap")
        if "gateway.yaml" in each["data"]
    ]
    return str(text)


def settings(which: str) -> Settings:
    """That configuration as the program reads it, with a token wherever a Secret has one."""
    environ = {
        each["name"]: f"0123456789abcdef-{each['name']}" for each in gateway(which).get("env", [])
    }
    return parse(
        gateway_yaml(which),
        file=f"{which}, gateway.yaml",
        environ=environ,
        read=lambda path: "0123456789abcdef",
    )


def quantity(text: str) -> int:
    """Bytes of a Kubernetes quantity."""
    units = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
    return int(text[:-2]) * units[text[-2:]]
