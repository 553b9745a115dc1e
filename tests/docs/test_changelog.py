"""Fragments of the changelog are written to the operator."""

import re

from tests.needs import ROOT

KINDS = ("added", "changed", "deprecated", "removed", "fixed", "security")


def test_fragments_are_well_formed() -> None:
    """Every fragment names its kind and says something; a removal says how to move on."""
    for path in (ROOT / "changelog.d").iterdir():
        assert re.fullmatch(rf"[a-z0-9-]+\.({'|'.join(KINDS)})\.md", path.name), path.name
        text = path.read_text()
        assert text.strip(), path.name
        if ".removed." in path.name:
            assert "Migration:" in text, path.name
