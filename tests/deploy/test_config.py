"""The configuration in each ConfigMap is one that the program takes, and fits its pod."""

import pytest

from tailsampler.settings.core_options import plan_json
from tailsampler.settings.export import OtlpGrpcExporter
from tailsampler.settings.report import report
from tests.deploy.rendered import EVERYTHING, gateway, gateway_yaml, helm, settings
from tests.needs import lack


@pytest.mark.parametrize("which", EVERYTHING)
def test_check_accepts_it(which: str) -> None:
    """With no warning but that of spans in plain text, which the NetworkPolicy is about."""
    warnings = report(settings(which)).warnings
    assert [each for each in warnings if "in plain text" not in each] == []


@pytest.mark.parametrize("which", EVERYTHING)
def test_the_core_takes_its_plan(which: str) -> None:
    """Both halves of the program agree on it."""
    try:
        from tailsampler import _core  # noqa: PLC0415 - built by `make setup`, and maybe not yet
    except ImportError:
        lack("tailsampler._core is not built; run make setup")
    _core.check_plan(plan_json(settings(which)))


@pytest.mark.parametrize("which", EVERYTHING)
def test_pages_and_control_stay_on_loopback(which: str) -> None:
    """Whoever may forward a port reaches them; nobody else in the cluster does."""
    known = settings(which)
    assert known.admin.endpoint.is_loopback
    # The tier's own pods reach control where they share verdicts, and show a token.
    assert known.control.endpoint.is_loopback or known.peers.enabled


@pytest.mark.parametrize("which", EVERYTHING)
def test_the_doors_are_where_the_pod_says(which: str) -> None:
    """Every named port is listened on; beside a Collector the doors are on loopback, elsewhere."""
    receive = settings(which).receive
    named = {port["name"]: port["containerPort"] for port in gateway(which)["ports"]}
    if which.endswith(":sidecar"):
        assert set(named) == {"metrics"}
        assert receive.otlp_grpc.endpoint.is_loopback
        assert receive.otlp_http.endpoint.is_loopback
        assert {receive.otlp_grpc.endpoint.port, receive.otlp_http.endpoint.port}.isdisjoint(
            {4317, 4318}
        )
    else:
        assert named["otlp-grpc"] == receive.otlp_grpc.endpoint.port
        assert named["otlp-http"] == receive.otlp_http.endpoint.port
        assert not receive.otlp_grpc.endpoint.is_loopback


@pytest.mark.parametrize("which", EVERYTHING)
def test_it_is_the_file_that_the_program_is_given(which: str) -> None:
    """Mounted alone, so that a change comes with a new pod and not under a running one."""
    [mount] = [each for each in gateway(which)["volumeMounts"] if each["name"] == "config"]
    assert mount["mountPath"] == gateway(which)["args"][-1]
    assert mount["subPath"] == "gateway.yaml"


def test_kept_traces_of_a_sidecar_go_back_to_its_collector() -> None:
    """Over loopback, without TLS."""
    [exporter] = settings("folder:sidecar").export
    assert isinstance(exporter, OtlpGrpcExporter)
    assert (exporter.endpoint.host, exporter.endpoint.port) == ("127.0.0.1", 24317)
    assert exporter.tls.insecure


def test_memory_alone_is_not_forced_to_a_disk() -> None:
    """There is none behind a tmpfs."""
    assert settings("folder:tmpfs").buffer.fsync == "never"


def test_what_was_set_wins() -> None:
    """The chart's own settings are defaults, and lists are replaced as wholes."""
    found = helm(
        "--set", "shape=tmpfs,config.buffer.max_bytes=300MiB,config.shutdown.export_within=1m",
        "--set-json", 'config.export=[{"type": "otlp_grpc", "endpoint": "jaeger:4317"}]',
    )  # fmt: skip
    [text] = [each["data"]["gateway.yaml"] for each in found if each["kind"] == "ConfigMap"]
    assert "max_bytes: 300MiB" in text
    assert "export_within: 1m" in text
    assert "jaeger:4317" in text
    assert "tempo:4317" not in text


@pytest.mark.parametrize("which", EVERYTHING)
def test_it_says_what_follows_from_it(which: str) -> None:
    """Whoever edits the waits in the file learns that the pod's times follow from them."""
    assert "terminationGracePeriodSeconds" in gateway_yaml(which)
