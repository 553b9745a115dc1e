"""Grafana Alloy's sampler: its syntax, its block, and what stands around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tailsampler.convert import Converted, Wanted, convert
from tailsampler.convert.alloy import is_alloy
from tailsampler.convert.alloy.syntax import Block, parse
from tailsampler.convert.alloy.values import UnknownError, Values
from tailsampler.convert.references import Environment
from tailsampler.errors import SettingsError
from tests.convert.ways import policies

GATEWAY = Path(__file__).parent / "published" / "gateway.alloy"
OUTPUT = "output { traces = [] }"


def sampler(body: str, label: str = "x") -> str:
    return f'otelcol.processor.tail_sampling "{label}" {{\n{body}\n{OUTPUT}\n}}\n'


def policy(kind: str, block: str, name: str = "p") -> str:
    return f'policy {{\n name = "{name}"\n type = "{kind}"\n {block}\n}}'


def done(text: str, **wanted: Any) -> Converted:
    return convert(text, "config.alloy", {}, Wanted(**wanted))


def loaded(outcome: Converted) -> Any:
    return YAML(typ="safe", pure=True).load(outcome.config)


def value(text: str) -> Any:
    return first_value(f"a = {text}\n")


def first_value(text: str) -> Any:
    root = parse(text, "f")
    return Values(text, "f", Environment({"SET": "x"})).of(root.attributes[0].value)


class TestSyntax:
    """What Alloy's language looks like."""

    @pytest.mark.parametrize(
        ("text", "plain"),
        [
            ("10", 10),
            ("-5", -5),
            ("15.0", 15.0),
            (".5", 0.5),
            ("1e3", 1000.0),
            ("2.5E-1", 0.25),
            ("true", True),
            ("null", None),
            ('"a b"', "a b"),
            (r'"\a\b\f\n\r\t\v\\\""', '\a\b\f\n\r\t\v\\"'),
            (r'"\101\x41\u0041\U00000041"', "AAAA"),
            (r'"\xc3\xa9"', "\u00e9"),
            (r"`a\n${x}`", r"a\n${x}"),
            ("`two\nlines`", "two\nlines"),
            ("[]", []),
            ("[1, [2], ]", [1, [2]]),
            ("[\n1,\n2,\n]", [1, 2]),
            ("{}", {}),
            ('{ a = 1, "b c" = { d = "e" }, }', {"a": 1, "b c": {"d": "e"}}),
            ('sys.env("SET")', "x"),
            ('env("SET")', "x"),
            ("(5)", 5),
            ("[true, false]", [True, False]),
        ],
    )
    def test_literals_are_read(self, text: str, plain: Any) -> None:
        """Numbers, texts with the escapes of Go, lists, objects, and the environment."""
        assert value(text) == plain

    @pytest.mark.parametrize(
        "text",
        [
            "local.file.teams.content",
            "argument.teams.value",
            'coalesce(env("A"), "b")',
            '"a" + "b"',
            "1 + 2 * 3 ^ 4 - 5 / 6 % 7",
            "!true",
            '-"a"',
            "a.b[0](1, 2,)",
            "env(name)",
            'env("not a name")',
            "1 == 2 || 3 < 4 && 5 >= 6",
            "[1, a.b]",
            "{ a = b.c }",
        ],
    )
    def test_what_only_alloy_knows_is_named(self, text: str) -> None:
        """An expression is no value here, and is shown with its place."""
        with pytest.raises(UnknownError) as unknown:
            value(text)
        assert unknown.value.what
        assert unknown.value.at.line == 1

    def test_blocks_have_names_and_labels(self) -> None:
        """Also on one line, with dots, in one another, beside comments."""
        text = '// first\na.b "l" { c = 1 }\n/* { */\nd { e { f = 2 } } // g {\n'
        root = parse(text, "f")
        assert [(one.name, one.label) for one in root.blocks] == [("a.b", "l"), ("d", "")]
        assert next(root.blocks[1].named("e")).attributes[0].name == "f"

    @pytest.mark.parametrize(
        ("text", "line", "words"),
        [
            ('a = "open\n', 1, "not closed"),
            ("a = `open\nb = 1\n", 1, "not closed"),
            ("/* open\n", 1, "comment is not closed"),
            ("a {\n b = 1\n", 3, "too early"),
            ("a = 'b'\n", 1, "double quotes"),
            ("a = \n", 2, "too early"),
            ("= 1\n", 1, "not expected"),
            ("a = 1\n}\n", 2, "not expected"),
            ("a = [1 2]\n", 1, "not expected"),
            ("a \x00 = 1\n", 1, "not expected"),
            ('a = "\\q"\n', 1, "no escape"),
            ('a = "\\777"\n', 1, "no escape"),
            ('a = "\\ud800"\n', 1, "no escape"),
            ('a = "\\xff"\n', 1, "not UTF-8"),
        ],
    )
    def test_what_is_wrong_is_found_where_it_is(self, text: str, line: int, words: str) -> None:
        """With the line, and with what to write."""
        with pytest.raises(SettingsError, match=words) as error:
            first_value(text)
        assert error.value.at.line == line

    def test_a_key_stands_once(self) -> None:
        """As in Alloy."""
        with pytest.raises(SettingsError, match="second time"):
            parse("a = 1\na = 2\n", "f")

    @pytest.mark.parametrize(
        "text",
        [
            "a = " + "[" * 5_000 + "]" * 5_000,
            "a = " + "-" * 5_000 + "1",
            "a {" * 5_000 + "}" * 5_000,
            "a = b" + ".c" * 5_000,
        ],
    )
    def test_depth_is_bounded(self, text: str) -> None:
        """Nesting ends in an error that is told, and not in one of ours."""
        with pytest.raises(SettingsError, match="levels deep"):
            parse(text, "f")

    def test_parentheses_are_no_depth(self) -> None:
        """They say nothing, so as many as somebody likes may stand there."""
        assert value("(" * 5_000 + "1" + ")" * 5_000) == 1


