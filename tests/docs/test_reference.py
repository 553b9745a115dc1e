"""The reference says what the program does now."""

import re
from collections.abc import Iterator

import pytest

from scripts.reference import sections, stale
from tailsampler.settings.root import Settings
from tailsampler.telemetry.metrics import TABLE
from tests.needs import ROOT


def test_generated_pages_are_fresh() -> None:
    """The pages of docs/reference are those of the source; `make reference` writes them."""
    assert stale() == []


def undocumented() -> Iterator[str]:
    """Settings without a description."""
    for path, model in sections(Settings, ""):
        for name, field in model.model_fields.items():
            if not field.description:
                yield f"{path}.{name}"


def test_every_setting_is_described() -> None:
    """No setting exists without a sentence that says what it means."""
    assert list(undocumented()) == []


@pytest.mark.parametrize("page", ["README.md", "docs/operating.md"])
def test_documented_metrics_exist(page: str) -> None:
    """A metric named in a guide is one that the program serves."""
    named = set(re.findall(r"`(tailsampler_\w+)`", (ROOT / page).read_text()))
    assert named - set(TABLE) == set()
