"""Every exception to a rule explains itself."""

import re

from scripts.stubtest import ALLOWLIST, unexplained
from tests.meta.source import name, written_by_hand
from tests.needs import ROOT

# The code stands behind the word, the reason behind the code.
PYTHON = re.compile(r"# (noqa|type: ignore)\b(?P<rest>.*)")
# The word and its bracket stand apart, so that this file does not find itself.
RUST = re.compile(r"#!?\[(?:allow|expect)" + r"\((?P<inside>.*?)\)\]", re.DOTALL)
# Both name what they silence, so that a second fault on the line is still seen.
NAMED = re.compile(r"^(: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)*|\[[a-z0-9, -]+\])")
# These need no reason of their own, because there is only one.
SAY_IT_ALL = (
    "PLC0415",  # what is slow to import and rarely needed is imported late: the start is quick
    "import-untyped",  # the library ships no types
    "no-untyped-call",  # as above
)


def test_python_ignores_carry_a_reason() -> None:
    """A silenced lint or type error names its code, and says why behind it."""
    mute = []
    for path in written_by_hand(".py", ".pyi"):
        if path.name == "test_exceptions.py":
            continue
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            found = PYTHON.search(line)
            if not found:
                continue
            code = NAMED.match(found["rest"])
            reason = found["rest"][code.end() :].strip(" #-:") if code else ""
            # The reason may also stand above: a comment line of its own.
            above = path.read_text().splitlines()[number - 2].strip() if number > 1 else ""
            known = code is not None and any(each in code.group() for each in SAY_IT_ALL)
            if not code or not (reason or known or above.startswith("#")):
                mute.append(f"{name(path)}:{number}: {line.strip()}")
    assert mute == []


def test_rust_allows_carry_a_reason() -> None:
    """A lint that is allowed or expected says why, in its own `reason`."""
    mute = [
        f"{name(path)}: {found.group().strip()}"
        for path in written_by_hand(".rs")
        for found in RUST.finditer(path.read_text())
        if "reason =" not in found["inside"]
    ]
    assert mute == []


def test_ruff_ignores_carry_a_reason() -> None:
    """Every rule that is switched off in pyproject.toml has its reason on the same line."""
    text = (ROOT / "pyproject.toml").read_text()
    section = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.flake8")]
    entries = [line for line in section.splitlines() if re.match(r'\s+"[A-Z]+[0-9]*",', line)]
    assert entries
    assert [line for line in entries if "#" not in line] == []


def test_stub_exceptions_carry_a_reason() -> None:
    """Every difference allowed between stub and module has its reason on the same line."""
    assert unexplained(ALLOWLIST.read_text().splitlines()) == []
    assert unexplained(["# fine", "tailsampler._core.x"]) == ["2: tailsampler._core.x"]
