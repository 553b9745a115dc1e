"""What an image is made of besides its base, as CycloneDX 1.6.

Python's part is what is installed; Rust's is what ``Cargo.lock`` reaches from the extension, build
dependencies included, since the lock does not tell them apart.
"""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any, Final

_EXTENSION: Final = "tailsampler-py"

Json = dict[str, Any]


def sbom(installed: Path, cargo_lock: Path) -> Json:
    """The bill for a folder of installed distributions, one of which is ours."""
    found = sorted(distributions(path=[str(installed)]), key=lambda each: each.name.lower())
    [ours] = [each for each in found if each.name == "tailsampler"]
    crates = sorted(_crates(tomllib.loads(cargo_lock.read_text())), key=lambda each: each["purl"])
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _python(ours, kind="application")},
        "components": [*(_python(each) for each in found if each is not ours), *crates],
    }


def _python(distribution: Distribution, kind: str = "library") -> Json:
    name = re.sub(r"[-_.]+", "-", distribution.name).lower()
    purl = f"pkg:pypi/{name}@{distribution.version}"
    component: Json = {
        "type": kind,
        "bom-ref": purl,
        "name": name,
        "version": distribution.version,
        "purl": purl,
    }
    licence = distribution.metadata.json.get("license_expression")
    return component | ({"licenses": [{"expression": licence}]} if licence else {})


def _crates(lock: Json) -> Iterator[Json]:
    for package in _reached(lock):
        purl = f"pkg:cargo/{package['name']}@{package['version']}"
        component: Json = {
            "type": "library",
            "bom-ref": purl,
            "name": package["name"],
            "version": package["version"],
            "purl": purl,
        }
        if "checksum" in package:
            component["hashes"] = [{"alg": "SHA-256", "content": package["checksum"]}]
        yield component


def _reached(lock: Json) -> list[Json]:
    """The packages that the extension may be built from. A name with one version stands alone."""
    packages: list[Json] = lock["package"]
    by_name: dict[str, list[Json]] = {}
    for package in packages:
        by_name.setdefault(package["name"], []).append(package)
    reached: dict[tuple[str, str], Json] = {}
    waiting = [_EXTENSION]
    while waiting:
        name, *version = waiting.pop().split(" ")
        for package in by_name[name]:
            key = (package["name"], package["version"])
            if key in reached or (version and package["version"] != version[0]):
                continue
            reached[key] = package
            waiting += package.get("dependencies", [])
    return list(reached.values())
