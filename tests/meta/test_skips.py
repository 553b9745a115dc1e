"""In CI nothing may be missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import ROOT

IN_A_TEST = """
from tests.needs import lack

def test_needs_something():
    lack("a thing that is nowhere")
"""
IN_A_MODULE = """
import pytest

pytest.skip("a thing that is nowhere", allow_module_level=True)
"""


def status(directory: Path, source: str, *, required: bool) -> tuple[int, str]:
    """Exit status and output of pytest over one module, under this project's conftest."""
    (directory / "test_it.py").write_text(source)
    environment = {
        k: v for k, v in os.environ.items() if k not in {"CI", "TAILSAMPLER_REQUIRE_ALL"}
    }
    if required:
        environment["TAILSAMPLER_REQUIRE_ALL"] = "1"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
    ]
    command += ["-rs", "-c", os.devnull, "--rootdir", str(directory), str(directory)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("source", [IN_A_TEST, IN_A_MODULE], ids=["test", "module"])
def test_a_skip_fails_in_ci(tmp_path: Path, source: str) -> None:
    """Where everything must be there, a skip is a failure that says for want of what."""
    code, output = status(tmp_path, source, required=True)
    assert code not in (0, 5)
    assert "a thing that is nowhere" in output


@pytest.mark.parametrize("source", [IN_A_TEST, IN_A_MODULE], ids=["test", "module"])
def test_a_skip_is_a_skip_elsewhere(tmp_path: Path, source: str) -> None:
    """On a user's machine a missing component skips its tests, with the reason."""
    code, output = status(tmp_path, source, required=False)
    assert code in (0, 5)
    assert "a thing that is nowhere" in output