class TestTellingApart:
    """Whether a file is Alloy's."""

    def test_blanks_cost_nothing(self) -> None:
        """However many lines there are, each is looked at once; otherwise this would not end."""
        assert not is_alloy("\n" * 500_000 + " " * 500_000)

    @pytest.mark.parametrize(
        ("text", "alloy"),
        [
            (sampler(""), True),
            ('  otelcol.processor.tail_sampling   "a"\n{', True),
            ("# otelcol.processor.tail_sampling\ntail_sampling: {policies: []}", False),
            ("processors: {tail_sampling: {}}", False),
            ('otelcol.processor.batch "x" { }', False),
        ],
    )
    def test_it_is_told_by_its_block(self, text: str, *, alloy: bool) -> None:
        """And by nothing that a comment elsewhere says."""
        assert is_alloy(text) is alloy


class TestSampler:
    """The block of the sampler."""

    def test_numbers_and_texts_are_converted_as_alloy_does(self) -> None:
        """A number in quotes is a number, and a number where a text is wanted is a text."""
        block = 'string_attribute {\n key = "k"\n values = [200, "a"]\n cache_max_size = "7"\n}'
        [one] = loaded(done(sampler(policy("string_attribute", block)), target="tail_sampling"))[
            "tail_sampling"
        ]["policies"]
        assert one["string_attribute"] == {"key": "k", "values": ["200", "a"], "cache_max_size": 7}

    def test_invert_match_of_a_switch_is_forgotten_as_alloy_forgets_it(self) -> None:
        """And that is said, since somebody has meant it."""
        block = 'boolean_attribute {\n key = "k"\n value = true\n invert_match = true\n}'
        outcome = done(sampler(policy("boolean_attribute", block)), target="tail_sampling")
        [one] = loaded(outcome)["tail_sampling"]["policies"]
        assert one["boolean_attribute"] == {"key": "k", "value": True}
        assert "does not pass it on" in outcome.notes.changed[0].what

    def test_a_policy_with_an_unknown_value_is_left_out(self) -> None:
        """It is named with the line and column of the expression."""
        block = 'string_attribute {\n key = "k"\n values = local.file.teams.content\n}'
        text = sampler(policy("always_sample", "", "all") + policy("string_attribute", block))
        [note] = [one for one in done(text).notes.left_out if one.name == "p"]
        assert (note.name, note.effect) == ("p", "keeps less")
        assert "local.file.teams.content (line 11, column 11)" in note.what

    def test_an_unknown_drop_keeps_more(self) -> None:
        """What it dropped is judged by the others."""
        block = 'drop {\n drop_sub_policy {\n name = a.b\n type = "always_sample"\n}\n}'
        text = sampler(policy("always_sample", "", "all") + policy("drop", block))
        assert done(text).notes.left_out[0].effect == "keeps more"

    def test_an_option_with_an_unknown_value_takes_the_default(self) -> None:
        """And is told as changed."""
        text = sampler("decision_wait = argument.wait.value\n" + policy("always_sample", ""))
        outcome = done(text)
        assert "decision_wait: 30s" in outcome.config
        assert [note.name for note in outcome.notes.changed] == ["decision_wait"]

    def test_a_block_with_an_unknown_value_takes_the_defaults(self) -> None:
        """As an option does."""
        text = sampler(
            "decision_cache {\n sampled_cache_size = a.b\n}\n" + policy("always_sample", "")
        )
        assert [note.name for note in done(text).notes.changed] == ["decision_cache"]

    def test_the_environment_stays_a_reference(self) -> None:
        """Whether or not the variable is set where the file is converted."""
        span = 'span = [`resource.attributes["service.name"] == "a"`]'
        block = 'string_attribute {\n key = "service.name"\n values = ["a", sys.env("OTHER")]\n}'
        text = sampler(
            policy("string_attribute", block)
            + policy(
                "ottl_condition", f'ottl_condition {{\n error_mode = "ignore"\n {span}\n}}', "q"
            )
        )
        for environ in ({}, {"OTHER": "secret-service"}):
            outcome = convert(text, "f", environ, Wanted())
            assert policies(outcome)[0]["service_name"] == ["a", "${env:OTHER}"]
            assert "secret-service" not in outcome.config
            assert list(outcome.unset) == ([] if environ else ["${env:OTHER}"])

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ("decision_wait = 30", "not_a_duration"),
            ('decision_wait = "0s"', "out_of_range"),
            ('decision_wait = "-1s"', "out_of_range"),
            ('num_traces = "many"', "not_a_whole_number"),
            ("sample_on_first_match = 1", "not_a_switch"),
            ("num_shard = 4", "unknown_key"),
            ("decision_cache = 5", "not_a_section"),
            (policy("latency", "latency { threshold_ms = [1] }"), "not_a_whole_number"),
            (policy("latency", "latency { }\n latency { }"), "duplicate_key"),
            (policy("status_code", 'status_code { status_codes = "ERROR" }'), "not_a_list"),
            (
                policy("status_code", 'status_code { status_codes = ["BAD"] }'),
                "unknown_status_code",
            ),
            (policy("latencies", ""), "unknown_policy_type"),
            (policy("always_sample", "", ""), "no_policy_name"),
            (policy("always_sample", "") + policy("always_sample", ""), "duplicate_policy"),
        ],
    )
    def test_what_alloy_would_refuse_is_refused(self, body: str, code: str) -> None:
        """With the line of the file."""
        with pytest.raises(SettingsError) as error:
            done(sampler(body))
        assert code in [problem.code for problem in error.value.problems]
        assert all((problem.at.line or 0) >= 1 for problem in error.value.problems)

    def test_samplers_are_told_apart_by_their_labels(self) -> None:
        """One is converted; none is guessed."""
        text = sampler(policy("always_sample", "", "a"), "one") + sampler(
            policy("always_sample", "", "b"), "two"
        )
        with pytest.raises(SettingsError, match="one, two"):
            done(text)
        with pytest.raises(SettingsError, match="did you mean two"):
            done(text, name="twi")
        for name in ("two", 'otelcol.processor.tail_sampling "two"', "tail_sampling/two"):
            assert policies(done(text, name=name))[0]["name"] == "b"

    def test_a_file_without_a_sampler_is_refused(self) -> None:
        """Where it is said to be Alloy's."""
        with pytest.raises(SettingsError) as error:
            done('otelcol.processor.batch "x" { }', kind="alloy")
        assert error.value.code == "no_sampler"


