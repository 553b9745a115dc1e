"""A whole Collector configuration: which sampler, what comes along, and what does not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tailsampler.decide.dialects.contrib import (
    Collector,
    is_collector,
    parse,
    read_collector,
    samplers,
)
from tailsampler.decide.dialects.contrib.components import _MEANS, component_type, left
from tailsampler.errors import SettingsError
from tailsampler.settings.document import key_path
from tailsampler.settings.export import OtlpGrpcExporter
from tailsampler.settings.receive import Receive

ERRORS = {
    "policies": [{"name": "e", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}}]
}
GRPC = {"protocols": {"grpc": {"endpoint": "0.0.0.0:4317"}}}
TEMPO = {"endpoint": "tempo:4317", "tls": {"insecure": True}}


def config(**changes: Any) -> dict[str, Any]:
    """A plain one; ``changes`` are merged into its sections, ``pipelines`` into service's."""
    pipelines = changes.pop("pipelines", {})
    base: dict[str, Any] = {
        "receivers": {"otlp": GRPC},
        "processors": {"tail_sampling": ERRORS},
        "exporters": {"otlp": TEMPO},
        "connectors": {},
        "service": {
            "extensions": changes.pop("extensions", []),
            "pipelines": {
                "traces": {
                    "receivers": ["otlp"],
                    "processors": ["tail_sampling"],
                    "exporters": ["otlp"],
                },
                **pipelines,
            },
        },
    }
    return {key: {**value, **changes.get(key, {})} for key, value in base.items()}


def gone(collector: Collector) -> dict[str, str]:
    return {f"{one.kind} {one.name}": one.severity for one in collector.left}


def test_a_plain_one_comes_along_whole() -> None:
    """Its doors and its backend as our sections, and nothing is left behind."""
    read = read_collector(config())
    assert (read.processor, read.pipelines, read.left) == ("tail_sampling", ("traces",), ())
    assert key_path(read.at) == "processors.tail_sampling"
    assert read.settings == {
        "receive": {
            "otlp_grpc": {"endpoint": "0.0.0.0:4317"},
            "otlp_http": {"enabled": False},
        },
        "export": [{"type": "otlp_grpc", "name": "otlp", **TEMPO}],
    }


def test_a_sampler_is_taken_by_name_or_if_it_is_the_only_one_in_use() -> None:
    """Of two that are in use one must be named, and the message lists them."""
    two = config(processors={"tail_sampling/b": ERRORS})
    assert samplers(two) == ("tail_sampling", "tail_sampling/b")
    assert read_collector(two).processor == "tail_sampling"
    assert read_collector(two, "tail_sampling/b").pipelines == ()
    used = config(
        processors={"tail_sampling/b": ERRORS},
        pipelines={"traces/b": {"receivers": ["otlp"], "processors": ["tail_sampling/b"]}},
    )
    with pytest.raises(ValidationError, match="name one of tail_sampling, tail_sampling/b"):
        read_collector(used)
    with pytest.raises(ValidationError, match="did you mean tail_sampling/b"):
        read_collector(used, "tail_samplin/b")
    with pytest.raises(ValidationError, match="no tail_sampling processor"):
        read_collector({"processors": {"batch": {}}})


def test_a_pipeline_of_another_sampler_is_left_behind() -> None:
    """Its spans would go through this one instead."""
    read = read_collector(
        config(
            processors={"tail_sampling/b": ERRORS},
            pipelines={"traces/b": {"receivers": ["otlp"], "processors": ["tail_sampling/b"]}},
        ),
        "tail_sampling",
    )
    assert gone(read) == {"pipeline traces/b": "changes data"}


def test_a_bare_block_is_read_without_pipelines() -> None:
    """As articles show it, under the processor's name."""
    read = read_collector({"tail_sampling/edge": ERRORS})
    assert (read.processor, read.pipelines, read.settings) == ("tail_sampling/edge", (), {})
    assert not is_collector({"tail_sampling/edge": ERRORS})
    assert is_collector(config())
    assert is_collector({"spec": {"config": config()}})


