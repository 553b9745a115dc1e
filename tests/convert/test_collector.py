"""A Collector's configuration, as a chain of ours and as the block that it was."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from ruamel.yaml import YAML

from tailsampler.convert import Converted, Wanted, convert
from tailsampler.errors import SettingsError
from tailsampler.settings.load import parse
from tests.convert.ways import block, effects, native, policies, yaml

ALL = {"name": "all", "type": "always_sample"}
COLLECTOR: dict[str, Any] = {
    "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": "0.0.0.0:4317"}}}},
    "processors": {
        "batch": {},
        "redaction/cards": {},
        "tail_sampling/edge": {"decision_wait": "20s", "num_traces": 1000, "policies": [ALL]},
        "tail_sampling/other": {"policies": []},
    },
    "exporters": {
        "otlp/tempo": {
            "endpoint": "http://tempo:4317",
            "headers": {"authorization": "Bearer ${env:TOKEN}", "x": "${file:/no/such/file}"},
        },
        "debug": {},
    },
    "service": {
        "pipelines": {
            "traces": {
                "receivers": ["otlp"],
                "processors": ["redaction/cards", "tail_sampling/edge", "batch"],
                "exporters": ["otlp/tempo", "debug"],
            }
        }
    },
}


def loaded(done: Converted) -> Any:
    return YAML(typ="safe", pure=True).load(done.config)


def one(kind: str, settings: Any = None, **policy: Any) -> str:
    inner = {} if settings is None else {kind: settings}
    return block(policies=[{"name": "p", "type": kind, **inner, **policy}, ALL])


def test_a_whole_configuration_comes_along() -> None:
    """Doors, backends and the sampler that a pipeline holds, with references as they were."""
    done = native(yaml(COLLECTOR))
    assert loaded(done) == {
        "receive": {
            "otlp_grpc": {"endpoint": "0.0.0.0:4317"},
            "otlp_http": {"enabled": False},
        },
        "sampling": {
            "decision_wait": "20s",
            "policies": [{"name": "all", "sample_rate": 1.0}],
        },
        "export": [
            {
                "type": "otlp_grpc",
                "name": "otlp/tempo",
                "endpoint": "tempo:4317",
                "headers": {"authorization": "Bearer ${env:TOKEN}", "x": "${file:/no/such/file}"},
                "tls": {"insecure": True},
            }
        ],
    }
    assert [note.name for note in done.notes.left_out] == [
        "processor redaction/cards",
        "exporter debug",
    ]
    assert list(done.unset) == ["${env:TOKEN}", "${file:/no/such/file}"]


def test_what_has_no_meaning_here_is_no_difference() -> None:
    """Options that bound a Collector's memory are told as carried, with what they are here."""
    done = native(block(num_traces=5, decision_cache={"sampled_cache_size": 7}, policies=[ALL]))
    assert done.notes.exact
    assert {"num_traces", "decision_cache"} <= {note.name for note in done.notes.carried}


def test_no_value_of_the_environment_is_written() -> None:
    """Neither in the configuration nor in the list, wherever the reference stands."""
    data = {
        "policies": [
            {
                "name": "${env:SECRET}",
                "type": "string_attribute",
                "string_attribute": {"key": "${env:SECRET}", "values": ["a"]},
            },
            {
                "name": "b",
                "type": "string_attribute",
                "string_attribute": {
                    "key": "service.name",
                    "values": ["${env:SECRET}", "x-${env:SECRET}"],
                },
            },
            {
                "name": "c",
                "type": "and",
                "and": {
                    "and_sub_policy": [
                        {
                            "name": "d",
                            "type": "string_attribute",
                            "string_attribute": {
                                "key": "service.name",
                                "values": ["${env:SECRET}"],
                            },
                        },
                        {
                            "name": "e",
                            "type": "string_attribute",
                            "string_attribute": {"key": "service.name", "values": ["y"]},
                        },
                    ]
                },
            },
            {
                "name": "${env:SECRET}2",
                "type": "ottl_condition",
                "ottl_condition": {
                    "span": ['resource.attributes["service.name"] == "${env:SECRET}"']
                },
            },
        ],
    }
    for target in ("native", "tail_sampling"):
        done = convert(block(**data), "f", {"SECRET": "hunter2"}, Wanted(target=target))
        assert "hunter2" not in done.config
        assert "hunter2" not in str(done.notes.as_json())
        assert "${env:SECRET}" in done.config


