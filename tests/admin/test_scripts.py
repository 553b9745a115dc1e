"""The scripts of the pages, by Node's own test runner."""

import subprocess
from pathlib import Path

from tests.needs import ROOT, need

TESTS = Path(__file__).parent / "static"
STATIC = ROOT / "tailsampler" / "admin" / "static"


def test_the_pure_parts_keep_their_promises() -> None:
    """What the scripts compute is right; each promise stands in the JavaScript tests."""
    need("node")
    files = sorted(str(path) for path in TESTS.glob("*.test.mjs"))
    assert files
    done = subprocess.run(
        ["node", "--test", *files], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_script_makes_markup_of_data() -> None:
    """Whatever comes from a span becomes a text node, never HTML."""
    forbidden = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(")
    wrong = {
        f"{path.name}: {word}"
        for path in STATIC.glob("*.js")
        for word in forbidden
        if word in path.read_text()
    }
    assert wrong == set()
