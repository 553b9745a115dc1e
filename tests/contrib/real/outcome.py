"""What became of every trace: by the Collector, by the engine, by the model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

from tailsampler import _core
from tailsampler.decide.dialects.contrib.block import TailSampling
from tailsampler.decide.dialects.contrib.gates import parse_gates
from tailsampler.decide.dialects.contrib.lower import compile_block
from tailsampler.settings.core_options import gateway_options
from tailsampler.settings.root import Settings
from tests.contrib.generate import Config
from tests.contrib.model.compat import COMPAT
from tests.contrib.model.config import decode
from tests.contrib.model.events import Kind
from tests.contrib.model.processor import Gates, Processor
from tests.contrib.real.traffic import Piece, requests

RECORDED = "tailsampling."
"""What the gate ``recordpolicy`` writes begins with this."""
POLICY = RECORDED + "policy"
TRACESTATE = "usetracestate"
RECORD = "recordpolicy"

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_OPTIONS = gateway_options(Settings())
_AT_S = (0.5, 2.5, 4.5)
"""When the bursts come, for the engine and the model."""
_TICKS = 16
_CLOCK_S = 1_000
"""Both clocks when it begins."""


@dataclass
class Kept:
    """What went out of a trace, and who is credited with it, if that is known."""

    spans: int = 0
    policy: str | None = None
    written: list[tuple[str, ...]] = field(default_factory=list)
    """Of every span its id, its tracestate, and what stands on its scope about the policy."""

    def letter(self, plain: AbstractSet[str] | None = None) -> str:
        """A hash of what was written, one letter; of the spans with these ids if some are given."""
        some = (one for one in self.written if plain is None or one[0] in plain)
        return _LETTERS[hashlib.sha256(repr(sorted(some)).encode()).digest()[0] % 64]


Outcome = Mapping[bytes, Kept]
"""By trace id; what is not in it was dropped whole."""


def by_the_collector(bodies: Iterable[bytes]) -> Outcome:
    """From what it sent; policies with the gate ``recordpolicy``."""
    whole = (each for body in bodies for each in _resource_spans(body))
    return _kept(whole, {})


def by_the_engine(
    block: Config, compat: str, gates: Sequence[str], every: Iterable[Piece]
) -> Outcome:
    """What the core makes of it.

    Raises:
        SettingsError: if the block is refused.
    """
    version = int(compat.removeprefix("0."))
    known = parse_gates([gate for gate in gates if gate != RECORD])
    asked = replace(known, record_policy=TRACESTATE in gates and RECORD in gates)
    plan = compile_block(TailSampling.model_validate(block), version, asked).model_dump_json()
    simulation = _core.Simulation(_OPTIONS)
    simulation.install_plan(plan)
    credit: dict[bytes, str | None] = {}
    sent: list[ResourceSpans] = []
    for at_s, request in _timeline(every):
        now_ns = round((_CLOCK_S + at_s) * 1e9)
        if request is not None:
            told = json.loads(simulation.ingest(request.SerializeToString(), now_ns))
            assert "error" not in told, told
        else:
            for verdict in map(json.loads, simulation.advance(now_ns)):
                trace_id = bytes.fromhex(verdict["trace_id"])
                assert trace_id not in credit, "judged twice"
                credit[trace_id] = verdict["policy"]
        sent += (each for body in simulation.take() for each in _resource_spans(body))
    return _kept(sent, credit)


def by_the_model(
    block: Config, compat: str, gates: Sequence[str], every: Iterable[Piece]
) -> Outcome:
    """What the model makes of it; what contrib forgets is forgotten here, too."""
    vetoes = "-disableinvertdecisions" in gates or None
    processor = Processor(
        decode(block, compat),
        compat,
        Gates(use_tracestate=TRACESTATE in gates, ingest_forgets=True),
        replace(COMPAT[compat], inverted_decisions=True) if vetoes else None,
    )
    credit: dict[bytes, str | None] = {}
    sent: list[ResourceSpans] = []
    for at_s, request in _timeline(every):
        now_s = _CLOCK_S + at_s
        took = processor.tick(now_s) if request is None else processor.consume(request, now_s)
        for event in took:
            sent += event.resource_spans(record_policy=RECORD in gates)
            if event.kind is not Kind.LATE and event.policy is not None:
                credit[event.trace_id] = event.policy
    return _kept(sent, credit)


def plain_spans(every: Iterable[Piece]) -> AbstractSet[str]:
    """Ids of spans that bring no tracestate: what is written there, ours writes to the letter.

    Where one brings ``ot``, contrib also leaves what contradicts itself, and sorts anew.
    """
    return {
        span.span_id.hex()
        for piece in every
        for scope in piece.whole.scope_spans
        for span in scope.spans
        if not span.trace_state
    }


def _timeline(
    every: Iterable[Piece],
) -> Iterator[tuple[float, ExportTraceServiceRequest | None]]:
    """Requests, and a tick each second."""
    times: list[tuple[float, ExportTraceServiceRequest | None]]
    times = [(_AT_S[phase], request) for phase, request in requests(every)]
    times += [(float(second), None) for second in range(1, _TICKS)]
    yield from sorted(times, key=lambda one: one[0])


def _resource_spans(body: bytes) -> Iterable[ResourceSpans]:
    return ExportTraceServiceRequest.FromString(body).resource_spans


def _kept(sent: Iterable[ResourceSpans], credit: Mapping[bytes, str | None]) -> Outcome:
    found: dict[bytes, Kept] = {}
    for scope in (scope for resource in sent for scope in resource.scope_spans):
        marks = _marks(scope)
        for span in scope.spans:
            kept = found.setdefault(span.trace_id, Kept(policy=credit.get(span.trace_id)))
            kept.spans += 1
            kept.policy = kept.policy or marks.get(POLICY)
            words = (f"{key}={value}" for key, value in marks.items())
            kept.written.append((span.span_id.hex(), span.trace_state, *words))
    return found


def _marks(scope: ScopeSpans) -> dict[str, str]:
    """In their order."""
    return {
        each.key: each.value.string_value or str(each.value.bool_value)
        for each in scope.scope.attributes
        if each.key.startswith(RECORDED)
    }
