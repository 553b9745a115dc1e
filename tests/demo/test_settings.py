"""The settings of ``run --demo``."""

from tailsampler.demo.scenarios import LATE_NS
from tailsampler.demo.settings import demo_settings
from tailsampler.settings.load import load
from tests.needs import ROOT


def test_the_file_says_what_is_built_in() -> None:
    """Whoever copies config/demo.yaml starts from what was seen."""
    assert load(ROOT / "config" / "demo.yaml", {}) == demo_settings()


def test_verdicts_come_within_five_seconds() -> None:
    """And late spans come after them."""
    sampling = demo_settings().sampling
    assert sampling.decision_wait.total_seconds() <= 4
    assert sampling.decision_wait.total_seconds() * 1e9 < LATE_NS
