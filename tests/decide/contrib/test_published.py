"""Configurations as people publish them: each loads, or is refused with the expected words."""

from pathlib import Path

import pytest

from tailsampler.decide.dialects.contrib import (
    differences,
    explanations,
    parse,
    sentences,
    walk,
    warnings,
)
from tailsampler.errors import SettingsError
from tailsampler.settings.root import Settings

FILES = sorted((Path(__file__).parent / "published").glob("*.yaml"))
LOADING = [file for file in FILES if not file.stem.startswith("refused-")]
REFUSED = [
    ("code-as-number", "not_text", "policies[0].string_attribute.values[0]", 'in quotes: "500"'),
    ("duplicate", "duplicate_policy", "policies[1].name", "give each its own name"),
    ("extension", "extension_policy", "policies[0].type", "runs inside of a Collector only"),
    ("flat", "unknown_key", "policies[0].threshold_ms", "write latency: {threshold_ms: 500}"),
    ("limiting-ingest", "stateful_policy", "policies[0]", "write trace-complete"),
    ("lookahead", "bad_regex", "policies[0].string_attribute.values[0]", "no look-ahead in Go"),
    ("lower-case-code", "unknown_status_code", "policies[0].status_code.status_codes[0]", "ERROR"),
    ("nested-drop", "policy_not_allowed_here", "policies[0].and.and_sub_policy[0].type", "not"),
    ("no-contrib-type", "unknown_policy_type", "policies[0].type", "write status_code"),
    ("no-names", "no_policy_name", "policies[0].name", "write name: errors"),
    ("quoted-number", "number_in_quotes", "policies[0].probabilistic.sampling_percentage", "with"),
    ("storage", "key_not_supported", "tail_storage", "stand in the buffer log on disk already"),
    ("unset-variable", "variable_not_set", "policies[0].probabilistic.sampling_percentage", "set"),
]


@pytest.mark.parametrize("file", LOADING, ids=lambda file: file.stem)
def test_a_published_configuration_loads(file: Path) -> None:
    """It is read, told back with every policy in it, and what it carries over are settings."""
    collector = parse(file.read_text(), file=file.name, environ={})
    told = sentences(collector.sampling)
    for _, chain in walk(collector.sampling):
        path = " > ".join(policy.name or policy.type for policy in chain)
        assert any(sentence.startswith(f"{path}: ") for sentence in told)
    assert all(str(trap) for trap in warnings(collector.sampling))
    assert isinstance(explanations(collector.sampling), tuple)
    assert isinstance(differences(collector.sampling), tuple)
    Settings.model_validate(dict(collector.settings))


@pytest.mark.parametrize(("name", "code", "key", "words"), REFUSED, ids=str)
def test_a_published_mistake_is_refused_where_it_stands(
    name: str, code: str, key: str, words: str
) -> None:
    """File, line, column and key path, what is wrong, and what to write."""
    file = Path(__file__).parent / "published" / f"refused-{name}.yaml"
    with pytest.raises(SettingsError) as caught:
        parse(file.read_text(), file=file.name, environ={})
    first = caught.value.problems[0]
    assert (first.code, first.at.key) == (code, f"processors.tail_sampling.{key}")
    assert first.at.file == file.name
    assert first.at.line
    assert first.at.line > 1
    assert first.at.column
    assert words in first.say


@pytest.mark.parametrize(
    ("name", "code"), [("two-samplers", "several_samplers"), ("no-sampler", "no_sampler")]
)
def test_a_sampler_must_be_named_or_there(name: str, code: str) -> None:
    """None, or more than one that is used, is an error at processors."""
    file = Path(__file__).parent / "published" / f"refused-{name}.yaml"
    with pytest.raises(SettingsError) as caught:
        parse(file.read_text(), environ={})
    assert (caught.value.code, caught.value.at.key) == (code, "processors")


def test_there_are_enough_of_them_and_each_says_what_it_shows() -> None:
    """Fifty and more that load, and no file that the tables forget."""
    assert len(LOADING) >= 50
    listed = {name for name, *_ in REFUSED} | {"two-samplers", "no-sampler"}
    assert {file.stem.removeprefix("refused-") for file in FILES if file not in LOADING} == listed
    assert all(file.read_text().startswith("# ") for file in FILES)
