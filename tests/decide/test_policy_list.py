"""The policy list is the same chain in another spelling."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailsampler.decide.dialects import read_sampling
from tailsampler.errors import SettingsError
from tailsampler.settings.load import parse
from tailsampler.settings.sampling import Sampling

PARAMETERS = st.fixed_dictionaries(
    {"sample_rate": st.sampled_from([0, 0.001, 0.5, 1])},
    optional={
        "duration_threshold_ms": st.integers(0, 10_000),
        "error_status_codes": st.lists(st.integers(100, 599), min_size=1, max_size=4),
        "error_status": st.just(True),
    },
)


@given(st.lists(PARAMETERS, min_size=1, max_size=5))
def test_both_spellings_are_the_same_chain(chain: list[dict[str, Any]]) -> None:
    """Entry by entry; a service of its own keeps each of them reachable."""
    native = [
        {"name": f"p{n}", "service_name": f"s{n}", **parameters}
        for n, parameters in enumerate(chain)
    ]
    entries = [
        {
            "policy": {
                "name": f"p{n}",
                "type": "sampling",
                "parameters": {"service_name": f"s{n}", **parameters},
            }
        }
        for n, parameters in enumerate(chain)
    ]
    assert read_sampling(entries) == read_sampling({"policies": native})
    assert read_sampling(entries).decision_wait == Sampling().decision_wait


MISTAKES = [
    ("unknown_word", "type", "name: a, type: latency, parameters: {sample_rate: 1}"),
    ("rate_in_per_cent", "parameters.sample_rate", "name: a, parameters: {sample_rate: 5}"),
    ("missing_key", "parameters.sample_rate", "name: a, parameters: {}"),
    ("missing_key", "name", "parameters: {sample_rate: 1}"),
    ("unknown_key", "parameters.servic", "name: a, parameters: {servic: x, sample_rate: 1}"),
    (
        "no_error_criterion",
        "parameters.error_status",
        "name: a, parameters: {error_status: false, sample_rate: 1}",
    ),
]


@pytest.mark.parametrize(("code", "key", "policy"), MISTAKES)
def test_mistakes_are_located_in_the_spelling_that_was_written(
    code: str, key: str, policy: str
) -> None:
    """The key path is the one in the file, not that of the translation."""
    with pytest.raises(SettingsError) as caught:
        parse(f"sampling:\n  - policy: {{{policy}}}\n", environ={})
    assert [(problem.code, problem.at.key) for problem in caught.value.problems] == [
        (code, f"sampling[0].policy.{key}")
    ]
    assert caught.value.at.line == 2


def test_a_chain_is_judged_as_in_the_native_spelling() -> None:
    """Duplicates and a default in the middle, with the positions of the list."""
    text = """
sampling:
  - policy: {name: a, type: sampling, parameters: {sample_rate: 1}}
  - policy: {name: a, type: sampling, parameters: {sample_rate: 1}}
"""
    with pytest.raises(SettingsError) as caught:
        parse(text, environ={})
    assert [(problem.code, problem.at.line) for problem in caught.value.problems] == [
        ("default_not_last", 3),
        ("duplicate_policy", 4),
    ]


def test_an_empty_list_is_refused() -> None:
    """It would drop every trace."""
    with pytest.raises(SettingsError) as caught:
        parse("sampling: []", environ={})
    assert caught.value.code == "no_policy"
