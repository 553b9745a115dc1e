"""What must stand on a span that comes out: the span as it came, but for the stated additions."""

from __future__ import annotations

from typing import NamedTuple

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.model.chain import Received, is_root
from tests.model.gateway import Exported
from tests.model.tracestate import TraceState

PREFIX = "tailsampler."


class Additions(NamedTuple):
    """Everything on an exported span that the sender did not write there."""

    ot: tuple[tuple[str, str], ...]
    policy: str | None
    reason: str | None


class Outcome(NamedTuple):
    """An exported span, taken apart so that two of them can be compared."""

    rest: bytes
    additions: Additions


def envelope(received: Received, span: Span) -> bytes:
    """Everything around and in a span that must come through unchanged, byte for byte."""
    parts = [
        span.SerializeToString(deterministic=True),
        received.resource.SerializeToString(deterministic=True),
        received.resource_schema.encode(),
        received.scope.SerializeToString(deterministic=True),
        received.scope_schema.encode(),
    ]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def strip(received: Received) -> tuple[bytes, TraceState, dict[str, str]]:
    """The span without ``tailsampler.*`` attributes and without ``ot``, and those by themselves."""
    span = Span()
    span.CopyFrom(received.span)
    notes = {}
    for position in reversed(range(len(span.attributes))):
        pair = span.attributes[position]
        if pair.key.startswith(PREFIX):
            notes[pair.key] = pair.value.string_value
            del span.attributes[position]
    state = TraceState.parse(span.trace_state)
    span.trace_state = ",".join(state.others)
    return envelope(received, span), state, notes


def expected(exported: Exported, randomness: int, *, annotate: bool = True) -> Outcome:
    """What comes out for a kept span, judged with this R."""
    rest, state, _ = strip(exported.received)
    verdict = exported.verdict
    inherited = state.threshold
    if inherited is not None and inherited > randomness:
        state.set_threshold(None)  # upstream should have dropped it: its count is unknown
    else:
        state.set_threshold(max(inherited or 0, verdict.threshold))
    if exported.chain.hash_trace_ids and state.randomness is None:
        state.set_randomness(randomness)
    noted = annotate and is_root(exported.received.span)
    additions = Additions(
        tuple(sorted(state.ot.items())),
        verdict.policy if noted else None,
        verdict.reason if noted else None,
    )
    return Outcome(rest, additions)


def possible(exported: Exported, *, annotate: bool = True) -> set[Outcome]:
    """Every right answer for a kept span; one, but for late spans that carry an R of their own."""
    return {expected(exported, value, annotate=annotate) for value in exported.randomness}


def observed(received: Received) -> Outcome:
    """What came out for a span."""
    rest, state, notes = strip(received)
    additions = Additions(
        tuple(sorted(state.ot.items())),
        notes.get(f"{PREFIX}policy"),
        notes.get(f"{PREFIX}reason"),
    )
    return Outcome(rest, additions)
