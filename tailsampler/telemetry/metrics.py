"""Every metric there is: one table, declared before it is emitted.

Names are a stable interface. A size stands beside its limit; labels are closed sets, or names
that the operator chose (policies, exporters).
"""

from dataclasses import dataclass, field
from typing import Final, Literal

TABLE: Final[dict[str, "Metric"]] = {}
"""All metrics by name, in the order of their declaration."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family."""

    name: str
    """As it is written on the wire, ``_total`` of counters included."""
    kind: Literal["counter", "gauge"]
    sentence: str
    labels: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        TABLE[self.name] = self

    @property
    def unit(self) -> str:
        """The unit in the name, as OpenMetrics wants it; empty for plain counts."""
        plain = self.name.removesuffix("_total")
        return next((unit for unit in ("bytes", "seconds") if plain.endswith(f"_{unit}")), "")


Sample = tuple[Metric, tuple[str, ...], float]
"""A metric, the values of its labels, and the number."""


def _counter(name: str, sentence: str, *labels: str) -> Metric:
    return Metric(f"tailsampler_{name}_total", "counter", sentence, labels)


def _gauge(name: str, sentence: str, *labels: str) -> Metric:
    return Metric(f"tailsampler_{name}", "gauge", sentence, labels)


# The books. received = exported + sum of dropped + sum of held, whenever they are read.
SPANS_RECEIVED = _counter("spans_received", "Spans accepted at the doors.")
SPANS_EXPORTED = _counter("spans_exported", "Spans that the primary backend acknowledged.")
SPANS_DROPPED = _counter(
    "spans_dropped", "Spans accepted and later dropped, by reason.", "reason", "intended"
)
SPANS_HELD = _gauge("spans_held", "Spans accepted and neither exported nor dropped yet.", "place")
SPANS_REFUSED = _counter("spans_refused", "Spans of refused requests; their senders keep them.")
SPANS_REJECTED = _counter(
    "spans_rejected", "Spans left out of accepted requests by partial_success.", "reason"
)
SPANS_EXPORTED_AGAIN = _counter(
    "spans_exported_again", "Spans sent once more, though an earlier try may have arrived."
)
RECEIVED_BYTES = _counter("received_bytes", "Bytes of the Span messages accepted.")
EXPORTED_BYTES = _counter("exported_bytes", "Bytes of the Span messages exported.")
DROPPED_BYTES = _counter(
    "dropped_bytes", "Bytes of the Span messages dropped, by reason.", "reason", "intended"
)
HELD_BYTES = _gauge("held_bytes", "Bytes of the Span messages held.", "place")
REFUSED_BYTES = _counter("refused_bytes", "Bytes of the Span messages refused.")
LEDGER_BALANCED = _gauge(
    "ledger_balanced", "1 if every accepted span is accounted for in every exporter's books."
)
OLDEST_HELD = _gauge("oldest_held_seconds", "Age of the oldest trace that waits for its verdict.")

TRACES_JUDGED = _counter("traces_judged", "Traces judged.")
TRACES_KEPT = _counter("traces_kept", "Traces judged and kept.")
TRACES_DROPPED = _counter("traces_dropped", "Traces judged and dropped.")
TRACES_OPEN = _gauge("traces_open", "Traces that wait for their verdict.")

