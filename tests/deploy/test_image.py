"""The image: pinned, without root, and of what the lock names. It is built elsewhere."""

import fnmatch
import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from scripts.image_root import blocks, locked
from scripts.kubernetes import CHART
from scripts.sbom import sbom
from tests.deploy.rendered import gateway, pods, settings
from tests.needs import ROOT, lack

DOCKERFILE = ROOT / "deploy" / "Dockerfile"
LOCK = """\
# a comment
aiohttp==3.14.5 \\
    --hash=sha256:01 \\
    --hash=sha256:02
ruamel-yaml==0.19.1 ; python_version >= "3" \\
    --hash=sha256:03
"""


def instructions() -> list[tuple[str, str]]:
    """Every instruction with its arguments, continued lines joined."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    pairs = [line.partition(" ") for line in lines if line.strip()]
    return [(name, rest) for name, _, rest in pairs]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    start = max(index for index, (name, _) in enumerate(found) if name == "FROM")
    return found[start:]


def test_a_linter_of_dockerfiles_is_content() -> None:
    """And what it is told to leave alone has its reason on the same line."""
    # `make setup` puts it beside Python, which need not be on PATH.
    beside = str(Path(sys.executable).parent)
    hadolint = shutil.which("hadolint", path=beside) or shutil.which("hadolint")
    if hadolint is None:
        lack("hadolint, a linter of Dockerfiles, is not installed; run make setup")
        return
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0
    for line in DOCKERFILE.read_text().splitlines():
        if "hadolint ignore" in line:
            assert re.search(r"ignore=DL\d+ # \S", line), line


def test_bases_are_pinned() -> None:
    """By a version; whoever builds may add the digest."""
    pins = dict(rest.split("=", 1) for name, rest in instructions() if name == "ARG")
    bases = [rest for name, rest in instructions() if name == "FROM"]
    assert len(bases) == 3
    for base in bases:
        variable = re.search(r"\$\{(\w+)\}", base)
        assert variable is not None
        assert re.match(r"\d+\.\d+\.\d+-slim-bookworm$", pins[variable[1]])


def test_the_image_runs_as_the_pods_do() -> None:
    """As the same user, by its number, with the same port for health, and signals handed on."""
    stage = last_stage()
    context = next(pods("chart:single"))["securityContext"]
    assert ("USER", f"{context['runAsUser']}:{context['runAsGroup']}") in stage
    [health] = [rest for name, rest in stage if name == "HEALTHCHECK"]
    probe = gateway("chart:single")["livenessProbe"]["httpGet"]["path"]
    port = settings("chart:single").telemetry.endpoint.port
    assert f"http://127.0.0.1:{port}{probe}" in health
    assert ("ENTRYPOINT", '["tini", "--", "tailsampler"]') in stage
    assert ("WORKDIR", "/var/lib/tailsampler") in stage


def test_the_image_says_what_it_is() -> None:
    """By the labels that registries show."""
    [labels] = [rest for name, rest in last_stage() if name == "LABEL"]
    for key in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{key}=" in labels
    [version] = [rest for name, rest in last_stage() if rest.startswith("VERSION=")]
    assert version.partition("=")[2] in (CHART / "Chart.yaml").read_text()


def test_only_sources_go_into_a_build() -> None:
    """All is left out but what is named, and what is named is there."""
    lines = [each for each in (ROOT / ".dockerignore").read_text().splitlines() if each[:1] != "#"]
    assert lines[0] == "*"
    wanted = [each[1:] for each in lines if each.startswith("!")]
    assert [each for each in wanted if not (ROOT / each).exists()] == []
    assert not any(fnmatch.fnmatch(each, ".*") for each in wanted)
    # The workspace does not load without all its members.
    members = re.search(r"^members = \[(.*)\]", (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert members is not None
    for member in re.findall(r'"([^"]+)"', members[1]):
        assert any(member == each or member.startswith(f"{each}/") for each in wanted)


def test_the_lock_is_taken_by_name_with_its_hashes() -> None:
    """However a distribution spells its own name; comments are no requirements."""
    assert [name for name, _ in blocks(LOCK)] == ["aiohttp", "ruamel-yaml"]
    assert locked(LOCK, ["ruamel.yaml"]).splitlines() == [
        'ruamel-yaml==0.19.1 ; python_version >= "3" \\',
        "    --hash=sha256:03",
    ]


def test_what_the_lock_lacks_is_not_installed() -> None:
    """The build ends, and says what to do."""
    with pytest.raises(SystemExit, match=r"lacks requests; run make lock"):
        locked(LOCK, ["aiohttp", "requests"])


def installed(folder: Path, name: str, version: str, more: str = "") -> PathDistribution:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{more}\n"
    )
    return PathDistribution(info)


def test_the_bill_names_everything_that_was_added(tmp_path: Path) -> None:
    """Python's distributions, and the crates of the extension with their checksums."""
    installed(tmp_path, "tailsampler", "0.1.0", "License-Expression: Apache-2.0")
    installed(tmp_path, "ruamel.yaml", "0.19.1")
    bill = sbom(tmp_path, ROOT / "Cargo.lock")
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["licenses"] == [{"expression": "Apache-2.0"}]
    by_url = {each["purl"]: each for each in bill["components"]}
    assert "pkg:pypi/ruamel-yaml@0.19.1" in by_url
    hyper = [each for url, each in by_url.items() if url.startswith("pkg:cargo/hyper@")]
    assert len(hyper) == 1
    assert re.fullmatch(r"[0-9a-f]{64}", hyper[0]["hashes"][0]["content"])
    assert len(by_url) == len(bill["components"])
    assert json.loads(json.dumps(bill)) == bill


def test_the_bill_names_nothing_that_only_tests_use(tmp_path: Path) -> None:
    """The load generator and the simulation are in the lock, and not in the image."""
    installed(tmp_path, "tailsampler", "0.1.0")
    names = {each["name"] for each in sbom(tmp_path, ROOT / "Cargo.lock")["components"]}
    assert names.isdisjoint({"tailsampler-load", "tailsampler-simulation"})
    assert {"tailsampler-core", "tailsampler-door"} <= names
