"""A core that says what it is told to say, for everything that reads one."""

import json
from dataclasses import dataclass, field
from typing import Any

from tailsampler.access.certificates import CertificateState
from tailsampler.export.state import ExporterState
from tailsampler.telemetry.contained import Contained
from tailsampler.telemetry.found import Found
from tailsampler.telemetry.peers import PeerState
from tailsampler.telemetry.status import Phase, Status
from tailsampler.testing.clock import ManualClock


def books(**changes: Any) -> dict[str, Any]:
    """One balanced invariant: 100 = 40 + 45 + 5 + 10."""
    found = {
        "received": 100,
        "exported": 40,
        "held": {"buffer": 10, "outbox": 5},
        "dropped": {"policy": 44, "backend_refused": 1},
        "exported_again": 2,
        "given_up": {"default": 1},
    }
    return {**found, **changes}


def ledger(**changes: Any) -> dict[str, Any]:
    """The JSON of ``_core.Gateway.ledger``, balanced unless changed."""
    found = {
        "spans": {**books(), "refused": 7, "rejected": {"bad_trace_id": 3}},
        "bytes": {**books(), "refused": 7},
        "traces": {"judged": 20, "kept": 9, "dropped": 11, "open": 2},
        "exporters": {"tempo": {"spans": books(), "bytes": books()}},
        "oldest_held_seconds": 1.5,
        "balanced": True,
    }
    return {**found, **changes}


def stats() -> dict[str, Any]:
    requests = {"accepted": 8, "partial": 1, "body_bytes": 900}
    return {
        "log": {"bytes": 4096, "segments": 1, "max_bytes": 8192, "reserve_spent": False},
        "index": {
            "traces": 2,
            "records": 3,
            "bytes": 640,
            "used_bytes": 320,
            "max_bytes": 4096,
        },
        "late": {"traces": 20, "reach_seconds": 12.5},
        "verdict_log": {"bytes": 512, "max_bytes": 1024},
        "outbox": {
            "bytes": 100,
            "max_bytes": 1000,
            "traces": 1,
            "exporters": {"tempo": {"bytes": 80, "max_bytes": 750, "oldest_seconds": 4.5}},
        },
        "queue": {
            "requests": 1,
            "bytes": 270,
            "lag_seconds": 0.001,
            "overload_level": 2,
            "refused_requests": {"lagging": 4, "rate_limited": 5},
            "tenants": [{"admitted": 70, "limited": 20, "pressed": 10}],
        },
        "sharing": {"found": 5, "unshared": 1, "heard": 4, "late": 2, "applied": 3},
        "door": {
            "connections": {
                "open": 1,
                "total": 3,
                "turned_away": 0,
                "handshakes_failed": 2,
                "closed": {"control_flood": 1, "rapid_reset": 0},
            },
            "grpc": requests,
            "http": {},
            "in_flight_bytes": 270,
            "in_flight_requests": 1,
            "panics": 0,
        },
        "passed": {
            "logs": {"bytes": 640, "accepted": 3, "refused": 2, "failed": 1, "waiting": 1},
        },
        "policies": [
            {"policy": "errors", "judged": 9, "kept": 9, "dropped": 0, "spans_kept": 45},
            {"policy": "default", "judged": 11, "kept": 0, "dropped": 11, "spans_dropped": 44},
        ],
        "votes": [
            {"policy": "errors", "sampled": 9, "not_sampled": 8, "dropped": 0, "failed": 3},
        ],
        "verdict_reasons": {"http_status": 9, "no_condition": 11},
        "plan": 3,
        "storage_errors": 0,
    }


def found(**changes: Any) -> dict[str, Any]:
    """The JSON of ``_core.Gateway.found``: all came back, unless changed."""
    came = {
        "requests": 7,
        "held_spans": 10,
        "verdicts": 20,
        "repacked": 1,
        "took_s": 0.25,
        "lost": {"spans": 0, "bytes": 0, "requests": 0},
        "quarantined": {"spans": 0},
        "restored": {"spans": 0},
        "damage": [],
        "notes": [],
    }
    return {**came, **changes}


@dataclass
class FakeCore:
    books: dict[str, Any] = field(default_factory=ledger)
    numbers: dict[str, Any] = field(default_factory=stats)
    decisions: dict[bytes, dict[str, Any]] = field(default_factory=dict)
    newest: list[dict[str, Any]] = field(default_factory=list)
    held_traces: int = 0
    judged: list[str] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)

    def ledger(self) -> str:
        return json.dumps(self.books)

    def stats(self) -> str:
        return json.dumps(self.numbers)

    def decision(self, trace_id: bytes, /) -> str | None:
        found = self.decisions.get(trace_id)
        return None if found is None else json.dumps(found)

    def recent(self, limit: int, /) -> str:
        return json.dumps(self.newest[:limit])

    def hear(self, verdicts: bytes, /) -> None:
        self.heard.append(verdicts)

    def judge_all(self) -> int:
        self.judged.append("all")
        self.books["traces"]["judged"] += self.held_traces
        return self.held_traces


def verdict(**changes: Any) -> dict[str, Any]:
    found = {
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "state": "judged",
        "kept": True,
        "policy": "errors",
        "reason": "http_status",
        "early": None,
        "threshold": 0,
        "th": "0",
        "probability": 1.0,
        "randomness": "ce929d0e0e4736",
        "randomness_source": "trace_id",
        "consistent": True,
        "plan": 3,
        "sequence": 17,
        "judged_at_ns": 1_700_000_000_123_456_789,
        "spans": 5,
        "bytes": 1350,
        "duration_ns": 1_250_000_000,
        "evidence": {"reasons": ["http_status", "span_error"], "witness": 503},
        "late_spans_follow": True,
    }
    return {**found, **changes}


def held(**changes: Any) -> dict[str, Any]:
    found = {
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "state": "held",
        "spans": 2,
        "bytes": 540,
        "duration_ns": 3_000_000,
        "due_in_s": 7.25,
        "first_match": None,
        "plan": 3,
    }
    return {**found, **changes}


def status(phase: Phase = Phase.READY) -> Status:
    """A gateway one minute old with one exporter."""
    clock = ManualClock()
    gateway = Status(
        clock,
        Contained(clock),
        found=Found.parse(json.dumps(found())),
        exporters={"tempo": ExporterState()},
        certificates={"admin": CertificateState(not_after_s=1.8e9)},
        peers={"10.0.0.2:7318": PeerState(told=7), "10.0.0.3:7318": PeerState(itself=True)},
        version="1.2.3",
        phase=phase,
    )
    clock.now_s += 60
    gateway.answered_s = clock.now_s
    gateway.contained.count("demo")
    return gateway
