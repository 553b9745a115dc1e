"""What of the configuration crosses to the data plane; the forms stand in ``_core.pyi``."""

from __future__ import annotations

import json
from typing import Any, Final

from tailsampler.decide.chosen import plan_of
from tailsampler.settings.buffer import Fsync
from tailsampler.settings.export import Exporter, OtlpGrpcExporter
from tailsampler.settings.overload import Overload
from tailsampler.settings.receive import OtlpGrpc, OtlpHttp
from tailsampler.settings.root import Settings
from tailsampler.settings.tenants import numbered, rates, tenants_option
from tailsampler.settings.tls import ServerTls
from tailsampler.settings.units import milliseconds

_BEGINS_WITHIN_MS: Final = 10_000


def gateway_options(settings: Settings) -> str:
    """JSON for ``_core.Gateway`` and ``_core.Simulation``.

    Raises:
        SettingsError: the chain cannot be compiled.
    """
    return json.dumps(
        {
            "data_directory": str(settings.data_directory),
            "buffer": {
                "max_bytes": settings.buffer.max_bytes,
                "max_index_bytes": settings.buffer.max_index_bytes,
                "reserve_bytes": settings.buffer.reserve_bytes,
                "segment_bytes": settings.buffer.segment_bytes,
                "fsync": _fsync(settings.buffer.fsync),
            },
            "admission": {
                "spans_per_second": settings.receive.rate_limit_spans_per_second,
                "tenants": rates(settings.receive.tenants),
                "overload": _overload(settings.receive.overload),
            },
            "late": {
                "max_traces": settings.late.max_traces,
                "max_age_ms": milliseconds(settings.late.max_age),
            },
            "decisions": {"max_bytes": settings.decisions.max_bytes},
            "outbox": {
                "max_bytes": settings.outbox.max_bytes,
                "exporters": {exporter.name: _limits(exporter) for exporter in settings.export},
            },
            "exporters": [exporter.name for exporter in settings.export],
            "tenants": list(numbered(settings.receive.tenants)) if settings.receive.tenants else [],
            "annotate": settings.sampling.annotate,
            "sharing": _sharing(settings),
            "plan": plan_of(settings).model_dump(mode="json"),
        }
    )


def listen_options(settings: Settings) -> str:
    """JSON for ``_core.Gateway.listen``."""
    receive = settings.receive
    return json.dumps(
        {
            "otlp_grpc": _door(receive.otlp_grpc, receive.otlp_grpc.max_recv_msg_size_mib << 20),
            "otlp_http": _door(receive.otlp_http, receive.otlp_http.max_request_body_size),
            "in_flight_bytes": receive.in_flight_bytes,
            "threads": receive.threads,
            "pass_through": _pass_through(settings),
            "tenants": tenants_option(
                receive.tenants, receive.tenant_header, required=receive.tenant_required
            ),
        }
    )


def plan_json(settings: Settings) -> str:
    """JSON for ``_core.check_plan`` and ``Gateway.install_plan``."""
    return plan_of(settings).model_dump_json()


def _pass_through(settings: Settings) -> dict[str, Any] | None:
    signals = {signal for target in settings.pass_through for signal in target.signals}
    if not signals:
        return None
    return {
        "logs": "logs" in signals,
        "metrics": "metrics" in signals,
        "max_bytes": settings.receive.pass_through_bytes,
    }


def _overload(overload: Overload) -> dict[str, Any] | None:
    level = overload.most_level
    return None if level is None else {"most_level": level}


def sharing_age_ms(settings: Settings) -> int:
    """For how long a shared verdict may matter.

    What is told when a trace begins elsewhere is asked for when its part here is judged, which
    began a little later.
    """
    plan = plan_of(settings)
    waits = [plan.wait_ms, *(rule.wait_ms for rule in plan.rules if rule.wait_ms is not None)]
    return max(waits) + _BEGINS_WITHIN_MS


def _sharing(settings: Settings) -> dict[str, int] | None:
    if not settings.peers.enabled:
        return None
    return {
        "max_traces": settings.peers.max_traces,
        "max_age_ms": sharing_age_ms(settings),
        "max_waiting": max(1, settings.peers.max_traces // 10),
    }


def _limits(exporter: Exporter) -> dict[str, Any]:
    age = exporter.max_outbox_age
    return {
        "max_bytes": exporter.max_outbox_bytes,
        "max_age_ms": None if age is None else milliseconds(age),
        "drain_permille": round(exporter.drain_share * 1000),
        "by_tenant": isinstance(exporter, OtlpGrpcExporter) and bool(exporter.tenant_header),
    }


def _fsync(fsync: Fsync) -> dict[str, Any]:
    if isinstance(fsync, str):
        return {"mode": fsync}
    return {"mode": "interval", "interval_ms": milliseconds(fsync.interval)}


def _door(door: OtlpGrpc | OtlpHttp, max_recv_bytes: int) -> dict[str, Any] | None:
    if not door.enabled:
        return None
    return {
        "endpoint": str(door.endpoint),
        "max_recv_bytes": max_recv_bytes,
        "tls": _tls(door.tls),
    }


def _tls(tls: ServerTls | None) -> dict[str, Any] | None:
    if tls is None:
        return None
    return {
        "cert_file": str(tls.cert_file),
        "key_file": str(tls.key_file),
        "client_ca_file": None if tls.client_ca_file is None else str(tls.client_ca_file),
    }