def test_forward_joins_pipelines_and_nothing_else_does() -> None:
    """Doors before it and backends behind it are those of the sampler."""
    read = read_collector(
        config(
            connectors={"forward/in": None, "forward/out": None, "routing": {}},
            receivers={"otlp/in": GRPC},
            exporters={"otlp/out": TEMPO},
            pipelines={
                "traces/in": {
                    "receivers": ["otlp/in"],
                    "processors": ["redaction"],
                    "exporters": ["forward/in"],
                },
                "traces": {
                    "receivers": ["forward/in"],
                    "processors": ["tail_sampling"],
                    "exporters": ["forward/out", "routing"],
                },
                "traces/out": {
                    "receivers": ["forward/out"],
                    "processors": ["batch"],
                    "exporters": ["otlp/out"],
                },
                "traces/routed": {"receivers": ["routing"], "exporters": ["otlp"]},
            },
        )
    )
    assert read.pipelines == ("traces",)
    assert [entry["name"] for entry in read.settings["export"]] == ["otlp/out"]
    assert read.settings["receive"]["otlp_grpc"] == {"endpoint": "0.0.0.0:4317"}
    assert gone(read) == {
        "processor redaction": "changes data",
        "processor batch": "harmless",
        "connector routing": "changes data",
        "pipeline traces/routed": "changes data",
    }


def test_everything_of_the_pipeline_is_named_with_what_it_means() -> None:
    """Receivers, processors, exporters and extensions; unknown ones with a general sentence."""
    read = read_collector(
        config(
            extensions=["health_check", "basicauth/in", "mystery"],
            pipelines={
                "traces": {
                    "receivers": ["otlp", "jaeger", "mystery"],
                    "processors": [
                        "memory_limiter",
                        "k8s_attributes",
                        "tail_sampling",
                        "mystery/2",
                    ],
                    "exporters": ["otlp", "kafka", "debug"],
                },
                "logs": {"receivers": ["otlp"], "exporters": ["debug"]},
                "metrics": {"receivers": ["prometheus"], "exporters": ["debug"]},
            },
        )
    )
    assert gone(read) == {
        "receiver jaeger": "changes data",
        "receiver mystery": "changes data",
        "processor memory_limiter": "protects",
        "processor k8s_attributes": "changes data",
        "processor mystery/2": "changes data",
        "exporter kafka": "changes data",
        "exporter debug": "observes",
        "extension health_check": "harmless",
        "extension basicauth/in": "protects",
        "extension mystery": "protects",
        "pipeline logs": "changes data",
        "pipeline metrics": "observes",
    }
    by_name = {one.name: one for one in read.left}
    assert key_path(by_name["mystery/2"].at) == "processors.mystery/2"
    assert str(by_name["kafka"]).startswith("exporter kafka (changes data): kept traces")
    assert "write pass_through" in by_name["logs"].say


@pytest.mark.parametrize(
    "kind",
    [
        "redaction", "attributes", "transform", "resource", "k8sattributes", "resourcedetection",
        "batch", "memory_limiter", "filter", "probabilistic_sampler", "groupbytrace",
    ],
)  # fmt: skip
def test_common_processors_have_words_of_their_own(kind: str) -> None:
    """What would be missing, and what stands in for it."""
    assert left("processor", f"{kind}/x", ()).say != left("processor", "mystery", ()).say


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("connector", "spanmetrics"), ("connector", "span_metrics"), ("connector", "servicegraph"),
        ("connector", "routing"), ("exporter", "loadbalancing"), ("exporter", "load_balancing"),
        ("exporter", "kafka"), ("exporter", "prometheus"), ("exporter", "debug"),
        ("exporter", "logging"), ("exporter", "otlp_http"), ("receiver", "kafka"),
    ],
)  # fmt: skip
def test_common_components_have_words_in_both_spellings(kind: Any, name: str) -> None:
    """Names with underscores are the newer ones of the same components."""
    assert (kind, component_type(name)) in _MEANS


