"""The engine and the model side by side: the same block, requests and clock."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tailsampler import _core
from tailsampler.decide.dialects.contrib.block import TailSampling
from tailsampler.decide.dialects.contrib.gates import Gates as FeatureGates
from tailsampler.decide.dialects.contrib.lower import compile_block
from tailsampler.settings.core_options import gateway_options
from tailsampler.settings.root import Settings
from tests.contrib.generate import Config, Sending, config, traffic
from tests.contrib.model import ot
from tests.contrib.model.compat import NEWEST
from tests.contrib.model.config import decode
from tests.contrib.model.events import Kind
from tests.contrib.model.processor import Gates, Overflow, Processor
from tests.contrib.model.votes import Decision

OPTIONS = gateway_options(Settings())
LONGEST_S = 20
CLOCK_S = 1_000
"""Both clocks when it begins: limits are full by then."""


@dataclass
class Outcome:
    """What became of every trace."""

    verdicts: dict[bytes, tuple[bool, str | None]] = field(default_factory=dict)
    """Kept, and the policy that is credited."""
    sent: Counter[tuple[bytes, int | None]] = field(default_factory=Counter)
    """Ids of spans that went out, late ones too; and T that they bear, under the gate for it."""


def by_the_engine(
    block: Config,
    compat: str | None,
    sendings: list[Sending],
    killed_after: int | None = None,
    *,
    gate: bool = False,
) -> Outcome:
    """What the core makes of it; ``killed_after``: so many requests the process dies.

    ``gate``: that of ``usetracestate``.
    """
    version = None if compat is None else int(compat.removeprefix("0."))
    gates = FeatureGates(use_tracestate=gate)
    plan = compile_block(TailSampling.model_validate(block), version, gates)
    simulation = _core.Simulation(OPTIONS)
    simulation.install_plan(plan.model_dump_json())
    outcome, taken = Outcome(), 0
    for at_s, sending in _timeline(sendings):
        if sending is not None and taken == killed_after:
            simulation.restart(plan.model_dump_json())
        taken += sending is not None
        now_ns = round((CLOCK_S + at_s) * 1e9)
        if sending is not None:
            told = json.loads(simulation.ingest(sending.request.SerializeToString(), now_ns))
            assert "error" not in told, told
        else:
            for text in simulation.advance(now_ns):
                verdict: dict[str, Any] = json.loads(text)
                trace_id = bytes.fromhex(verdict["trace_id"])
                assert trace_id not in outcome.verdicts, "judged twice"
                outcome.verdicts[trace_id] = verdict["kept"], verdict["policy"]
        for payload in simulation.take():
            outcome.sent.update(_spans(payload, gate=gate))
    return outcome


def by_the_model(
    block: Config, compat: str | None, sendings: list[Sending], *, gate: bool = False
) -> Outcome:
    """What the model makes of it."""
    gates = Gates(overflow=Overflow.NEVER, use_tracestate=gate)
    processor = Processor(decode(block, compat or NEWEST), compat or NEWEST, gates)
    thresholds: dict[bytes, int | None] = {}
    outcome = Outcome()
    for at_s, sending in _timeline(sendings):
        now_s = CLOCK_S + at_s
        events = processor.consume(sending.request, now_s) if sending else processor.tick(now_s)
        for event in events:
            if event.kind in {Kind.JUDGED, Kind.TOO_LARGE}:
                kept = event.decision is Decision.SAMPLED
                outcome.verdicts[event.trace_id] = kept, event.policy
            if event.kind is Kind.JUDGED:
                thresholds[event.trace_id] = event.threshold
            outcome.sent.update(
                (held.span.span_id, _written(held.span.trace_state, thresholds, event.trace_id))
                for arrival in event.out
                for scope in arrival.scopes
                for held in scope.spans
            )
    return outcome


def _timeline(sendings: list[Sending]) -> list[tuple[float, Sending | None]]:
    """Requests, and a tick each second."""
    times: list[tuple[float, Sending | None]] = [(one.at_s, one) for one in sendings]
    times += [(float(second), None) for second in range(1, LONGEST_S)]
    return sorted(times, key=lambda one: one[0])


def _written(header: str, thresholds: dict[bytes, int | None], trace_id: bytes) -> int | None:
    """T on a span of a kept trace; a late one bears that of its trace, whatever the version."""
    threshold = thresholds[trace_id]
    state = ot.parse(header)
    if threshold is None or state is None:
        return None
    return max(threshold, state.threshold or 0)


def _spans(payload: bytes, *, gate: bool) -> Iterator[tuple[bytes, int | None]]:
    request = ExportTraceServiceRequest.FromString(payload)
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                state = ot.parse(span.trace_state) if gate else None
                yield span.span_id, None if state is None else state.threshold


def compare(seed: int, traces: int) -> tuple[int, str | None]:
    """Traces that were judged, and how both differ, if they do."""
    dice = Random(seed)
    block, sendings = config(dice), traffic(dice, traces)
    compat = dice.choice([None, None, "0.155", "0.152", "0.143"])
    gate = dice.random() < 0.25
    if compat == "0.143" and "sampling_strategy" in block:
        compat = None  # it came with 0.149
    if gate:
        compat = dice.choice([None, "0.162", "0.160", "0.158"])
    engine = by_the_engine(block, compat, sendings, gate=gate)
    model = by_the_model(block, compat, sendings, gate=gate)
    if engine == model:
        return len(model.verdicts), None
    differing = [
        f"{trace_id.hex()}: engine {engine.verdicts.get(trace_id)}, model {verdict}"
        for trace_id, verdict in model.verdicts.items()
        if engine.verdicts.get(trace_id) != verdict
    ]
    spans = (engine.sent - model.sent) + (model.sent - engine.sent)
    return len(model.verdicts), (
        f"seed {seed}, compat {compat}, gate {gate}: "
        f"{len(differing)} verdicts and {len(spans)} spans differ; "
        f"{differing[:3]}; {json.dumps(block)}"
    )
