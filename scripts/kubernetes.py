"""Write ``deploy/kubernetes`` and the sidecar's Collector from the Helm chart, the one source.

Each shape of the chart becomes a folder for ``kubectl apply -k``: its objects as Helm renders them
with ``ci/<shape>-values.yaml``, the reasons in their comments included, and the configurations as
files of their own, of which kustomize makes ConfigMaps whose names end in a hash.
"""

import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
CHART: Final = ROOT / "deploy" / "helm" / "tailsampler"
OVERLAYS: Final = ROOT / "deploy" / "kubernetes"
SIDECAR: Final = ROOT / "deploy" / "collector" / "sidecar.yaml"
SHAPES: Final = ("single", "gateway", "sidecar", "tmpfs", "operations")
KUBERNETES: Final = "1.34.0"
"""The version that Helm renders for; the objects are the same from 1.30 on."""
OPTIONAL: Final = "servicemonitor.yaml"
"""Refused by a cluster that does not know the Prometheus operator's definitions."""

_MADE: Final = "# Made by `make kubernetes` from deploy/helm/tailsampler"
_NOT_EDITED: Final = f"{_MADE}; do not edit.\n"
_EDITED: Final = f"{_MADE}; in a copy of yours, edit this file.\n"
# What only Helm needs. A change of gateway.yaml renames its ConfigMap, so no checksum is needed.
_HELMS_OWN: Final = re.compile(r"^ *(helm\.sh/chart|checksum/\w+|app\.kubernetes\.io/managed-by): ")
_SOURCE: Final = re.compile(r"^# Source: \S+/templates/(?P<name>[\w-]+)\.yaml\n")


class HelmError(Exception):
    """Helm is not there, or refuses; the message is for people."""


def find_helm() -> str | None:
    """The program on PATH, or where ``scripts/install-helm`` puts it."""
    own = ROOT / ".tools" / "helm"
    return shutil.which("helm") or (str(own) if own.is_file() else None)


def render(values: Path | None, *arguments: str) -> str:
    """What ``helm template`` says to a file of values and further arguments.

    Raises:
        HelmError: with Helm's own words.
    """
    helm = find_helm()
    if helm is None:
        raise HelmError("helm is not on PATH; run scripts/install-helm, which needs Go")
    command = [helm, "template", "tailsampler", str(CHART), "--kube-version", KUBERNETES]
    command += ["--values", str(values)] if values else []
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise HelmError(done.stderr.strip())
    return done.stdout


def values_of(shape: str) -> Path:
    """The values that a shape is rendered with."""
    return CHART / "ci" / f"{shape}-values.yaml"


def documents(text: str) -> Iterator[tuple[str, str]]:
    """The template that each object came from, and the object, with its comments."""
    template = ""
    for part in re.split(r"^---\n", text, flags=re.MULTILINE):
        source = _SOURCE.match(part)
        template = source["name"] if source else template
        body = _SOURCE.sub("", part).strip("\n")
        if re.search(r"^kind: ", body, re.MULTILINE):
            yield template, body + "\n"


def overlay(shape: str) -> dict[str, str]:
    """Name and content of every file of a shape's folder."""
    objects: dict[str, list[str]] = {}
    configurations: dict[str, str] = {}
    for template, text in documents(render(values_of(shape), "--skip-tests")):
        if template == "configmap":
            configurations |= dict(_embedded(text))
        else:
            lines = text.splitlines(keepends=True)
            kept = "".join(line for line in lines if not _HELMS_OWN.match(line))
            objects.setdefault(f"{template}.yaml", []).append(kept)
    files = {name: _NOT_EDITED + "---\n".join(texts) for name, texts in objects.items()}
    files |= {name: _EDITED + text for name, text in configurations.items()}
    return files | {"kustomization.yaml": _kustomization(sorted(objects), sorted(configurations))}


def _embedded(config_map: str) -> Iterator[tuple[str, str]]:
    """The file in a ConfigMap, by its name."""
    name, _, text = config_map.partition("\ndata:\n")[2].partition(": |\n")
    # An empty line of a block may have lost its indentation.
    yield name.strip(), textwrap.dedent(text).strip("\n") + "\n"


def _kustomization(objects: list[str], configurations: list[str]) -> str:
    names = {"gateway.yaml": "tailsampler-config", "collector.yaml": "tailsampler-collector"}
    lines = [_MADE + ".", "apiVersion: kustomize.config.k8s.io/v1beta1", "kind: Kustomization"]
    lines += ["resources:", *(f"  - {name}" for name in objects if name != OPTIONAL)]
    if OPTIONAL in objects:
        lines.append(f"  # - {OPTIONAL} # where the Prometheus operator's definitions are")
    lines += ["# A changed file gets a ConfigMap of another name, and the pods are replaced."]
    lines += ["configMapGenerator:"]
    for name in configurations:
        lines += [f"  - name: {names[name]}", f"    files: [{name}]"]
    lines += [
        "# The image that you built and pushed: newName, and newTag or digest.",
        "images:",
        "  - name: tailsampler",
        "    newName: tailsampler",
    ]
    return "\n".join(lines) + "\n"


def files() -> dict[Path, str]:
    """Every file that is made from the chart."""
    made = {
        OVERLAYS / shape / name: text for shape in SHAPES for name, text in overlay(shape).items()
    }
    return made | {SIDECAR: made[OVERLAYS / "sidecar" / "collector.yaml"]}


def stale() -> list[str]:
    """The files that differ from what the chart says now, are missing, or are not made by it."""
    made = files()
    there = {path for path in OVERLAYS.rglob("*") if path.is_file()} | {SIDECAR}
    return sorted(
        str(path.relative_to(ROOT))
        for path in there | set(made)
        if path not in made or not path.is_file() or path.read_text() != made[path]
    )


def main() -> int:
    """Write the files, and remove those of objects that are gone."""
    try:
        made = files()
    except HelmError as error:
        print(error, file=sys.stderr)
        return 2
    for path in OVERLAYS.rglob("*"):
        if path.is_file() and path not in made:
            path.unlink()
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    print(f"{OVERLAYS.relative_to(ROOT)}: {len(made)} files of {len(SHAPES)} shapes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
