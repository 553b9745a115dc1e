"""What the documents tell a reader to do can be done."""

import re
from pathlib import Path

import pytest

from tailsampler.cli import main
from tailsampler.settings.load import parse
from tests.needs import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGE_NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def commands(text: str) -> list[str]:
    """Every line behind a prompt, and every piece of code that begins with a program's name."""
    prompts = re.findall(r"^\$ (.+)$", text, re.MULTILINE)
    return prompts + re.findall(r"`((?:make|tailsampler) [^`]+)`", text)


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_make_targets_exist(page: Path) -> None:
    """Every `make X` in the documents is a target."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        found[1]
        for command in commands(page.read_text())
        if (found := re.match(r"make ([a-z-]+)", command))
    }
    assert named - targets == set()


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_program_commands_exist(page: Path) -> None:
    """Every `tailsampler X` in the documents is a command."""
    named = {
        found[1]
        for command in commands(page.read_text())
        if (found := re.match(r"(?:\.venv/bin/)?tailsampler ([a-z-]+)", command))
    }
    assert named - set(main.commands) == set()


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link in the documents names a file that exists."""
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    files = [link for link in links if not link.startswith(("http:", "https:", "mailto:"))]
    assert [link for link in files if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_configurations_load(page: Path) -> None:
    """Every YAML block in the documents is a configuration that the program takes."""
    for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        parse(block, file=str(page), environ={})


def test_readme_files_exist() -> None:
    """Every script that the README runs is there."""
    named = re.findall(r"\b(scripts/\w+\.py)", (ROOT / "README.md").read_text())
    assert named
    assert [each for each in named if not (ROOT / each).is_file()] == []
