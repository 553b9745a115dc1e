"""What a person reads at the start."""

from tailsampler.settings.report import report
from tailsampler.settings.root import Settings
from tailsampler.telemetry import banner


def test_addresses_with_tls_say_so() -> None:
    """What is printed can be clicked and typed as it stands."""
    bound = {"admin": "127.0.0.1:7317", "control": "127.0.0.1:7318", "otlp_http": "127.0.0.1:4318"}
    text = banner.text(report(Settings()), bound, 0, "1.2.3", encrypted={"admin", "control"})
    assert "https://127.0.0.1:7317/ " in text
    assert "explain TRACE_ID --endpoint https://127.0.0.1:7317\n" in text
    assert "tailsampler top --tls\n" in text
    assert "http://127.0.0.1:4318/v1/traces" in text


def test_it_says_where_to_send_where_to_look_and_where_kept_traces_go() -> None:
    """Three questions of a first start, each answered with something to paste."""
    bound = {
        "otlp_grpc": "127.0.0.1:4317",
        "otlp_http": "127.0.0.1:4318",
        "admin": "127.0.0.1:7317",
        "telemetry": "127.0.0.1:13133",
    }
    text = banner.text(report(Settings()), bound, held_spans=1234, version="1.2.3")
    for words in (
        "tailsampler 1.2.3 is ready",
        "http://127.0.0.1:4317",
        "http://127.0.0.1:4318/v1/traces",
        "http://127.0.0.1:7317/",
        "http://127.0.0.1:13133/metrics",
        "data/traces.sqlite",
        "1,234 spans",
        "fsync every 1s",
    ):
        assert words in text


def test_closed_doors_are_not_mentioned() -> None:
    """Only what is listened on is shown."""
    text = banner.text(report(Settings()), {"otlp_grpc": "127.0.0.1:4317"}, 0, "1.2.3")
    assert "OTLP/HTTP" not in text
    assert "metrics" not in text
    assert "held from before" not in text
