"""Every bug can still be planted; whether each is found, `python -m tests.planted` says."""

from __future__ import annotations

import pytest

from tests.planted.bugs import CORE, ROOT, Bug, bugs


@pytest.mark.parametrize("bug", bugs(), ids=lambda bug: bug.name)
def test_every_bug_has_its_place(bug: Bug) -> None:
    """The source has the line that each bug changes, once."""
    source = (ROOT / CORE / bug.file).read_text(encoding="utf-8")
    assert bug.planted(source) != source


def test_there_are_enough_and_each_has_a_name() -> None:
    """At least 25, none of them twice."""
    assert len({bug.name for bug in bugs()}) == len(bugs()) >= 25
