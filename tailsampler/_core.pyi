"""The data plane, in Rust. Only the four stages and the testing helpers may import it.

Everything rare crosses as JSON text, everything frequent as bytes and integers.
No call blocks for a network; every call releases the interpreter lock.
"""

from collections.abc import Callable
from typing import Self, final

__all__ = [
    "Batch",
    "CoreError",
    "DataDirectory",
    "Gateway",
    "Payloads",
    "Simulation",
    "__version__",
    "check_plan",
    "json_to_protobuf",
    "scan",
    "split",
]

__version__: str

class CoreError(Exception):
    """The data plane could not do what it was asked.

    ``args[0]`` is a stable slug (``directory_in_use``, ``directory_unwritable``, ``bad_plan``,
    ``listen_failed``, ``bad_options``, ``storage``, ...), ``args[1]`` a sentence that names the
    place and the way out.
    """

@final
class Batch:
    """Kept spans from the outbox, ready to be sent as one ``ExportTraceServiceRequest``."""

    @property
    def token(self) -> int:
        """Names the batch in ``settle`` and ``give_back``; one use."""
    @property
    def payload(self) -> bytes:
        """The serialized request."""
    @property
    def spans(self) -> int:
        """Spans in it."""
    @property
    def tenant(self) -> str:
        """Whose the first trace in it is; whose all are, for an exporter with ``by_tenant``."""
    @property
    def traces(self) -> int:
        """Traces (or late parts of traces) in it."""

@final
class DataDirectory:
    """A data directory that nobody works in; locked for as long as this lives."""

    def __new__(cls, path: str, /) -> Self:
        """Open it; ``CoreError``: ``directory_in_use``, ``no_data_directory``, ``storage``."""
    def survey(self, progress: Callable[[int, int], object], /) -> str:
        """Read everything, as JSON; ``progress`` is told the bytes read, and of how many."""
    def repair(self, dry_run: bool, /) -> str:
        """Make damage harmless; what was done, or would be, as JSON."""
    def payloads(self, log: str, /) -> Payloads:
        """The requests in ``buffer``, or the kept spans in ``outbox``."""

