"""What cannot be converted is refused, and what is meant to hurt does not."""

from __future__ import annotations

import json

import pytest

from tailsampler.convert import Wanted, convert
from tailsampler.errors import SettingsError
from tailsampler.settings.load import parse
from tests.convert.test_collector import COLLECTOR, loaded
from tests.convert.ways import native, yaml


class TestRefusals:
    """What cannot be converted ends with a code, a place and what to do."""

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("", "empty_file"),
            (" \n\n", "empty_file"),
            ("a: 1\n", "unknown_source"),
            ("[1, 2]\n", "unknown_source"),
            ("just words\n", "unknown_source"),
            ("receivers: {}\nprocessors: {batch: {}}\n", "no_sampler"),
            ("tail_sampling: {policies: {}}\n", "not_a_list"),
            ("tail_sampling: [1]\n", "not_a_section"),
            ("tail_sampling: {policies: [7]}\n", "not_a_policy"),
            ("tail_sampling: {policy: []}\n", "key_not_supported"),
            ("tail_sampling: {decision_wait: soon}\n", "not_a_duration"),
            ("tail_sampling: {policies: [{name: a, type: nothing}]}\n", "unknown_policy_type"),
            ("tail_sampling: {decision_wait: '${vault:x}'}\n", "unknown_reference"),
            ("tail_sampling: {a: '${env:x'}\n", "reference_not_closed"),
            ("tail_sampling: {\n", "not_yaml"),
            ("tail_sampling: {a: 1, a: 2}\n", "duplicate_key"),
            ("tail_sampling: " + "[" * 40 + "]" * 40, "too_deep"),
            ("tail_sampling: " + "[" * 20_000, "too_deep"),
            ("a: &a [1]\nb: &b [*a, *a]\ntail_sampling: {policies: *c}\n", "not_yaml"),
            ("# x" * (1 << 19), "too_large"),
            ("compat: 7\ntail_sampling: {}\n", "unknown_version"),
            ("tail_sampling: {num_traces: " + "1" * 5_000 + "}\n", "number_in_quotes"),
        ],
    )
    def test_each_has_its_code(self, text: str, code: str) -> None:
        """And all problems are told at once."""
        with pytest.raises(SettingsError) as error:
            native(text)
        assert code in [problem.code for problem in error.value.problems], error.value

    def test_several_samplers_are_not_guessed(self) -> None:
        """Where pipelines do not decide which one is used."""
        text = yaml({**COLLECTOR, "service": {}})
        with pytest.raises(SettingsError) as error:
            native(text)
        assert error.value.code == "several_samplers"
        assert native(text, name="tail_sampling/edge").sampler == "tail_sampling/edge"
        with pytest.raises(SettingsError, match="did you mean tail_sampling/edge"):
            native(text, name="tail_sampling/edgy")

    def test_more_policies_than_anybody_has_are_refused(self) -> None:
        """Each is compared with all before it, which must come to an end."""
        asks = {"name": "s", "type": "latency"}
        policies = [
            {**asks, "name": f"p{at}", "latency": {"threshold_ms": 900 - at}} for at in range(501)
        ]
        with pytest.raises(SettingsError) as error:
            native(json.dumps({"tail_sampling": {"policies": policies}}))
        assert error.value.code == "too_many_policies"

    def test_half_a_character_is_refused(self) -> None:
        """It can be written in a file and cannot be written out."""
        text = 'tail_sampling: {policies: [{name: "\\ud800", type: always_sample}]}'
        with pytest.raises(SettingsError) as error:
            native(text)
        assert error.value.code == "half_a_character"

    def test_half_a_character_from_outside_is_refused(self) -> None:
        """As the environment holds what is not UTF-8."""
        sampler = 'otelcol.processor.tail_sampling "x" {\npolicy {\nname = env("A")\n}\n}'
        with pytest.raises(SettingsError) as error:
            convert(sampler, "f", {"A": "\udcff"}, Wanted())
        assert error.value.code == "half_a_character"

    def test_an_outcome_that_does_not_run_is_not_handed_out(self) -> None:
        """Two doors on one port: it is said which, and nothing is written."""
        otlp = {"protocols": {"grpc": {"endpoint": "0.0.0.0:7317"}}}
        with pytest.raises(SettingsError) as error:
            native(yaml({**COLLECTOR, "receivers": {"otlp": otlp}}))
        assert error.value.code == "address_taken"


HOSTILE = (
    "x\nadmin: {endpoint: 0.0.0.0:1}",
    "x\radmin: {}",
    "x\x85admin: {}",
    "x\u2028admin: {}",
    "# }] - ' \" & * ! | > % @ ` ,",
    "'",
    '"',
    "- a",
    "a: b",
    "true",
    "1",
    "x" * 500,
    "two  blanks   and a tab\t.",
    "word " * 60,
    "\u00e9\u4e16",
    "\x7f\x9f",
)


@pytest.mark.parametrize("target", ["native", "tail_sampling"])
@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_data_and_nothing_else(name: str, target: str) -> None:
    """In values and in comments: what is read back is what was written, and no key more."""
    left = {"name": f"{name}2", "type": "trace_flags"}
    data = {"policies": [{"name": name, "type": "always_sample"}, left]}
    done = native(json.dumps({"tail_sampling": data}), target=target)
    section = "sampling" if target == "native" else "tail_sampling"
    assert set(loaded(done)) == {section}
    assert loaded(done)[section]["policies"][0]["name"] == name
    settings = parse(done.config, environ={})
    chain = settings.sampling if settings.tail_sampling is None else settings.tail_sampling
    assert chain.policies[0].name == name
