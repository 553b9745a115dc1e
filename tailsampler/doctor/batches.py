"""What backends do not take: batches over their limit, traces over Tempo's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tailsampler.doctor.facts import RECENT, STATUS, Facts, is_tempo
from tailsampler.doctor.finding import Change, Evidence, Finding, Severity
from tailsampler.settings.units import size_text

GRPC_LIMIT: Final = 4 << 20
"""Bytes: what gRPC servers take by default, the Collector's and Tempo's OTLP receivers too."""
TEMPO_TRACE: Final = 5_000_000
"""Bytes: ``overrides.defaults.global.max_bytes_per_trace``, Tempo's default."""


def over_limit(facts: Facts) -> Iterator[Finding]:
    """``max_batch_bytes`` over the 4 MiB that a gRPC server takes unless told otherwise.

    That is grpc's own default; OTLP receivers of the Collector and of Tempo have it
    (``max_recv_msg_size_mib: 4``). What is refused is split and sent again: nothing is lost, and
    every such batch is sent at least twice. It is harm now if the backend has said so.
    """
    for exporter in facts.remote:
        too_large = _requests(facts, exporter.name, "too_large")
        over = exporter.max_batch_bytes > GRPC_LIMIT
        if not over and not too_large:
            continue
        evidence = [
            Evidence(
                f"export.{exporter.name}.max_batch_bytes is {size_text(exporter.max_batch_bytes)}",
                facts.config_name,
            ),
            Evidence("a gRPC server takes 4 MiB by default", "grpc max_receive_message_length"),
        ]
        if facts.live:
            say = f"{too_large:,} batches answered as too large and split, since the start"
            evidence.append(Evidence(say, STATUS))
        wanted = 1 << 20 if over else max(64 << 10, exporter.max_batch_bytes // 2)
        yield Finding(
            id="batch-over-backend-limit",
            severity=Severity.HARM_NOW if too_large else Severity.WILL_HURT,
            what=f"Batches for {exporter.name} are larger than its backend takes"
            f"{'' if too_large else ', unless it was told otherwise'}.",
            evidence=tuple(evidence),
            changes=(
                Change(
                    f"export.{exporter.name}.max_batch_bytes",
                    str(size_text(exporter.max_batch_bytes)),
                    str(size_text(wanted)),
                ),
                Change(
                    "or the backend's OTLP receiver: max_recv_msg_size_mib",
                    "4 by default",
                    f"{-(-exporter.max_batch_bytes // (1 << 20)) + 1}",
                ),
            ),
            effect="Each batch is sent once; a single larger trace still goes alone.",
        )


def trace_over_tempo_limit(facts: Facts) -> Iterator[Finding]:
    """Kept traces over 5 MB, which Tempo takes with a friendly answer and does not store whole.

    ``max_bytes_per_trace`` is 5,000,000 by default. Since 2.4 the sender is not told, so it shows
    in ``tempo_discarded_spans_total{reason="trace_too_large"}`` alone.
    """
    if facts.live is None or not facts.remote:
        return
    kept = [one for one in facts.live.recent if one.get("kept")]
    large = [one for one in kept if int(one.get("bytes", 0)) > TEMPO_TRACE]
    if not large:
        return
    largest = max(large, key=lambda one: int(one["bytes"]))
    size = int(largest["bytes"])
    yield Finding(
        id="trace-over-tempo-limit",
        severity=Severity.HARM_NOW if any(map(is_tempo, facts.remote)) else Severity.HINT,
        what=f"{len(large)} of the {len(kept)} newest kept traces are larger than the 5 MB that "
        "Tempo stores of a trace.",
        evidence=(
            Evidence(f"trace {largest['trace_id']} has {size:,} bytes", RECENT),
            Evidence("5,000,000 bytes a trace", "Tempo: max_bytes_per_trace, default"),
        ),
        changes=(
            Change(
                "Tempo: overrides.defaults.global.max_bytes_per_trace",
                "5000000 by default",
                f"{-(-size * 2 // 1_000_000) * 1_000_000}",
            ),
        ),
        effect='tempo_discarded_spans_total{reason="trace_too_large"} stops growing; or look for '
        "the loop that makes such traces.",
    )


def refused_for_good(facts: Facts) -> Iterator[Finding]:
    """Spans that a backend will never take: each one was kept by a policy, and is lost.

    One is enough: nothing a policy kept may be lost, and the books name it as unintended.
    """
    if facts.live is None:
        return
    for name, pair in facts.live.ledger.exporters.items():
        counts = {
            reason: count
            for reason, count in pair.spans.dropped.items()
            if reason in {"backend_refused", "backend_rejected", "malformed"} and count
        }
        if counts:
            told = ", ".join(f"{count:,} {reason}" for reason, count in counts.items())
            yield Finding(
                id="backend-refuses-spans",
                severity=Severity.HARM_NOW,
                what=f"The backend of {name} did not take {sum(counts.values()):,} kept spans.",
                evidence=(Evidence(f"{told}, since the directory was made", STATUS),),
                changes=(
                    Change(
                        "the backend's limits, or the sender of malformed spans",
                        "its words are in the log: export.spans_dropped, export.spans_rejected",
                        "what those words ask for",
                    ),
                ),
                effect=f"tailsampler_exporter_spans_dropped_total of {name} stops growing.",
            )


def _requests(facts: Facts, exporter: str, outcome: str) -> int:
    if facts.live is None:
        return 0
    found = facts.live.exporters.get(exporter, {}).get("requests") or {}
    return int(found.get(outcome, 0))
