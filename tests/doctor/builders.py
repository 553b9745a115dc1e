"""Facts of a gateway that is well, changed by a test in the one thing that it is about."""

from __future__ import annotations

from typing import Any

from tailsampler.doctor.facts import Facts, Live, Sender, Upstream
from tailsampler.doctor.finding import Finding
from tailsampler.settings.load import parse
from tailsampler.settings.root import Settings
from tailsampler.telemetry.machine import Machine
from tests.telemetry.fakes import stats

MINUTE_S = 60.0
ROOMY = Machine(
    open_files=65_536,
    memory_limit=64 << 30,
    disk_free=1 << 40,
    data_bytes=0,
    filesystem="ext4",
)


def settings(text: str = "{late: {}}") -> Settings:
    """A configuration out of YAML; the default."""
    return parse(text, environ={})


def live(**changes: Any) -> Live:
    """A gateway that is well: a minute of 600,000 spans in requests of 512."""
    increase: dict[tuple[str, ...], int] = {
        ("spans", "received"): 600_000,
        ("requests", "taken"): 1_172,
        ("traces", "judged"): 60_000,
        **changes.pop("increase", {}),
    }
    body: dict[str, Any] = {
        "version": "0",
        "ready": True,
        "troubles": [],
        "uptime_seconds": 3600.0,
        "wall_ns": 0,
        "ledger": ledger(),
        "stats": {**stats(), "policies": []},
        "window": {
            "seconds": MINUTE_S,
            "increase": [[list(path), count] for path, count in increase.items()],
        },
        "exporters": {"tempo": {"healthy": True, "requests": {"accepted": 9}, "last_error": None}},
        "contained": {},
        "recent": [],
        **changes,
    }
    body["stats"] = merged(body["stats"], changes.get("stats", {}))
    return Live.of(body, url="http://127.0.0.1:7317", wall_ns=0, took_s=0.01)


def merged(one: Any, other: Any) -> Any:
    """A tree with the leaves of another put in."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {**one, **{key: merged(one.get(key), value) for key, value in other.items()}}
    return other


def ledger(**changes: Any) -> dict[str, Any]:
    """Books without a loss: 100 bytes a span."""
    spans = {
        "received": 1_000,
        "exported": 900,
        "held": {"buffer": 0, "outbox": 0},
        "dropped": {"policy": 100},
    }
    octets = {
        "received": 100_000,
        "exported": 90_000,
        "held": {"buffer": 0, "outbox": 0},
        "dropped": {"policy": 10_000},
    }
    found = {
        "spans": {**spans, "refused": 0, "rejected": {}},
        "bytes": {**octets, "refused": 0},
        "traces": {"judged": 100, "kept": 90, "dropped": 10, "open": 0},
        "exporters": {"tempo": {"spans": spans, "bytes": octets}},
        "oldest_held_seconds": 0.0,
        "balanced": True,
    }
    return {**found, **changes}


def sender(**changes: Any) -> Sender:
    """An exporter of a Collector that does all as we would wish."""
    well: dict[str, Any] = {
        "name": "otlp/sampler",
        "endpoint": "sampler:4317",
        "retries": True,
        "gives_up_after_s": 300.0,
        "batch": 8192,
    }
    return Sender(**{**well, **changes})


def facts(text: str = "{late: {}}", **changes: Any) -> Facts:
    """Facts in which there is nothing to find; ``text`` is the configuration."""
    well: dict[str, Any] = {
        "settings": settings(text),
        "config_name": "gateway.yaml",
        "machine": ROOMY,
        "live": live(),
        "upstream": Upstream(file="otelcol.yaml", senders=(sender(),)),
    }
    return Facts(**{**well, **changes})


def one(findings: Any) -> Finding:
    """The finding, of which there must be one."""
    found = list(findings)
    assert len(found) == 1, found
    assert isinstance(found[0], Finding)
    return found[0]


def tempo(text: str = "") -> str:
    """A configuration that exports to a backend; ``text`` is more of the exporter."""
    exporter = f"{{type: otlp_grpc, name: tempo, endpoint: 'tempo:4317'{text}}}"
    return f"export: [{exporter}]\n"
