"""What crosses to the data plane has the form that its stub describes."""

import json

from tailsampler.settings.core_options import gateway_options, listen_options, plan_json
from tailsampler.settings.load import parse
from tailsampler.settings.root import Settings


def test_gateway_options_hold_what_the_core_reads() -> None:
    """Every key of the stub, in bytes and milliseconds, and no other."""
    options = json.loads(gateway_options(Settings()))
    plan = options.pop("plan")
    assert options == {
        "data_directory": "data",
        "buffer": {
            "max_bytes": 8589934592,
            "max_index_bytes": 4294967296,
            "reserve_bytes": 16777216,
            "segment_bytes": 67108864,
            "fsync": {"mode": "interval", "interval_ms": 1000},
        },
        "admission": {"spans_per_second": None, "tenants": [], "overload": None},
        "late": {"max_traces": 1000000, "max_age_ms": 600000},
        "decisions": {"max_bytes": 1073741824},
        "outbox": {
            "max_bytes": 4294967296,
            "exporters": {
                "local": {
                    "max_bytes": None,
                    "max_age_ms": None,
                    "drain_permille": 500,
                    "by_tenant": False,
                }
            },
        },
        "exporters": ["local"],
        "tenants": [],
        "sharing": None,
        "annotate": True,
    }
    assert plan == json.loads(plan_json(Settings()))


def test_fsync_modes_cross_by_name() -> None:
    """Never and always have no interval."""
    for mode in ("never", "always"):
        settings = parse(f"buffer: {{fsync: {mode}}}", environ={})
        assert json.loads(gateway_options(settings))["buffer"]["fsync"] == {"mode": mode}


def test_listen_options_hold_what_the_door_reads() -> None:
    """Limits in bytes, TLS files as paths, null for a closed door."""
    text = """
receive:
  otlp_grpc:
    endpoint: 0.0.0.0:4317
    max_recv_msg_size_mib: 4
    tls: {cert_file: c, key_file: k, client_ca_file: ca}
  otlp_http: {enabled: false}
  in_flight_bytes: 64MiB
  threads: 2
"""
    assert json.loads(listen_options(parse(text, environ={}))) == {
        "otlp_grpc": {
            "endpoint": "0.0.0.0:4317",
            "max_recv_bytes": 4194304,
            "tls": {"cert_file": "c", "key_file": "k", "client_ca_file": "ca"},
        },
        "otlp_http": None,
        "in_flight_bytes": 67108864,
        "threads": 2,
        "pass_through": None,
        "tenants": None,
    }