def test_a_number_from_outside_is_reckoned_with() -> None:
    """A share has to be worked out, so its reference cannot stay, which is told."""
    text = block(
        policies=[
            {
                "name": "p",
                "type": "probabilistic",
                "probabilistic": {"sampling_percentage": "${env:SHARE}"},
            }
        ]
    )
    done = convert(text, "f", {"SHARE": "25"}, Wanted())
    assert policies(done)[0]["sample_rate"] == 0.25
    assert "${env:SHARE}" in done.notes.changed[-1].what
    with pytest.raises(SettingsError) as error:
        convert(text, "f", {}, Wanted())
    assert error.value.code == "variable_not_set"
    assert "set it while you convert" in error.value.say


def test_a_default_of_a_reference_is_its_value() -> None:
    """Where the variable is not set."""
    text = block(decision_wait="${env:WAIT:-7s}", policies=[ALL])
    assert "decision_wait: 7s" in convert(text, "f", {}, Wanted()).config
    done = convert(text, "f", {}, Wanted(target="tail_sampling"))
    assert loaded(done)["tail_sampling"]["decision_wait"] == "${env:WAIT:-7s}"


def test_an_address_with_its_scheme_outside_is_left_out() -> None:
    """host:port is needed, and taking it out of the variable is not for a file to do."""
    data = {**COLLECTOR, "exporters": {"otlp/tempo": {"endpoint": "${env:TEMPO}"}, "debug": {}}}
    done = convert(yaml(data), "f", {"TEMPO": "http://tempo:4317"}, Wanted())
    assert "export" not in loaded(done)
    told = {note.name: note.what for note in done.notes.left_out}
    assert "scheme" in told["exporter otlp/tempo"]
    assert "local trace store" in told["export"]
    done = convert(yaml(data), "f", {"TEMPO": "tempo:4317"}, Wanted())
    assert loaded(done)["export"][0]["endpoint"] == "${env:TEMPO}"


def test_a_file_of_ours_keeps_what_stands_beside_its_block() -> None:
    """From the one chain to the other, with the version that it names."""
    text = yaml(
        {
            "data_directory": "data/x",
            "tail_sampling": {
                "policies": [{"name": "slow", "type": "latency", "latency": {"threshold_ms": 50}}]
            },
            "compat": "0.155",
            "export": [{"type": "file"}],
            "telemetrie": {},
        }
    )
    done = native(text)
    assert loaded(done)["data_directory"] == "data/x"
    assert loaded(done)["export"] == [{"type": "file"}]
    assert policies(done) == [{"name": "slow", "duration_threshold_ms": 50, "sample_rate": 1.0}]
    assert [note.name for note in done.notes.left_out] == ["telemetrie"]
    assert loaded(native(text, target="tail_sampling"))["compat"] == "0.155"


CANNOT: dict[str, tuple[Any, str]] = {
    "trace_flags": (None, "sampled flag"),
    "trace_state": ({"key": "k", "values": ["v"]}, "tracestate"),
    "span_count": ({"min_spans": 2}, "number of spans"),
    "rate_limiting": ({"spans_per_second": 5}, "spans a second"),
    "bytes_limiting": ({"bytes_per_second": 5}, "bytes a second"),
    "boolean_attribute": ({"key": "k", "value": True}, "switch"),
    "string_attribute": ({"key": "http.route", "values": ["/a"]}, "http.route"),
    "numeric_attribute": ({"key": "retries", "min_value": 1, "max_value": 2}, "retries"),
    "ottl_condition": ({"span": ['name == "a"']}, "OTTL"),
    "not": ({"not_sub_policy": ALL}, "opposite"),
    "composite": ({"max_total_spans_per_second": 5}, "budget"),
}