DOORS: list[tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = [
    ({"grpc": None}, {"otlp_grpc": {"endpoint": "localhost:4317"}}, {}),
    ({"grpc": {}}, {"otlp_grpc": {"endpoint": "localhost:4317"}}, {}),
    ({"http": {"endpoint": ":4318"}}, {"otlp_http": {"endpoint": "0.0.0.0:4318"}}, {}),
    (
        {"grpc": {"max_recv_msg_size_mib": 16, "keepalive": {"x": 1}}},
        {"otlp_grpc": {"endpoint": "localhost:4317", "max_recv_msg_size_mib": 16}},
        {"setting otlp grpc.keepalive": "harmless"},
    ),
    (
        {"http": {"cors": {"allowed_origins": ["*"]}, "max_request_body_size": 2_000_000}},
        {"otlp_http": {"endpoint": "localhost:4318", "max_request_body_size": 2_000_000}},
        {"setting otlp http.cors": "changes data"},
    ),
    (
        {"grpc": {"endpoint": "collector.internal:4317"}},
        {"otlp_grpc": {}},
        {"setting otlp grpc.endpoint": "changes data"},
    ),
    (
        {"grpc": {"tls": {"cert_file": "/c", "key_file": "/k", "min_version": "1.3"}}},
        {"otlp_grpc": {"endpoint": "localhost:4317", "tls": {"cert_file": "/c", "key_file": "/k"}}},
        {"setting otlp grpc.tls.min_version": "protects"},
    ),
    (
        {"grpc": {"auth": {"authenticator": "oidc"}}},
        {"otlp_grpc": {"endpoint": "localhost:4317"}},
        {"setting otlp grpc.auth": "protects"},
    ),
]


@pytest.mark.parametrize(("protocols", "receive", "missing"), DOORS)
def test_a_door_is_carried_over_as_far_as_it_can_be(
    protocols: dict[str, Any], receive: dict[str, Any], missing: dict[str, str]
) -> None:
    """In our spelling, and what has no place in it is named."""
    read = read_collector(config(receivers={"otlp": {"protocols": protocols}}))
    closed = {"otlp_grpc": {"enabled": False}, "otlp_http": {"enabled": False}}
    assert read.settings["receive"] == closed | receive
    assert gone(read) == missing
    Receive.model_validate(read.settings["receive"])


def test_a_door_whose_tls_cannot_be_read_stays_closed() -> None:
    """It is never opened in plain text instead."""
    pem = {"protocols": {"grpc": {"tls": {"cert_pem": "x", "key_pem": "y"}}, "http": None}}
    read = read_collector(config(receivers={"otlp": pem}))
    assert read.settings["receive"] == {
        "otlp_http": {"endpoint": "localhost:4318"},
        "otlp_grpc": {"enabled": False},
    }
    assert gone(read) == {"receiver otlp grpc": "changes data"}


def test_a_second_door_of_a_kind_is_left_behind() -> None:
    """There is one of each; the first in the pipeline is taken."""
    second = {"protocols": {"grpc": {"endpoint": "0.0.0.0:5317"}}}
    pipeline = {"receivers": ["otlp", "otlp/2"], "processors": ["tail_sampling"], "exporters": []}
    read = read_collector(config(receivers={"otlp/2": second}, pipelines={"traces": pipeline}))
    assert read.settings["receive"]["otlp_grpc"] == {"endpoint": "0.0.0.0:4317"}
    assert gone(read) == {"receiver otlp/2 grpc": "changes data"}


BACKENDS: list[tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = [
    ({"endpoint": "http://tempo:4317"}, {"tls": {"insecure": True}}, {}),
    ({"endpoint": "https://tempo:4317/"}, {}, {}),
    (
        {"endpoint": "tempo:4317", "headers": {"X-Scope-OrgID": "shop"}, "timeout": "10s"},
        {"headers": {"X-Scope-OrgID": "shop"}, "timeout": "10s"},
        {},
    ),
    ({"endpoint": "tempo:4317", "compression": "gzip"}, {"compression": "gzip"}, {}),
    (
        {"endpoint": "tempo:4317", "compression": "zstd"},
        {},
        {"setting otlp compression": "harmless"},
    ),
    (
        {"endpoint": "tempo:4317", "sending_queue": {"queue_size": 5}, "auth": {"x": 1}},
        {},
        {"setting otlp sending_queue": "harmless", "setting otlp auth": "changes data"},
    ),
    (
        {"endpoint": "tempo:4317", "retry_on_failure": {"max_interval": "5s", "enabled": False}},
        {"retry_on_failure": {"max_interval": "5s"}},
        {"setting otlp retry_on_failure": "harmless"},
    ),
    (
        {"endpoint": "tempo:4317", "tls": {"insecure_skip_verify": True, "ca_file": "/ca"}},
        {"tls": {"ca_file": "/ca"}},
        {"setting otlp tls.insecure_skip_verify": "changes data"},
    ),
    (
        {"endpoint": "tempo:4317", "tls": {"insecure_skip_verify": False, "max_version": "1.2"}},
        {},
        {"setting otlp tls.max_version": "protects"},
    ),
]


@pytest.mark.parametrize(("written", "entry", "missing"), BACKENDS)
def test_a_backend_is_carried_over_as_far_as_it_can_be(
    written: dict[str, Any], entry: dict[str, Any], missing: dict[str, str]
) -> None:
    """In our spelling, which loads, and what has no place in it is named."""
    read = read_collector(config(exporters={"otlp": written}))
    [export] = read.settings["export"]
    base = {"type": "otlp_grpc", "name": "otlp", "endpoint": "tempo:4317"}
    assert export == base | entry
    assert gone(read) == missing
    OtlpGrpcExporter.model_validate(export)


@pytest.mark.parametrize("endpoint", ["", "tempo", "unix:///tmp/x", None, 4317])
def test_a_backend_that_cannot_be_reached_is_left_behind(endpoint: object) -> None:
    """With the reason; it is no error of the sampler."""
    read = read_collector(config(exporters={"otlp": {"endpoint": endpoint}}))
    assert "export" not in read.settings
    assert gone(read) == {"exporter otlp": "changes data"}


TEXT = """
processors:
  tail_sampling:
    policies: [{name: s, type: probabilistic, probabilistic: {sampling_percentage: "${env:P}"}}]
exporters:
  otlp: {endpoint: "tempo:4317", headers: {authorization: "${env:TOKEN}"}}
service: {pipelines: {traces: {processors: [tail_sampling], exporters: [otlp]}}}
"""


def test_a_reference_that_cannot_be_replaced_matters_where_it_is_used() -> None:
    """Inside of the block it is an error; elsewhere its component is left behind."""
    read = parse(TEXT, environ={"P": "5"})
    assert gone(read) == {"exporter otlp": "changes data"}
    with pytest.raises(SettingsError) as caught:
        parse(TEXT, environ={"TOKEN": "t"})
    assert [(one.code, one.at.line) for one in caught.value.problems] == [("variable_not_set", 4)]


def test_a_secret_from_outside_is_carried_and_never_told() -> None:
    """Neither in what is left behind nor in an error."""
    read = parse(TEXT, environ={"P": "5", "TOKEN": "hunter2"})
    assert read.settings["export"][0]["headers"] == {"authorization": "hunter2"}
    broken = TEXT.replace('"tempo:4317"', '"${env:TOKEN}", compression: "${env:TOKEN}"')
    told = [str(one) for one in parse(broken, environ={"P": "5", "TOKEN": "hunter2"}).left]
    assert len(told) == 1
    assert "hunter2" not in told[0]
    with pytest.raises(SettingsError) as caught:
        parse(TEXT, environ={"P": "hunter2"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty_file"),
        ("processors: [", "not_yaml"),
        ("- a", "no_sampler"),
        ("processors: {tail_sampling: []}", "not_a_section"),
        ("processors: {tail_sampling: {num_traces: 1, num_traces: 2}}", "duplicate_key"),
    ],
)
def test_what_is_no_configuration_is_refused_in_words(text: str, code: str) -> None:
    """With the file's name in front."""
    with pytest.raises(SettingsError) as caught:
        parse(text, file="f.yaml", environ={})
    assert caught.value.code == code
    assert str(caught.value).startswith("f.yaml")


WORDS = st.sampled_from(
    [
        "receivers",
        "processors",
        "exporters",
        "connectors",
        "service",
        "pipelines",
        "traces",
        "otlp",
        "tail_sampling",
        "protocols",
        "grpc",
        "http",
        "endpoint",
        "tls",
        "forward",
        "config",
        "spec",
    ]
)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=25,
)


@given(TREES, TREES, TREES)
def test_whatever_stands_around_a_sampler_is_read(one: object, two: object, three: object) -> None:
    """What is odd is left behind; only the sampler's own block can be wrong."""
    odd: dict[str, Any] = config()
    odd["receivers"]["otlp"] = one
    odd["exporters"]["otlp"] = two
    odd["service"]["pipelines"]["traces/2"] = three
    read = read_collector(odd)
    assert read.pipelines[0] == "traces"
    if "receive" in read.settings:
        Receive.model_validate(read.settings["receive"])
    for entry in read.settings.get("export", ()):
        OtlpGrpcExporter.model_validate(entry)
