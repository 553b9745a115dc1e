"""Hold what is built from others' work to ``deny.toml``, without a network.

``cargo deny`` and ``pip-audit`` know more, and advisories above all: they are run as well where
they are installed.
"""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
_REQUIREMENT: Final = re.compile(
    r"^[A-Za-z0-9][A-Za-z0-9._-]*(\[[a-z0-9,-]+\])?==[^\s;]+", re.ASCII
)
_WORD: Final = re.compile(r"\(|\)|[^\s()]+")

Toml = dict[str, Any]


def crates(lock: Toml, deny: Toml) -> Iterator[str]:
    """What is wrong in ``Cargo.lock``: sources, checksums, banned crates and versions."""
    registries = {f"registry+{url}" for url in deny["sources"]["allow-registry"]}
    for package in lock["package"]:
        what = f"{package['name']} {package['version']}"
        source = package.get("source")
        if source is None:
            continue  # a crate of this repository
        if source not in registries:
            yield f"Cargo.lock: {what} comes from {source}; take it from crates.io"
        elif not re.fullmatch(r"[0-9a-f]{64}", package.get("checksum", "")):
            yield f"Cargo.lock: {what} has no checksum; run cargo update -p {package['name']}"
        for ban in deny["bans"]["deny"]:
            if ban["name"] == package["name"] and _banned(package["version"], ban):
                yield f"Cargo.lock: {what} is banned by deny.toml ({ban['reason']})"


def licences(packages: list[Toml], deny: Toml) -> Iterator[str]:
    """Crates that may not be used under any of the licences that ``deny.toml`` allows."""
    allowed = set(deny["licenses"]["allow"])
    for package in packages:
        licence = package.get("license") or ""
        if not is_allowed(licence, allowed):
            what = f"{package['name']} {package['version']}"
            yield f"{what}: its licence is {licence or 'not given'}; deny.toml allows none of it"


def is_allowed(licence: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met; ``/`` is the old way to write OR."""
    words = _WORD.findall(licence.replace("/", " OR ").replace(" WITH ", "+WITH+"))
    if not words:
        return False
    plain = {name.replace(" WITH ", "+WITH+") for name in allowed}

    def term() -> bool:
        word = words.pop(0)
        if word != "(":
            return word in plain
        met = either()
        words.pop(0)
        return met

    def both() -> bool:
        met = term()
        while words and words[0] == "AND":
            words.pop(0)
            met &= term()
        return met

    def either() -> bool:
        met = both()
        while words and words[0] == "OR":
            words.pop(0)
            met |= both()
        return met

    return either()


def requirements(text: str) -> Iterator[str]:
    """What is wrong in ``requirements.lock``: each line pins a version and has a hash."""
    for entry in re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)):
        first = entry.strip().partition(" ")[0].rstrip("\\")
        if not first:
            continue
        if not _REQUIREMENT.match(first):
            yield f"requirements.lock: {first} is not pinned; run make lock"
        elif "--hash=sha256:" not in entry:
            yield f"requirements.lock: {first} has no hash; run make lock"


def problems() -> list[str]:
    """Everything that is wrong, in words."""
    deny = tomllib.loads((ROOT / "deny.toml").read_text())
    found = [*crates(tomllib.loads((ROOT / "Cargo.lock").read_text()), deny)]
    found += licences(_packages(), deny)
    return [*found, *requirements((ROOT / "requirements.lock").read_text())]


def _packages() -> list[Toml]:
    """The crates that are in the build on any platform; cargo has their manifests already."""
    command = ["cargo", "metadata", "--locked", "--offline", "--format-version=1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"cargo metadata failed; run make setup once, with a network\n{done.stderr}")
    return list(json.loads(done.stdout)["packages"])


def _banned(version: str, ban: Toml) -> bool:
    if "version" not in ban:
        return True
    return _parts(version) < _parts(ban["version"].removeprefix("<"))


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.split(r"[-+]", version)[0].split("."))


def main() -> int:
    """Check, and run what knows more if it is there; 0 well, 1 not."""
    found = problems()
    for line in found:
        print(line)
    status = 1 if found else 0
    more = {
        "cargo-deny": ["cargo", "deny", "--offline", "check", "bans", "licenses", "sources"],
        "pip-audit": ["pip-audit", "--require-hashes", "-r", "requirements.lock"],
    }
    for tool, command in more.items():
        if shutil.which(tool) is None:
            print(f"{tool} is not installed, so it was not asked")
        elif subprocess.run(command, cwd=ROOT, check=False).returncode:
            status = 1
    print("problems" if status else "well: sources, checksums, licences, bans, pins and hashes")
    return status


if __name__ == "__main__":
    sys.exit(main())
