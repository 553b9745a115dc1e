"""What docs/deploy.md tells somebody to do by hand does what it says."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.kubernetes import CHART, KUBERNETES, OVERLAYS, SHAPES, find_helm
from tests.deploy.rendered import gateway_yaml, need_helm, read_all
from tests.needs import ROOT, need

PAGE = (ROOT / "docs" / "deploy.md").read_text()


def test_a_copy_of_ones_own_changes_what_it_says(tmp_path: Path) -> None:
    """The kustomization.yaml of the page: namespace, image and configuration, the rest as ours."""
    need("kubectl")
    [example] = re.findall(r"^```\n(namespace: .*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    shutil.copytree(OVERLAYS / "gateway", tmp_path / "gateway")
    own = tmp_path / "own"
    own.mkdir()
    (own / "kustomization.yaml").write_text(example)
    text = gateway_yaml("folder:gateway")
    (own / "gateway.yaml").write_text(text.replace("decision_wait: 10s", "decision_wait: 8s"))
    command = ["kubectl", "kustomize", str(own)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = read_all(done.stdout)
    assert {each["metadata"]["namespace"] for each in found} == {"observability"}
    [config] = [each for each in found if each["kind"] == "ConfigMap"]
    assert "decision_wait: 8s" in config["data"]["gateway.yaml"]
    [tier] = [each for each in found if each["kind"] == "StatefulSet"]
    pod = tier["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "registry.example.com/tailsampler:0.1.0"
    names = [each["configMap"]["name"] for each in pod["volumes"] if "configMap" in each]
    assert names == [config["metadata"]["name"]]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_notes_of_an_installation_can_be_read(shape: str, tmp_path: Path) -> None:
    """They name the address to send to, and are written for each shape."""
    need_helm()
    chart = tmp_path / "tailsampler"
    shutil.copytree(CHART, chart)
    # Helm shows notes to a cluster alone, so they become a template like the others.
    notes = (chart / "templates" / "NOTES.txt").read_text()
    (chart / "templates" / "notes.yaml").write_text(
        '{{- define "notes" }}' + notes + '{{ end -}}\nnotes: {{ include "notes" . | quote }}\n'
    )
    command = [str(find_helm()), "template", "ours", str(chart), "--kube-version", KUBERNETES]
    command += ["--namespace", "obs", "--set", f"shape={shape}", "-s", "templates/notes.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [[text]] = [each.values() for each in read_all(done.stdout)]
    assert "<no value>" not in text
    if shape == "operations":
        assert "nothing runs" in text
    elif shape == "gateway":
        assert "ours-tailsampler-headless.obs.svc, port 4317, by trace id" in text
    else:
        assert "ours-tailsampler.obs.svc, port 4317" in text


def test_the_times_of_the_page_are_those_of_the_pods() -> None:
    """The tables say what the chart computes for a tier."""
    file = gateway_yaml("folder:gateway")
    grace, pre_stop = re.findall(r"\((\d+)\)", file)[:2]
    assert f"{pre_stop} s; with `shutdown: drain`" in PAGE
    stop = int(grace) - int(pre_stop)
    assert f"has up to {stop} s to end" in PAGE
