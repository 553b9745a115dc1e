"""Every mistake is found where it stands, by name, with what to write instead."""

import re

import pytest

from tailsampler.errors import SettingsError
from tailsampler.settings.document import read_document
from tailsampler.settings.load import parse
from tests.settings.mistakes import ALL, CHAIN, FORM, KEYS, TOGETHER, UNITS, VALUES, Mistake


def problems_of(text: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        parse(text, file="f.yaml", environ={})
    return caught.value


@pytest.mark.parametrize("mistake", ALL, ids=lambda mistake: f"{mistake.code}-{mistake.key}")
def test_a_mistake_is_named_with_its_place_and_the_way_out(mistake: Mistake) -> None:
    """File, line, column, key path, what is wrong, and what to write instead."""
    at = mistake.text.find("@@")
    error = problems_of(mistake.text.replace("@@", ""))
    assert len(error.problems) == 1, error.render()
    assert error.code == mistake.code
    assert mistake.fix in error.say
    assert error.at.key == mistake.key
    assert error.at.line == mistake.text.count("\n", 0, at) + 1
    assert error.at.column == at - mistake.text.rfind("\n", 0, at)
    place = f"f.yaml:{error.at.line}:{error.at.column} {mistake.key}".rstrip()
    assert error.render() == f"{place}: {error.say}"


def test_all_mistakes_of_a_file_are_reported_in_one_run() -> None:
    """Nobody mends one line, runs it again, and learns of the next."""
    text = """
recieve: {}
buffer: {max_bytes: 8G, fsync: {interval: 1}}
sampling:
  decision_wait: 10
  policies:
    - {name: a, sample_rate: 10}
    - {name: b, sample_rate: 1}
    - {name: b, service_name: x, sample_rate: 0.1, wait: 1s}
export: [{type: debug}, {type: otlp_grpc}]
admin: {endpoint: 0.0.0.0:1, endpoint: 127.0.0.1:1}
"""
    found = [(problem.code, problem.at.key) for problem in problems_of(text).problems]
    assert found == [
        ("unknown_key", "recieve"),
        ("unknown_size_unit", "buffer.max_bytes"),
        ("duration_without_unit", "buffer.fsync.interval"),
        ("duration_without_unit", "sampling.decision_wait"),
        ("rate_in_per_cent", "sampling.policies[0].sample_rate"),
        ("default_not_last", "sampling.policies[1]"),
        ("duplicate_policy", "sampling.policies[2].name"),
        ("unknown_key", "sampling.policies[2].wait"),
        ("exporter_not_supported", "export[0]"),
        ("missing_key", "export[1].endpoint"),
        ("listener_without_authentication", "admin.endpoint"),
        ("duplicate_key", "admin.endpoint"),
    ]


def test_a_file_that_contains_itself_ends() -> None:
    """An anchor inside of its own mapping is an error, not an endless walk."""
    codes = {problem.code for problem in problems_of("late: &a {b: *a}\n").problems}
    assert "too_deep" in codes


def test_every_message_says_what_is_wrong_and_then_what_to_write() -> None:
    """Two halves: a person who reads only the second can still mend it."""
    for mistake in ALL:
        say = problems_of(mistake.text.replace("@@", "")).say
        assert re.search(r"[;,:] .+", say), say
        assert not say.endswith("."), say


def test_codes_are_slugs() -> None:
    """A program may tell problems apart by them."""
    for mistake in ALL:
        assert re.fullmatch(r"[a-z_]+", mistake.code)


def test_the_table_holds_at_least_forty_mistakes_of_every_kind() -> None:
    """A mistake that somebody made once is added here, never taken out."""
    assert len(ALL) >= 40
    assert all(len(kind) >= 5 for kind in (KEYS, UNITS, VALUES, CHAIN, TOGETHER, FORM))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[" * 5_000, "too_deep"),
        ("a: " + "{b: " * 3_000, "too_deep"),
        ('sampling: {policies: [{name: "\\ud800", sample_rate: 1}]}', "half_a_character"),
        (f"late: {{max_traces: {'9' * 5_000}}}", "number_in_quotes"),
    ],
)
def test_odd_text_is_refused_in_words(text: str, code: str) -> None:
    """Nesting beyond Python's stack, half a character, and a number of 5,000 digits."""
    with pytest.raises(SettingsError) as caught:
        parse(text, environ={})
    assert [problem.code for problem in caught.value.problems] == [code]


def test_an_equals_sign_is_text() -> None:
    """YAML 1.1 has a type of its own for it."""
    document = read_document("a: =", "x", lambda value: value)
    assert (document.data, document.problems) == ({"a": "="}, [])
