"""What may stand in a source file at all."""

import re

import pytest

from tests.meta.source import name, tracked, written_by_hand

CODE = (".py", ".pyi", ".rs", ".toml", ".yaml", ".yml", ".proto", ".js", ".css", ".html", ".sh")
# Spelled apart, so that this file does not find itself.
MACHINE_PATHS = re.compile("/" + r"(work|root|home)/[a-z]")
REGISTRIES = re.compile(
    r"(pypi[.]|files[.]pythonhosted|index[.]crates|static[.]crates|registry[.]npmjs|repo1?[.]maven)"
)


def test_source_is_ascii() -> None:
    """Source is ASCII, so that what a reviewer sees is what the compiler reads."""
    strange = {
        f"{name(path)}:{number}"
        for path in written_by_hand(*CODE)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if not line.isascii()
    }
    assert strange == set()


@pytest.mark.parametrize("pattern", [MACHINE_PATHS, REGISTRIES], ids=["path", "registry"])
def test_nothing_points_at_one_machine(pattern: re.Pattern[str]) -> None:
    """No file names a directory of somebody's machine or the host of a package registry."""
    found = set()
    for path in tracked():
        if path.suffix in {".gz", ".png", ".ico", ".bin"}:
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
            if pattern.search(line):
                found.add(f"{name(path)}:{number}: {line.strip()}")
    assert {line for line in found if "registry+https" not in line} == set()