class TestGateway:
    """A whole file, as the examples of the documentation have it."""

    def test_it_becomes_a_chain(self) -> None:
        """With what native policies can ask for, in the order in which they decide."""
        outcome = done(GATEWAY.read_text())
        assert policies(outcome) == [
            {"name": "drop-probes", "service_name": "probe", "sample_rate": 0.0},
            {"name": "errors", "error_status": True, "sample_rate": 1.0},
            {"name": "slow", "duration_threshold_ms": 751, "sample_rate": 1.0},
            {"name": "checkout", "service_name": "checkout", "sample_rate": 0.5125},
            {"name": "rest", "sample_rate": 0.025},
        ]
        left = {note.name: note.effect for note in outcome.notes.left_out}
        assert {"debug", "routes", "teams", "budget"} <= left.keys()
        assert {left[one] for one in ("debug", "routes", "teams", "budget")} == {"keeps less"}

    def test_it_becomes_a_block(self) -> None:
        """Every policy but the one that only Alloy knows, with its texts as they were."""
        block = loaded(done(GATEWAY.read_text(), target="tail_sampling"))["tail_sampling"]
        assert [one["name"] for one in block["policies"]] == [
            "drop-probes", "errors", "slow", "debug", "checkout", "routes", "budget", "rest",
        ]  # fmt: skip
        assert block["policies"][5]["string_attribute"]["values"] == [
            r"^/api/v\d+/$${id}$$$$",  # a dollar sign is doubled in our files
            "\\/caf\u00e9//",
        ]
        assert block["decision_cache"] == {
            "sampled_cache_size": 100000,
            "non_sampled_cache_size": 1000000,
        }
        assert block["policies"][7]["probabilistic"]["hash_salt"] == "${env:SALT}"

    def test_its_doors_and_backends_come_along(self) -> None:
        """Found by following the graph; secrets stay references."""
        outcome = done(GATEWAY.read_text())
        data = loaded(outcome)
        assert data["receive"]["otlp_grpc"] == {
            "endpoint": "0.0.0.0:14317",
            "max_recv_msg_size_mib": 16,
        }
        assert data["receive"]["otlp_http"] == {"endpoint": "0.0.0.0:4318"}
        assert data["export"] == [
            {
                "type": "otlp_grpc",
                "name": "otlp/tempo",
                "endpoint": "${env:TEMPO_ENDPOINT}",
                "headers": {"x-scope-orgid": "shop", "authorization": "${env:TEMPO_TOKEN}"},
                "timeout": "4s",
                "compression": "gzip",
                "tls": {"ca_file": "/etc/ssl/tempo.pem", "server_name_override": "tempo.internal"},
                "retry_on_failure": {"initial_interval": "2s"},
            }
        ]
        assert list(outcome.unset) == ["${env:SALT}", "${env:TEMPO_ENDPOINT}", "${env:TEMPO_TOKEN}"]

    def test_what_stands_around_and_stays_behind_is_listed(self) -> None:
        """Processors on the way, connectors beside it, and a backend that only Alloy knows."""
        left = {note.name: note for note in done(GATEWAY.read_text()).notes.left_out}
        assert "processor attributes/scrub" in left
        assert "exporter otlp/second" in left
        assert "exporter otlp/second client endpoint" in left
        assert left["processor attributes/scrub"].at.line == 167

    def test_parts_that_have_nothing_to_do_with_it_are_not(self) -> None:
        """Metrics that go another way are nobody's concern here."""
        told = [note.name for note in done(GATEWAY.read_text()).notes.left_out]
        assert not [one for one in told if "mimir" in one or "batch" in one]


def test_a_block_is_found_by_name() -> None:
    """``Block`` says what is in it."""
    root = parse("a { }\nb { }\na { }\n", "f")
    assert isinstance(root, Block)
    assert len(list(root.named("a"))) == 2