@pytest.mark.parametrize("kind", CANNOT)
def test_what_no_native_policy_can_ask_is_left_out_and_named(kind: str) -> None:
    """With its place, what it asked for, and that less is kept; dropping it would keep more."""
    settings, words = CANNOT[kind]
    done = native(one(kind, settings))
    [note] = done.notes.left_out
    assert (note.name, note.effect, note.at.line) == ("p", "keeps less", 4)
    assert words in note.what
    assert "Left out: p (line 4)" in done.config.replace("\n# ", " ")
    if kind in {"not", "composite"}:
        return
    sub = {"name": "s", "type": kind, **({} if settings is None else {kind: settings})}
    if kind != "not":
        [note] = native(one("drop", {"drop_sub_policy": [sub]})).notes.left_out
        assert (note.effect, "judged by the other policies" in note.what) == ("keeps more", True)


def test_a_share_of_drops_is_left_out() -> None:
    """A native policy that drops a share keeps the rest, and this one lets others decide."""
    sub = {"name": "s", "type": "probabilistic", "probabilistic": {"sampling_percentage": 50}}
    [note] = native(one("drop", {"drop_sub_policy": [sub]})).notes.left_out
    assert "drops a share" in note.what


def test_a_condition_of_several_is_left_aside_where_more_is_kept() -> None:
    """The others stay, and the list says what comes on top."""
    subs = [
        {"name": "a", "type": "latency", "latency": {"threshold_ms": 99}},
        {
            "name": "b",
            "type": "string_attribute",
            "string_attribute": {"key": "team", "values": ["x"]},
        },
    ]
    done = native(block(policies=[{"name": "p", "type": "and", "and": {"and_sub_policy": subs}}]))
    assert policies(done) == [{"name": "p", "duration_threshold_ms": 100, "sample_rate": 1.0}]
    assert effects(done.notes) == {"keeps more"}
    assert "team" in done.notes.changed[0].what


def test_nothing_but_a_share_is_no_condition() -> None:
    """5 % of some traces do not become 5 % of all."""
    subs = [
        {
            "name": "a",
            "type": "string_attribute",
            "string_attribute": {"key": "team", "values": ["x"]},
        },
        {"name": "b", "type": "probabilistic", "probabilistic": {"sampling_percentage": 5}},
    ]
    done = native(
        block(policies=[{"name": "p", "type": "and", "and": {"and_sub_policy": subs}}, ALL])
    )
    assert [one["name"] for one in policies(done)] == ["all"]
    assert done.notes.left_out[0].name == "p"


def test_a_chain_that_would_drop_everything_is_refused() -> None:
    """Where all that keeps is left out; the target that can is named."""
    with pytest.raises(SettingsError) as error:
        native(block(policies=[{"name": "p", "type": "trace_flags"}]))
    assert [problem.code for problem in error.value.problems] == ["not_carried", "nothing_carried"]
    assert "--to tail_sampling" in error.value.problems[-1].say


def test_a_block_that_drops_everything_is_a_chain_that_does() -> None:
    """If the source has no policy that keeps, that is how it is."""
    never = {"name": "p", "type": "probabilistic"}
    for text in (block(), block(policies=[]), block(policies=[never])):
        done = native(text)
        assert policies(done) == [{"name": "nothing", "sample_rate": 0.0}]
        assert done.notes.exact


def test_a_drop_of_everything_ends_the_chain() -> None:
    """Behind it no policy is reached, in contrib or here."""
    drop = {"name": "none", "type": "drop", "drop": {"drop_sub_policy": []}}
    done = native(block(policies=[ALL, drop]))
    assert policies(done) == [{"name": "none", "sample_rate": 0.0}]
    assert done.notes.exact


@pytest.mark.parametrize(
    ("written", "after", "wait", "root"),
    [
        ("30s", None, "30s", None),
        ("2900ms", "1900ms", "2s900ms", "1s900ms"),
        ("200ms", None, "1s", None),
        ("10s", "500ms", "10s", "500ms"),
        ("10s", "10s", "10s", None),
        ("10s", "11s", "10s", None),
        ("2h", None, "1h", None),
    ],
)
def test_waits_lie_within_what_contrib_waits(
    written: str, after: str | None, wait: str, root: str | None
) -> None:
    """It counts whole seconds from its ticks, and what is written here lies within."""
    more = {} if after is None else {"decision_wait_after_root_received": after}
    options = loaded(native(block(**{"decision_wait": written, **more}, policies=[ALL])))[
        "sampling"
    ]
    assert options["decision_wait"] == wait
    assert options.get("decision_wait_after_root_received") == root


