"""What is secret stays so."""

import pytest

from tailsampler.errors import SettingsError
from tailsampler.settings.effective import effective, effective_yaml
from tailsampler.settings.load import parse
from tailsampler.settings.root import Settings

TEXT = """
export:
  - type: otlp_grpc
    endpoint: tempo:4317
    headers: {authorization: "Bearer ${env:TOKEN}", x-scope-orgid: plain-secret}
"""
SECRETS = ("hunter2", "plain-secret")


def settings() -> Settings:
    return parse(TEXT, environ={"TOKEN": "hunter2"})


def test_settings_print_no_secret() -> None:
    """Neither as text, nor as data, nor as a file."""
    shown = [repr(settings()), str(settings()), repr(effective(settings()))]
    shown += [effective_yaml(settings()), settings().model_dump_json()]
    for text in shown:
        assert not any(secret in text for secret in SECRETS)
    assert effective_yaml(settings()).count("(secret)") == 2


def test_the_secret_itself_is_there_for_the_exporter() -> None:
    """It is hidden, not lost."""
    exporter = settings().export[0]
    assert exporter.type == "otlp_grpc"
    assert exporter.headers["authorization"].get_secret_value() == "Bearer hunter2"


@pytest.mark.parametrize("token", ["hun\nter2", "hunter\u00e42", "hunter2\x00"])
def test_a_wrong_header_value_is_not_repeated(token: str) -> None:
    """The message names the header and not what is in it."""
    with pytest.raises(SettingsError) as caught:
        parse(TEXT, environ={"TOKEN": token})
    assert caught.value.code == "bad_header_value"
    assert "hun" not in caught.value.render()


WITH_VALUES = """
data_directory: {a: V}
buffer: {max_bytes: V}
buffer: {fsync: V}
buffer: V
sampling: {decision_wait: V}
sampling: {trace_ids: V}
sampling: V
sampling: {policies: [{name: a, sample_rate: V}]}
sampling: {policies: [{name: a, duration_threshold_ms: V, sample_rate: 1}]}
sampling: {policies: [{name: a, error_status_codes: [V], sample_rate: 1}]}
receive: {threads: V}
admin: {enabled: V}
admin: {endpoint: V}
telemetry: {endpoint: V}
export: [V]
export: [{type: V}]
export: [{type: otlp_grpc, endpoint: V}]
export: [{type: otlp_grpc, endpoint: "tempo:1", in_flight: V}]
"""


@pytest.mark.parametrize("line", WITH_VALUES.strip().splitlines())
def test_a_reference_at_the_wrong_place_is_not_resolved_in_a_message(line: str) -> None:
    """A variable with a secret in it may be used anywhere by mistake."""
    refused = 0
    for value in ("hunter2", "172839405", "hunter2://hunter2", "hunter2/:x", "172839405s"):
        try:
            parse(line.replace("V", "'${env:TOKEN}'"), environ={"TOKEN": value})
        except SettingsError as error:
            said = error.render()
        else:
            continue
        refused += 1
        assert "hunter2" not in said
        assert "172839405" not in said
    assert refused