# The exporters, each with books of its own.
EXPORTER_SPANS_EXPORTED = _counter(
    "exporter_spans_exported", "Spans that this exporter's backend acknowledged.", "exporter"
)
EXPORTER_SPANS_DROPPED = _counter(
    "exporter_spans_dropped",
    "Spans that this exporter's backend will not get, by reason.",
    "exporter",
    "reason",
    "intended",
)
EXPORTER_SPANS_HELD = _gauge(
    "exporter_spans_held", "Kept spans in the outbox for this exporter.", "exporter"
)
EXPORTER_REQUESTS = _counter(
    "exporter_requests",
    "Requests sent to a backend, by what became of them.",
    "exporter",
    "outcome",
)
EXPORTER_BATCHES = _counter("exporter_batches", "Batches settled.", "exporter")
EXPORTER_IN_FLIGHT = _gauge("exporter_in_flight", "Batches under way.", "exporter")
EXPORTER_HEALTHY = _gauge("exporter_healthy", "1 if the newest attempt was answered.", "exporter")
EXPORTER_BACKING_OFF = _gauge(
    "exporter_backing_off_seconds", "Time until a failing backend is tried again.", "exporter"
)
EXPORTER_CIRCUIT = _gauge(
    "exporter_circuit",
    "1 for the state of the circuit: closed, open while the backend is away, half_open while one "
    "batch is sent to see whether it is back.",
    "exporter",
    "state",
)
EXPORTER_SPANS_GIVEN_UP = _counter(
    "exporter_spans_given_up",
    "Of the dropped ones, spans that the outbox gave up at a bound, by policy.",
    "exporter",
    "policy",
)
EXPORTER_OUTBOX_BYTES = _gauge(
    "exporter_outbox_bytes", "Bytes on the disk that are held for this exporter.", "exporter"
)
EXPORTER_OUTBOX_LIMIT = _gauge(
    "exporter_outbox_limit_bytes", "Its bound, at which kept traces are given up.", "exporter"
)
EXPORTER_OUTBOX_OLDEST = _gauge(
    "exporter_outbox_oldest_seconds",
    "How long the kept trace at the begin of its backlog has waited.",
    "exporter",
)

# Verdicts.
POLICY_TRACES = _counter(
    "policy_traces", "Traces judged by a policy, since the start.", "policy", "verdict"
)
POLICY_SPANS = _counter(
    "policy_spans", "Spans of the traces judged by a policy, since the start.", "policy", "verdict"
)
VERDICTS = _counter("verdicts", "Traces judged, by reason, since the start.", "reason")
POLICY_VOTES = _counter(
    "policy_votes",
    "What each policy said, each time that it was asked, since the start; where policies vote.",
    "policy",
    "vote",
)
POLICY_ERRORS = _counter(
    "policy_errors",
    "How often a policy failed to answer, and had no vote, since the start.",
    "policy",
)
PLAN_VERSION = _gauge("plan_version", "Version of the plan that new traces are judged by.")

# The doors.
DOOR_REQUESTS = _counter(
    "door_requests", "Requests at the doors, by how they ended.", "protocol", "outcome"
)
DOOR_BODY_BYTES = _counter(
    "door_body_bytes", "Bytes of request bodies, before decompression.", "protocol"
)
DOOR_CONNECTIONS_OPEN = _gauge("door_connections_open", "Connections open now.")
DOOR_CONNECTIONS = _counter(
    "door_connections", "Connections that came, by what became of them.", "outcome"
)
DOOR_CLOSED_CONNECTIONS = _counter(
    "door_closed_connections", "Connections closed over a limit of the doors.", "reason"
)
DOOR_IN_FLIGHT_BYTES = _gauge("door_in_flight_bytes", "Bytes of request bodies in memory.")
DOOR_IN_FLIGHT_REQUESTS = _gauge("door_in_flight_requests", "Requests under way.")
DOOR_PANICS = _counter("door_panics", "Tasks of the doors that ended by a panic; each is a bug.")
REQUESTS_REFUSED = _counter(
    "requests_refused", "Requests refused, by reason, since the start.", "reason"
)
TENANT_SPANS = _counter(
    "tenant_spans",
    "Spans that a tenant sent, by what became of them at the doors, since the start.",
    "tenant",
    "outcome",
)
PASSED_REQUESTS = _counter(
    "passed_requests",
    "Requests of logs and metrics that were passed on, by what became of them.",
    "signal",
    "outcome",
)
PASSED_BYTES = _counter("passed_bytes", "Bytes of these requests, as they came.", "signal")
PASSED_WAITING = _gauge("passed_waiting", "Those that wait for their backend.", "signal")
QUEUE_REQUESTS = _gauge("queue_requests", "Requests that wait for the writer of the buffer log.")
QUEUE_BYTES = _gauge("queue_bytes", "Bytes of these requests.")
QUEUE_LAG = _gauge("queue_lag_seconds", "Age of the oldest of these requests.")
OVERLOAD_LEVEL = _gauge(
    "overload_level", "How often the share of traces that is taken was halved; 0: all are taken."
)