def test_a_bound_on_size_is_carried() -> None:
    """What is counted differs a little, and that is told."""
    done = native(block(maximum_trace_size_bytes=1 << 20, policies=[ALL]))
    assert loaded(done)["sampling"] | {"policies": []} == {
        "decision_wait": "2s",
        "max_trace_bytes": "1MiB",
        "large_traces": "drop",
        "policies": [],
    }
    assert effects(done.notes) == {"keeps more"}


class TestBlock:
    """To ``tail_sampling:``."""

    def test_everything_stays(self) -> None:
        """Policies, options, their order, numbers and texts."""
        written = {
            "decision_wait": "11s",
            "num_traces": "50_000",
            "policies": [
                {
                    "name": "a: #b",
                    "type": "string_attribute",
                    "string_attribute": {
                        "key": "k",
                        "values": [
                            "1e5",
                            "true",
                            "~",
                            "a\nb",
                            "\u2028",
                            "\x85",
                            "",
                            " x",
                            "$$",
                            "${env:A:-b}",
                        ],
                        "enabled_regex_matching": False,
                    },
                },
                {
                    "name": "b",
                    "type": "probabilistic",
                    "probabilistic": {"hash_salt": "s", "sampling_percentage": 1.5},
                },
            ],
        }
        done = native(json.dumps({"tail_sampling": written}), target="tail_sampling")
        before = parse(json.dumps({"tail_sampling": written}), environ={})
        assert parse(done.config, environ={}).tail_sampling == before.tail_sampling
        assert loaded(done)["tail_sampling"]["num_traces"] == "50_000"
        assert "${env:A:-b}" in done.config
        assert done.notes.exact

    def test_what_this_program_cannot_run_is_left_out(self) -> None:
        """One policy of an extension, one with a function that is not here, one without bounds."""
        text = block(
            policies=[
                {"name": "ext", "type": "my_ext/1", "my_ext/1": {"a": 1}},
                {
                    "name": "fn",
                    "type": "ottl_condition",
                    "ottl_condition": {"span": ["Hour(Now()) == 1"]},
                },
                {"name": "open", "type": "numeric_attribute", "numeric_attribute": {"key": "k"}},
                {
                    "name": "no",
                    "type": "drop",
                    "drop": {
                        "drop_sub_policy": [
                            {
                                "name": "s",
                                "type": "numeric_attribute",
                                "numeric_attribute": {"key": "k"},
                            }
                        ]
                    },
                },
                ALL,
            ]
        )
        done = native(text, target="tail_sampling")
        assert [one["name"] for one in loaded(done)["tail_sampling"]["policies"]] == ["all"]
        assert [(note.name, note.effect) for note in done.notes.left_out] == [
            ("ext", "keeps less"),
            ("fn", "keeps less"),
            ("open", "keeps less"),
            ("no", "keeps more"),
        ]
        lines = [note.at.line or 0 for note in done.notes.left_out]
        assert lines == sorted(set(lines))

    def test_span_ingest_is_told(self) -> None:
        """Traces are judged once, and whole."""
        done = native(
            block(sampling_strategy="span-ingest", policies=[ALL]), target="tail_sampling"
        )
        assert "sampling_strategy" not in done.config
        assert [note.name for note in done.notes.changed] == ["sampling_strategy"]


def test_comments_say_what_a_policy_was() -> None:
    """Its name, its type, its line, and what differs."""
    done = native(
        block(
            policies=[
                {"name": "e", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}}
            ]
        )
    )
    assert "    # e (status_code, line 4)\n    # kept are also traces with a gRPC" in done.config


def test_a_piece_can_be_told_as_json() -> None:
    """Place, name, what, effect; nothing else."""
    done = native(one("trace_flags"))
    [left] = done.notes.as_json()["left_out"]
    assert set(left) == {"at", "name", "what", "effect"}
    assert set(left["at"]) == {
        field.name for field in dataclasses.fields(done.notes.left_out[0].at)
    }
