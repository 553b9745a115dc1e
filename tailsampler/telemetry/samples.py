"""The numbers behind the metrics table, read from the ledger, the stats and the exporters."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tailsampler.export.circuit import CircuitState
from tailsampler.telemetry import metrics as m
from tailsampler.telemetry.contrib import contrib_samples
from tailsampler.telemetry.ledger import Books, Ledger, Pair
from tailsampler.telemetry.metrics import Sample
from tailsampler.telemetry.reasons import is_intended
from tailsampler.telemetry.status import Status

# Paths into the stats JSON. A part that is missing is not shown, rather than shown as zero.
_PLAIN: Final = (
    (m.BUFFER_LOG_BYTES, ("log", "bytes")),
    (m.BUFFER_LOG_LIMIT, ("log", "max_bytes")),
    (m.BUFFER_LOG_SEGMENTS, ("log", "segments")),
    (m.RESERVE_SPENT, ("log", "reserve_spent")),
    (m.INDEX_TRACES, ("index", "traces")),
    (m.INDEX_RECORDS, ("index", "records")),
    (m.INDEX_BYTES, ("index", "bytes")),
    (m.INDEX_USED, ("index", "used_bytes")),
    (m.INDEX_LIMIT, ("index", "max_bytes")),
    (m.VERDICT_MEMORY_TRACES, ("late", "traces")),
    (m.VERDICT_MEMORY_REACH, ("late", "reach_seconds")),
    (m.VERDICT_LOG_BYTES, ("verdict_log", "bytes")),
    (m.VERDICT_LOG_LIMIT, ("verdict_log", "max_bytes")),
    (m.OUTBOX_BYTES, ("outbox", "bytes")),
    (m.OUTBOX_LIMIT, ("outbox", "max_bytes")),
    (m.OUTBOX_TRACES, ("outbox", "traces")),
    (m.QUEUE_REQUESTS, ("queue", "requests")),
    (m.QUEUE_BYTES, ("queue", "bytes")),
    (m.QUEUE_LAG, ("queue", "lag_seconds")),
    (m.OVERLOAD_LEVEL, ("queue", "overload_level")),
    (m.DOOR_CONNECTIONS_OPEN, ("door", "connections", "open")),
    (m.DOOR_IN_FLIGHT_BYTES, ("door", "in_flight_bytes")),
    (m.DOOR_IN_FLIGHT_REQUESTS, ("door", "in_flight_requests")),
    (m.DOOR_PANICS, ("door", "panics")),
    (m.PLAN_VERSION, ("plan",)),
    (m.STORAGE_ERRORS, ("storage_errors",)),
)
_OUTCOMES: Final = {"limited": "rate_limited", "pressed": "refused"}
_PROTOCOLS: Final = ("grpc", "http")
_CONNECTIONS: Final = ("total", "turned_away", "handshakes_failed", "accept_errors")
_VOTES: Final = ("sampled", "not_sampled", "dropped")


def samples(ledger: Ledger | None, stats: Mapping[str, Any], status: Status) -> Iterator[Sample]:
    """Every number there is to show; ``ledger`` is None where it could not be read."""
    if ledger is not None:
        yield from _headline(ledger)
        for name, pair in ledger.exporters.items():
            yield from _exporter_books(name, pair)
    yield from _exporters(status)
    yield from _stats(stats)
    yield from _admission(stats, status)
    yield from _passed(stats)
    yield from _shared(stats, status)
    yield from _replay(status)
    yield from _certificates(status)
    for component, count in status.contained.counts.items():
        yield m.CONTAINED_FAILURES, (component,), count
    yield m.READY, (), float(status.ready)
    yield m.UPTIME, (), status.uptime_s
    yield m.BUILD_INFO, (status.version,), 1.0
    if status.replaced is not None:
        yield from contrib_samples(status.replaced, stats)


def _headline(ledger: Ledger) -> Iterator[Sample]:
    spans, octets = ledger.primary.spans, ledger.primary.bytes
    yield m.SPANS_RECEIVED, (), spans.received
    yield m.SPANS_EXPORTED, (), spans.exported
    yield m.SPANS_EXPORTED_AGAIN, (), spans.exported_again
    yield m.SPANS_REFUSED, (), ledger.refused_spans
    yield m.RECEIVED_BYTES, (), octets.received
    yield m.EXPORTED_BYTES, (), octets.exported
    yield m.REFUSED_BYTES, (), ledger.refused_bytes
    yield from _dropped_and_held(m.SPANS_DROPPED, m.SPANS_HELD, spans)
    yield from _dropped_and_held(m.DROPPED_BYTES, m.HELD_BYTES, octets)
    for reason, count in ledger.rejected.items():
        yield m.SPANS_REJECTED, (reason,), count
    yield m.LEDGER_BALANCED, (), float(ledger.balanced)
    yield m.OLDEST_HELD, (), ledger.oldest_held_s
    yield m.TRACES_JUDGED, (), ledger.traces.judged
    yield m.TRACES_KEPT, (), ledger.traces.kept
    yield m.TRACES_DROPPED, (), ledger.traces.dropped
    yield m.TRACES_OPEN, (), ledger.traces.open


def _dropped_and_held(dropped: m.Metric, held: m.Metric, books: Books) -> Iterator[Sample]:
    for reason, count in books.dropped.items():
        yield dropped, (reason, _word(is_intended(reason))), count
    yield held, ("buffer",), books.buffer
    yield held, ("outbox",), books.outbox


def _exporter_books(name: str, pair: Pair) -> Iterator[Sample]:
    yield m.EXPORTER_SPANS_EXPORTED, (name,), pair.spans.exported
    yield m.EXPORTER_SPANS_HELD, (name,), pair.spans.outbox
    for reason, count in pair.spans.dropped.items():
        yield m.EXPORTER_SPANS_DROPPED, (name, reason, _word(is_intended(reason))), count
    for policy, count in pair.spans.given_up.items():
        yield m.EXPORTER_SPANS_GIVEN_UP, (name, policy), count


def _exporters(status: Status) -> Iterator[Sample]:
    now_s = status.clock.monotonic_s()
    for name, state in status.exporters.items():
        yield m.EXPORTER_BATCHES, (name,), state.batches
        yield m.EXPORTER_IN_FLIGHT, (name,), state.in_flight
        yield m.EXPORTER_HEALTHY, (name,), float(state.healthy)
        yield m.EXPORTER_BACKING_OFF, (name,), state.pause_s(now_s)
        for circuit in CircuitState:
            yield (
                m.EXPORTER_CIRCUIT,
                (name, circuit.value),
                float(state.circuit.state is circuit),
            )
        for outcome, count in state.requests.items():
            yield m.EXPORTER_REQUESTS, (name, outcome), count


def _passed(stats: Mapping[str, Any]) -> Iterator[Sample]:
    for signal, passed in (stats.get("passed") or {}).items():
        for outcome in ("accepted", "refused", "failed"):
            yield m.PASSED_REQUESTS, (signal, outcome), passed[outcome]
        yield m.PASSED_BYTES, (signal,), passed["bytes"]
        yield m.PASSED_WAITING, (signal,), passed["waiting"]


def _shared(stats: Mapping[str, Any], status: Status) -> Iterator[Sample]:
    for outcome, count in (stats.get("sharing") or {}).items():
        yield m.SHARED_VERDICTS, (outcome,), count
    others = {name: state for name, state in status.peers.items() if not state.itself}
    if others:
        yield m.PEERS, ("told",), sum(not state.failing for state in others.values())
        yield m.PEERS, ("failing",), sum(state.failing for state in others.values())
    for name, state in others.items():
        yield m.PEER_VERDICTS, (name, "told"), state.told
        yield m.PEER_VERDICTS, (name, "missed"), state.missed


def _certificates(status: Status) -> Iterator[Sample]:
    for user, state in status.certificates.items():
        if state.not_after_s is not None:
            yield m.CERTIFICATE_NOT_AFTER, (user,), state.not_after_s
        yield m.CERTIFICATE_RELOADS, (user,), state.reloads
        yield m.CERTIFICATE_RELOAD_FAILURES, (user,), state.failures


def _replay(status: Status) -> Iterator[Sample]:
    found = status.found
    if found is not None:
        yield m.REPLAY, (), found.took_s
        yield m.REPLAY_REQUESTS, (), found.requests
        yield m.REPLAY_HELD_SPANS, (), found.held_spans
        yield m.REPLAY_LOST_SPANS, (), found.lost_spans
        yield m.REPLAY_LOST_BYTES, (), found.lost_bytes
        yield m.REPLAY_QUARANTINED_SPANS, (), found.quarantined_spans
        yield m.REPLAY_RESTORED_SPANS, (), found.restored_spans
        yield m.REPLAY_DAMAGED, (), found.damaged


def _stats(stats: Mapping[str, Any]) -> Iterator[Sample]:
    for metric, path in _PLAIN:
        value = _at(stats, *path)
        if isinstance(value, int | float):
            yield metric, (), value
    yield from _outbox(stats)
    yield from _door(stats)
    yield from _verdicts(stats)


def _outbox(stats: Mapping[str, Any]) -> Iterator[Sample]:
    for name, held in (_at(stats, "outbox", "exporters") or {}).items():
        yield m.EXPORTER_OUTBOX_BYTES, (name,), held["bytes"]
        yield m.EXPORTER_OUTBOX_LIMIT, (name,), held["max_bytes"]
        yield m.EXPORTER_OUTBOX_OLDEST, (name,), held["oldest_seconds"]


def _door(stats: Mapping[str, Any]) -> Iterator[Sample]:
    for protocol in _PROTOCOLS:
        for outcome, count in (_at(stats, "door", protocol) or {}).items():
            if outcome == "body_bytes":
                yield m.DOOR_BODY_BYTES, (protocol,), count
            else:
                yield m.DOOR_REQUESTS, (protocol, outcome), count
    connections = _at(stats, "door", "connections") or {}
    for outcome in _CONNECTIONS:
        if outcome in connections:
            yield m.DOOR_CONNECTIONS, (outcome,), connections[outcome]
    for reason, count in (connections.get("closed") or {}).items():
        yield m.DOOR_CLOSED_CONNECTIONS, (str(reason),), count


def _admission(stats: Mapping[str, Any], status: Status) -> Iterator[Sample]:
    for reason, count in (_at(stats, "queue", "refused_requests") or {}).items():
        yield m.REQUESTS_REFUSED, (str(reason),), count
    for number, counted in enumerate(_at(stats, "queue", "tenants") or ()):
        tenant = status.tenants[number] if number < len(status.tenants) else str(number)
        for outcome, count in counted.items():
            yield m.TENANT_SPANS, (tenant, _OUTCOMES.get(outcome, outcome)), count


def _verdicts(stats: Mapping[str, Any]) -> Iterator[Sample]:
    for policy in _at(stats, "policies") or ():
        for verdict in ("kept", "dropped"):
            name = str(policy["policy"])
            yield m.POLICY_TRACES, (name, verdict), policy.get(verdict, 0)
            yield m.POLICY_SPANS, (name, verdict), policy.get(f"spans_{verdict}", 0)
    for reason, count in (_at(stats, "verdict_reasons") or {}).items():
        yield m.VERDICTS, (str(reason),), count
    for said in _at(stats, "votes") or ():
        name = str(said["policy"])
        for vote in _VOTES:
            yield m.POLICY_VOTES, (name, vote), said[vote]
        yield m.POLICY_ERRORS, (name,), said["failed"]


def _at(found: Any, *path: str) -> Any:
    for key in path:
        if not isinstance(found, dict):
            return None
        found = found.get(key)
    return found


def _word(flag: bool) -> str:  # noqa: FBT001 - named by its only use
    return "true" if flag else "false"