# Other gateways of the tier.
SHARED_VERDICTS = _counter(
    "shared_verdicts",
    "Traces that some gateway keeps for what the others may not see: found here, unshared for want "
    "of room, heard from others, heard too late, applied here.",
    "outcome",
)
PEERS = _gauge("peers", "Other gateways of the tier, by how telling them goes.", "state")
PEER_VERDICTS = _counter(
    "peer_verdicts", "Verdicts that a peer took, or missed.", "peer", "outcome"
)

# Disk and memory.
BUFFER_LOG_BYTES = _gauge("buffer_log_bytes", "Size of the buffer log on the disk.")
BUFFER_LOG_LIMIT = _gauge("buffer_log_limit_bytes", "Its bound, buffer.max_bytes.")
BUFFER_LOG_SEGMENTS = _gauge("buffer_log_segments", "Files of the buffer log.")
RESERVE_SPENT = _gauge(
    "reserve_spent", "1 while the disk is full and its last room is used for verdicts."
)
INDEX_TRACES = _gauge("index_traces", "Traces in the index.")
INDEX_RECORDS = _gauge("index_records", "Runs of spans that the index points to.")
INDEX_BYTES = _gauge("index_bytes", "Memory of the index.")
INDEX_USED = _gauge("index_used_bytes", "Memory of the index that is in use.")
INDEX_LIMIT = _gauge("index_limit_bytes", "Its bound, buffer.max_index_bytes.")
VERDICT_MEMORY_TRACES = _gauge(
    "verdict_memory_traces", "Verdicts that late spans can still follow."
)
VERDICT_MEMORY_REACH = _gauge(
    "verdict_memory_reach_seconds", "Age of the oldest of these verdicts."
)
VERDICT_LOG_BYTES = _gauge("verdict_log_bytes", "Size of the verdict log on the disk.")
VERDICT_LOG_LIMIT = _gauge("verdict_log_limit_bytes", "Its bound, decisions.max_bytes.")
OUTBOX_BYTES = _gauge("outbox_bytes", "Size of the outbox on the disk.")
OUTBOX_LIMIT = _gauge("outbox_limit_bytes", "Its bound, outbox.max_bytes.")
OUTBOX_TRACES = _gauge("outbox_traces", "Kept traces, or late parts of them, in the outbox.")
STORAGE_ERRORS = _counter("storage_errors", "Failures to read or write the data directory.")

# What the start of this process found; nothing of it changes afterwards.
REPLAY = _gauge("replay_seconds", "How long it took to read the data directory at the start.")
REPLAY_REQUESTS = _gauge("replay_requests", "Requests read from the buffer log at the start.")
REPLAY_HELD_SPANS = _gauge("replay_held_spans", "Spans that were held again after the start.")
REPLAY_LOST_SPANS = _gauge(
    "replay_lost_spans", "Accepted spans that could not be read back at the start."
)
REPLAY_LOST_BYTES = _gauge("replay_lost_bytes", "Bytes of the Span messages of these.")
REPLAY_QUARANTINED_SPANS = _gauge(
    "replay_quarantined_spans", "Spans in records that could not be worked on at the start."
)
REPLAY_RESTORED_SPANS = _gauge(
    "replay_restored_spans",
    "Spans that are accounted for twice since the start: the verdict on them was lost.",
)
REPLAY_DAMAGED = _gauge(
    "replay_damaged", "Damaged places in the logs at the start, torn tails aside."
)

# Certificates.
CERTIFICATE_NOT_AFTER = _gauge(
    "certificate_not_after_seconds",
    "When the certificate that is in use ends, in seconds since 1970.",
    "user",
)
CERTIFICATE_RELOADS = _counter(
    "certificate_reloads", "Changed certificate files that were taken up.", "user"
)
CERTIFICATE_RELOAD_FAILURES = _counter(
    "certificate_reload_failures",
    "Attempts to take up changed certificate files that failed; what was stays in use.",
    "user",
)

# The process.
READY = _gauge("ready", "1 while the doors are open and all that spans need is well.")
CONTAINED_FAILURES = _counter(
    "contained_failures",
    "Failures of the program's own parts that were survived; each is a bug, or trouble outside.",
    "component",
)
UPTIME = _gauge("uptime_seconds", "Time since the start.")
BUILD_INFO = _gauge("build_info", "Always 1; the label says what runs.", "version")