@final
class Payloads:
    """Requests, the oldest first: the serialized request, its spans, when it came (Unix, ns)."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> tuple[bytes, int, int]: ...

@final
class Gateway:
    """Doors, buffer, judge and outbox of one process."""

    def __new__(cls, options: str, /) -> Self:
        """Open the data directory (lock, replay) and start the threads, doors closed.

        ``options`` is JSON::

            {"data_directory": "./data",
             "buffer": {"max_bytes": 8589934592, "segment_bytes": 67108864,
                        "fsync": {"mode": "interval", "interval_ms": 1000}},
             "late": {"max_traces": 1000000, "max_age_ms": 600000},
             "decisions": {"max_bytes": 1073741824},
             "outbox": {"max_bytes": 4294967296,
                        "exporters": {"local": {"max_bytes": null, "max_age_ms": null,
                                                "drain_permille": 500}}},
             "exporters": ["tempo"],          // the first is the primary
             "annotate": true,                // tailsampler.policy and .reason on root spans
             "plan": {...}}                   // crates/core/src/plan/mod.rs
        """
    def listen(self, options: str, /) -> str:
        """Open the doors; from now on requests are taken.

        ``options``: ``{"otlp_grpc": {"endpoint": "127.0.0.1:4317", "max_recv_bytes": 67108864,
        "tls": {"cert_file": "...", "key_file": "...", "client_ca_file": null}} | null,
        "otlp_http": {...} | null, "in_flight_bytes": 268435456, "threads": 1,
        "tenants": {"header": "x-scope-orgid" | null, "names": ["default", "shop"],
        "tokens": [{"tenant": 1, "sha256": "<64 hex digits>"}], "required": true} | null,
        "pass_through": {"logs": true, "metrics": false, "max_bytes": 33554432} | null}``.
        Requests are of the tenant with the number of its place in ``names``; 0 without tenants.
        Returns the bound addresses: ``{"otlp_grpc": "127.0.0.1:4317", "otlp_http": ...}``.
        """
    def close_doors(self, within_s: float, /) -> bool:
        """Take no new request; finish those under way. False if some were cut off at the bound."""
    def renew_tls(self, protocol: str, /) -> None:
        """Read the certificates of a door again, ``otlp_grpc`` or ``otlp_http``.

        New connections get them. Files that cannot be used are an error (``listen_failed``), and
        what was in use stays so.
        """
    def watch_signals(self) -> None:
        """SIGTERM and SIGINT wake Python by ``wake_fd``; a second one ends the process at once."""
    def signalled(self) -> int:
        """The first signal caught since ``watch_signals``, or 0."""
    def wake_fd(self) -> int:
        """An eventfd: readable when the outbox has new batches, a signal came, or storage failed.

        The reader reads 8 bytes to reset it.
        """
    def take(self, exporter: str, max_bytes: int, linger_ms: int, /) -> Batch | None:
        """The next batch for this exporter; None if nothing is ready.

        Spans that came within the last 10 s go first, the others get ``drain_permille`` of the
        bytes meanwhile, and each of the two the oldest first. A batch smaller than ``max_bytes``
        is handed out once its oldest trace has stood in the outbox for ``linger_ms`` (0: at once).
        """
    def settle(
        self,
        exporter: str,
        token: int,
        /,
        *,
        dropped: list[tuple[str, int, int]],
        rejected: int,
        again: int = 0,
    ) -> None:
        """The batch is dealt with: every span is exported but those named here.

        ``dropped``: ``(reason, first, count)`` ranges of spans by their position in the payload.
        ``rejected``: spans the backend refused without saying which (``partial_success``).
        ``again``: exported spans that an earlier try may have brought to the backend already.
        """
    def give_back(self, exporter: str, token: int, /, *, unsure: bool = True) -> None:
        """The batch was not sent, or its fate is ``unsure``; it is handed out again."""
    def take_passed(self, signal: str, /) -> tuple[int, bytes] | None:
        """The next request of ``logs`` or ``metrics``, with its ticket; None if none waits."""
    def answer_passed(
        self,
        ticket: int,
        /,
        *,
        rejected: int = 0,
        message: str | None = None,
        failed: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        """What the sender of a request that was passed on is told, once.

        ``failed``: it will never be taken, and ``message`` says why. ``retry_after_s``: not now.
        Else it was taken, but for so many of its records that were ``rejected``.
        """
    def found(self) -> str:
        """What the start found in the data directory, as JSON (see ``telemetry/found.py``)."""
    def ledger(self) -> str:
        """The books, in one cut, as JSON: the body of ``GET /api/v1/ledger``."""
    def refusing(self) -> bool:
        """Whether requests should go elsewhere, since many are refused here.

        To be asked about once a second: it changes after seconds of refusal, and at most once a
        minute. It waits for no disk.
        """
    def take_found(self) -> bytes:
        """What the other gateways are to be told: 24 bytes a trace, its id and T, big endian.

        Traces that a rule keeps for what it asks of spans, as soon as it does; each once.
        """
    def hear(self, verdicts: bytes, /) -> None:
        """Other gateways told these; ``CoreError``: ``bad_verdicts``."""
    def overload_level(self) -> int:
        """How often the share of traces that is taken was halved; 0: all are. Waits for nothing."""
    def stats(self) -> str:
        """Gauges and counters beside the ledger, as JSON (see ``telemetry/metrics.py``)."""
    def decision(self, trace_id: bytes, /) -> str | None:
        """What is known of a trace, as JSON; None if it was never seen or is forgotten."""
    def recent(self, limit: int, /) -> str:
        """The newest verdicts, newest first, as a JSON array of what ``decision`` says.

        At most ``limit`` that kept and as many that dropped (128 of each are remembered).
        """
    def install_plan(self, plan: str, /) -> int:
        """Judge traces that begin from now on by this plan; returns its version."""
    def judge_all(self) -> int:
        """Judge every held trace now (``early_shutdown``); returns how many."""
    def close(self) -> None:
        """Write a checkpoint, stop and join all threads. What is held stays in the log."""

@final
class Simulation:
    """The same core on a disk in memory and a clock in the caller's hand: no gateway is needed."""

    def __new__(cls, options: str, /) -> Self:
        """``options`` as for ``Gateway``; directories and byte bounds of the disk are ignored."""
    def ingest(self, request: bytes, now_ns: int, /) -> str:
        """Submit one request; returns ``{"spans": n, "rejected": n}`` or ``{"error": "..."}``."""
    def advance(self, now_ns: int, /) -> list[str]:
        """Judge what is due at ``now_ns``; returns what ``Gateway.decision`` says of each trace."""
    def take(self) -> list[bytes]:
        """Everything kept since the last call, one request a trace; settled as exported."""
    def install_plan(self, plan: str, /) -> int:
        """As ``Gateway.install_plan``."""
    def ledger(self) -> str:
        """As ``Gateway.ledger``."""
    def decision(self, trace_id: bytes, /) -> str | None:
        """As ``Gateway.decision``."""
    def restart(self, plan: str, /) -> None:
        """Lose all memory, as ``kill -9`` does, and start again from the disk."""

def check_plan(plan: str, /) -> None:
    """Compile a plan and throw it away; raises ``CoreError("bad_plan", ...)``."""

def split(payload: bytes, at: int, /) -> tuple[bytes, bytes]:
    """Cut a request in two before its span number ``at``; resource and scope are repeated."""

def scan(request: bytes, /) -> str:
    """What the door would see in a request, as JSON, for differential tests."""

def json_to_protobuf(request: bytes, /) -> bytes:
    """OTLP/JSON to protobuf, as the HTTP door does it; raises ``ValueError``."""
