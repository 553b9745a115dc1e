"""From YAML to settings."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailsampler.errors import SettingsError, SettingsFileError
from tailsampler.settings.buffer import FsyncInterval
from tailsampler.settings.endpoint import Endpoint
from tailsampler.settings.export import FileExporter, OtlpGrpcExporter
from tailsampler.settings.load import load, parse
from tailsampler.settings.root import Settings


def test_a_value_from_the_environment_gets_the_type_it_would_have_in_the_file() -> None:
    """Numbers and switches may come from variables."""
    text = """
receive: {threads: "${env:THREADS}", otlp_http: {enabled: "${env:HTTP}"}}
buffer: {max_bytes: "${env:BYTES}"}
sampling: {policies: [{name: "${env:THREADS}", sample_rate: "${env:RATE}"}]}
"""
    environ = {"THREADS": "2", "HTTP": "false", "BYTES": "1GiB", "RATE": "0.5"}
    settings = parse(text, environ=environ)
    assert settings.receive.threads == 2
    assert settings.receive.otlp_http.enabled is False
    assert settings.buffer.max_bytes == 1 << 30
    assert settings.sampling.policies[0].name == "2"
    assert settings.sampling.policies[0].sample_rate == 0.5


def test_a_section_that_is_empty_has_its_defaults() -> None:
    """A commented-out section is no error."""
    settings = parse("buffer:\nreceive:\n  otlp_grpc:\nadmin: {}\n", environ={})
    assert settings == Settings()


@pytest.mark.parametrize(
    ("text", "fsync"),
    [
        ("never", "never"),
        ("always", "always"),
        ("{interval: 250ms}", FsyncInterval(interval=timedelta(milliseconds=250))),
        ("{}", FsyncInterval()),
    ],
)
def test_fsync_has_three_modes(text: str, fsync: object) -> None:
    """Two words, and a mapping with an interval."""
    assert parse(f"buffer: {{fsync: {text}}}", environ={}).buffer.fsync == fsync


def test_addresses_are_normal() -> None:
    """Localhost and IPv6 are understood."""
    text = """
receive: {otlp_grpc: {endpoint: localhost:1}, otlp_http: {endpoint: "[::1]:2"}}
telemetry: {endpoint: 0.0.0.0:3}
"""
    settings = parse(text, environ={})
    assert settings.receive.otlp_grpc.endpoint == Endpoint("127.0.0.1", 1)
    assert str(settings.receive.otlp_http.endpoint) == "[::1]:2"
    assert str(settings.telemetry.endpoint) == "0.0.0.0:3"


def test_any_free_port_may_be_taken_by_every_listener() -> None:
    """Port 0 never clashes."""
    text = "".join(f"{name}: {{endpoint: 127.0.0.1:0}}\n" for name in ("admin", "control"))
    assert {endpoint.port for loc, endpoint in parse(text, environ={}).listeners() if loc[0] in {
        "admin", "control"
    }} == {0}  # fmt: skip


def test_exporters_are_told_apart_by_type() -> None:
    """The first is the primary; header names become small."""
    text = """
export:
  - {type: otlp_grpc, name: tempo, endpoint: tempo:4317, headers: {X-Scope-OrgID: shop}}
  - {type: file, path: /tmp/x}
"""
    primary, second = parse(text, environ={}).export
    assert isinstance(primary, OtlpGrpcExporter)
    assert isinstance(second, FileExporter)
    assert primary.headers["x-scope-orgid"].get_secret_value() == "shop"
    assert (primary.name, second.name) == ("tempo", "file")


def test_anchors_and_merges_work() -> None:
    """YAML's own way to say things once; what stands in the section itself wins."""
    text = """
late: &small {max_traces: 5, max_age: 1m}
decisions: {max_bytes: 2MiB}
outbox: {max_bytes: 32MiB}
"""
    assert parse(text, environ={}).late.max_traces == 5
    merged = """
sampling:
  policies:
    - &one {name: a, service_name: x, sample_rate: 0.5}
    - {<<: *one, name: b, service_name: y}
"""
    second = parse(merged, environ={}).sampling.policies[1]
    assert (second.name, second.service_name, second.sample_rate) == ("b", ("y",), 0.5)


def test_settings_are_frozen() -> None:
    """Nobody changes a setting behind another's back."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().data_directory = Path("x")  # type: ignore[misc]  # that is what is tried


def test_a_file_is_read_with_its_name_in_messages(tmp_path: Path) -> None:
    """The path as it was given."""
    path = tmp_path / "gateway.yaml"
    path.write_text("buffer: {max_bytes: 8G}\n")
    with pytest.raises(SettingsError) as caught:
        load(path, {})
    assert caught.value.at.file == str(path)
    path.write_text("late: {max_traces: 7}\n")
    assert load(path, {}).late.max_traces == 7


def test_a_file_that_cannot_be_read_is_told_apart_from_a_wrong_one(tmp_path: Path) -> None:
    """`check` answers 2 for the one and 1 for the other."""
    (tmp_path / "binary").write_bytes(b"\xff")
    for name in ("missing", "binary"):
        with pytest.raises(SettingsFileError) as caught:
            load(tmp_path / name, {})
        assert name in caught.value.render()


@given(st.text(max_size=200))
def test_any_text_is_settings_or_an_error_with_a_place(text: str) -> None:
    """The reader has no third answer."""
    try:
        parse(text, file="f", environ={})
    except SettingsError as error:
        found = error.problems
    else:
        found = ()
    assert all(problem.at.file == "f" and problem.say for problem in found)


SCALARS = st.sampled_from(
    ["10", "10s", "8GiB", "true", "null", "-1", "0.5", "[]", "{}", "x", "'${env:X}'", "127.0.0.1:1"]
)
KEYS = st.sampled_from(
    [
        "receive",
        "otlp_grpc",
        "endpoint",
        "buffer",
        "fsync",
        "sampling",
        "policies",
        "name",
        "type",
        "sample_rate",
        "export",
        "tls",
        "late",
        "max_age",
        "headers",
        "service_name",
        "shutdown",
    ]
)
NESTED = st.recursive(
    SCALARS,
    lambda inner: (
        st.dictionaries(KEYS, inner, max_size=4).map(
            lambda found: "{" + ", ".join(f"{key}: {value}" for key, value in found.items()) + "}"
        )
        | st.lists(inner, max_size=3).map(lambda found: "[" + ", ".join(found) + "]")
    ),
    max_leaves=12,
)


@given(NESTED)
def test_any_shape_is_settings_or_an_error_with_a_place(text: str) -> None:
    """A value of the wrong shape anywhere is a message, never a traceback."""
    try:
        parse(text, file="f", environ={"X": "secret-value"})
    except SettingsError as error:
        found = error.problems
    else:
        found = ()
    assert not any("secret-value" in str(problem) for problem in found)
    assert all(problem.at.line for problem in found)
