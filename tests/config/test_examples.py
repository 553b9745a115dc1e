"""Every example configuration loads, and the default one is the default."""

from pathlib import Path

import pytest

from tailsampler.decide.compile import compile_plan
from tailsampler.settings.core_options import plan_json
from tailsampler.settings.effective import effective
from tailsampler.settings.load import load
from tailsampler.settings.report import report
from tailsampler.settings.root import Settings
from tests.needs import ROOT, lack

FOLDER = ROOT / "config"
EXAMPLES = sorted(FOLDER.glob("*.yaml"))


def keys(data: object, path: str = "") -> set[str]:
    if not isinstance(data, dict):
        return set()
    return {f"{path}{key}" for key in data}.union(
        *(keys(value, f"{path}{key}.") for key, value in data.items())
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_loads_without_a_warning(path: Path) -> None:
    """With nothing set in the environment."""
    settings = load(path, {})
    assert report(settings).warnings == ()
    assert compile_plan(settings.sampling).rules


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_core_takes_the_plan_of_every_example(path: Path) -> None:
    """The two halves of the seam agree on the form of a plan."""
    try:
        from tailsampler import _core  # noqa: PLC0415 - built by `make setup`, and maybe not yet
    except ImportError:
        lack("tailsampler._core is not built; run make setup")
    _core.check_plan(plan_json(load(path, {})))


def test_the_default_file_says_what_is_built_in() -> None:
    """`tailsampler run` does the same with the file and without it."""
    assert load(FOLDER / "tailsampler.yaml", {}) == Settings()


def test_the_default_file_shows_every_setting() -> None:
    """A knob that cannot be seen is not turned."""
    settings = load(FOLDER / "tailsampler.yaml", {})
    written = settings.model_dump(mode="json", exclude_unset=True)
    assert keys(effective(settings)) - keys(written) == set()
    assert keys(effective(settings)["export"][0]) == keys(written["export"][0])


def test_both_spellings_of_the_standard_chain_are_one_plan() -> None:
    """The list loads unchanged, and judges the same."""
    native = load(FOLDER / "tailsampler.yaml", {}).sampling
    listed = load(FOLDER / "standard-chain-list.yaml", {}).sampling
    assert compile_plan(listed) == compile_plan(native)
