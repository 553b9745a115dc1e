"""A Collector's configuration, as far as it concerns the gateway behind it."""

from pathlib import Path

import pytest

from tailsampler.doctor.facts import Sender
from tailsampler.doctor.upstream import read_upstream
from tailsampler.errors import SettingsError, SettingsFileError

PORTS = (4317, 4318)
PIPELINE = (
    "service: {pipelines: {traces: {receivers: [otlp], processors: [%s], exporters: [%s]}}}\n"
)


def read(tmp_path: Path, text: str) -> tuple[Sender, ...]:
    file = tmp_path / "otelcol.yaml"
    file.write_text(text)
    return read_upstream(file, PORTS).senders


def test_defaults_are_those_of_the_collector(tmp_path: Path) -> None:
    """Retries on, for 300 s; no batching of its own."""
    text = "exporters: {otlp: {endpoint: 'sampler:4317'}}\n" + PIPELINE % ("", "otlp")
    assert read(tmp_path, text) == (
        Sender(
            name="otlp", endpoint="sampler:4317", retries=True, gives_up_after_s=300.0, batch=None
        ),
    )


def test_what_is_set_is_read(tmp_path: Path) -> None:
    """Retries, their end, and the queue's batches; 0 is for ever."""
    text = (
        """
exporters:
  otlphttp/sampler:
    traces_endpoint: http://sampler:4318/v1/traces
    retry_on_failure: {enabled: false, max_elapsed_time: 0}
    sending_queue: {batch: {min_size: 100}}
"""
        + PIPELINE % ("probabilistic_sampler/a, batch", "otlphttp/sampler")
    )
    (found,) = read(tmp_path, text)
    assert (found.retries, found.gives_up_after_s, found.batch) == (False, None, 100)
    assert found.samples_before == ("probabilistic_sampler/a",)


@pytest.mark.parametrize(
    ("batch", "size"), [("batch: {send_batch_size: 7}", 7), ("batch: {}", 8192)]
)
def test_a_batch_processor_batches_too(tmp_path: Path, batch: str, size: int) -> None:
    """With its own size, or the default."""
    text = f"processors: {{{batch}}}\nexporters: {{otlp: {{endpoint: 's:4317'}}}}\n"
    assert read(tmp_path, text + PIPELINE % ("batch", "otlp"))[0].batch == size


@pytest.mark.parametrize("name", ["loadbalancing", "load_balancing", "load_balancing/tier"])
def test_the_exporter_of_loadbalancing_is_the_inner_one(tmp_path: Path, name: str) -> None:
    """Its outer retries are off by default, the inner ones on."""
    text = (
        f"""
exporters:
  {name}:
    protocol: {{otlp: {{retry_on_failure: {{max_elapsed_time: 1h}}}}}}
    resolver: {{dns: {{hostname: sampler}}}}
"""
        + PIPELINE % ("", name)
    )
    (found,) = read(tmp_path, text)
    assert (found.retries, found.gives_up_after_s) == (True, 3600.0)
    outer = text.replace(
        "    resolver", "    retry_on_failure: {enabled: true, max_elapsed_time: 5s}\n    resolver"
    )
    assert read(tmp_path, outer)[0].gives_up_after_s == 5.0


def test_exporters_to_this_gateway_are_told_by_their_port(tmp_path: Path) -> None:
    """Others do not concern it; where none has the port, a service may stand between."""
    text = "exporters: {otlp/a: {endpoint: 'a:%d'}, otlp/b: {endpoint: 'b:9'}}\n" + PIPELINE % (
        "",
        "otlp/a, otlp/b, debug",
    )
    assert [one.name for one in read(tmp_path, text % 4317)] == ["otlp/a"]
    assert [one.name for one in read(tmp_path, text % 8)] == ["otlp/a", "otlp/b"]


def test_references_leave_the_default(tmp_path: Path) -> None:
    """What the Collector's environment holds is not known here."""
    retry = "{enabled: '${env:R}', max_elapsed_time: '${env:T}'}"
    text = f"exporters: {{otlp: {{retry_on_failure: {retry}}}}}\n"
    (found,) = read(tmp_path, text + PIPELINE % ("", "otlp"))
    assert (found.retries, found.gives_up_after_s) == (True, 300.0)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("exporters: [", "not_yaml"),
        ("exporters: {otlp: {}}\n", "no_otlp_exporter"),
        ("[1, 2]\n", "no_otlp_exporter"),
        ("service: {pipelines: {metrics: {exporters: [otlp]}, traces: 7}}\n", "no_otlp_exporter"),
    ],
)
def test_a_file_that_says_nothing_is_an_error(tmp_path: Path, text: str, code: str) -> None:
    """It names the file, and what is missing in it."""
    with pytest.raises(SettingsError) as raised:
        read(tmp_path, text)
    assert raised.value.code == code
    assert str(raised.value.at).startswith(str(tmp_path / "otelcol.yaml"))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file and one that is no text are told apart from what is wrong inside."""
    with pytest.raises(SettingsFileError):
        read_upstream(tmp_path / "none.yaml", PORTS)
    (tmp_path / "bytes").write_bytes(b"\xff")
    with pytest.raises(SettingsFileError):
        read_upstream(tmp_path / "bytes", PORTS)
