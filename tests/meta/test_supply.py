"""What is built from others' work is pinned, from where it should be, and allowed."""

import tomllib
from typing import Any

import pytest

from scripts.audit import crates, is_allowed, problems, requirements
from tests.needs import ROOT

DENY = tomllib.loads((ROOT / "deny.toml").read_text())
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"


def locked(**changes: Any) -> dict[str, Any]:
    package = {"name": "h2", "version": "0.4.20", "source": REGISTRY, "checksum": "a" * 64}
    return {"package": [package | changes]}


def test_nothing_is_wrong_now() -> None:
    """In both locks, and with every licence."""
    assert problems() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": "0.4.17"}, "banned"),
        ({"version": "0.4.9"}, "banned"),
        ({"name": "openssl-sys", "version": "0.9.99"}, "banned"),
        ({"source": "git+https://example.com/h2"}, "crates.io"),
        ({"checksum": ""}, "no checksum"),
    ],
)
def test_a_wrong_crate_is_named(changes: dict[str, Any], words: str) -> None:
    """By what is wrong with it."""
    [problem] = crates(locked(**changes), DENY)
    assert words in problem
    assert [*crates(locked(), DENY)] == []


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT/Apache-2.0", True),
        ("(GPL-3.0-only OR MIT) AND Unicode-3.0", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("", False),
    ],
)
def test_licences_are_read_as_they_are_meant(licence: str, *, allowed: bool) -> None:
    """One of several by OR suffices; all of several by AND are needed."""
    assert is_allowed(licence, set(DENY["licenses"]["allow"])) is allowed


def test_what_is_not_pinned_is_named() -> None:
    """A range, an address, or a version that nobody can check."""
    text = (
        "a==1 \\\n    --hash=sha256:00\nb>=1 \\\n    --hash=sha256:00\nc==1\nd @ https://x/d.whl\n"
    )
    assert [problem.split(": ")[1].split()[0] for problem in requirements(text)] == [
        "b>=1",
        "c==1",
        "d",
    ]
