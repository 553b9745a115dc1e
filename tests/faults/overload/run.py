"""A real gateway with a small buffer under more than that can hold, in one mode or the other."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from tailsampler.testing.backend import CapturingBackend
from tests.end_to_end.process import GatewayProcess, Json, exports_to
from tests.faults.overload.load import DECISION_WAIT_S, HALF, POLICIES, Load

ALL_T: Final = 1 << 56


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much comes for how long."""

    mode: Literal["refuse", "sample"] = "sample"
    calm_s: float = 10.0
    press_s: float = 60.0
    after_s: float = 30.0
    calm_traces_per_s: float = 200.0
    press_traces_per_s: float = 2_000.0
    buffer_mib: int = 16
    seed: int = 1

    def rate(self, at_s: float) -> float:
        """Traces a second at this time."""
        pressed = self.calm_s <= at_s < self.calm_s + self.press_s
        return self.press_traces_per_s if pressed else self.calm_traces_per_s


@dataclass
class Outcome:
    """What the run came to, by span id and outside of the gateway."""

    offered_spans: int = 0
    acknowledged: int = 0
    delivered: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    """By reason, as the gateway counts it."""
    refused_requests: int = 0
    early: int = 0
    """Traces judged before they were due."""
    errors_offered: int = 0
    errors_whole: int = 0
    """Traces of these that arrived with all of their spans."""
    errors_estimated: float = 0.0
    """What the delivered ones say by their ``th``."""
    parts: int = 0
    """Delivered traces that lack a span."""
    levels: list[tuple[float, int]] = field(default_factory=list)
    """When the level changed, and to what."""
    findings: list[str] = field(default_factory=list)


class Overload:
    """One run."""

    def __init__(self, directory: Path, plan: Plan) -> None:
        self.plan, self.outcome = plan, Outcome()
        self.backend = CapturingBackend()
        self.backend.start()
        self.gateway = GatewayProcess(
            directory, self._config(), receive={"overload": {"mode": plan.mode}}
        )

    def _config(self) -> Json:
        return {
            "sampling": {"decision_wait": f"{DECISION_WAIT_S:.0f}s", "policies": POLICIES},
            "buffer": {"max_bytes": f"{self.plan.buffer_mib}MiB", "segment_bytes": "1MiB"},
            "export": exports_to(self.backend),
        }

    def run(self) -> Outcome:
        """Play it, and reconcile."""
        self.gateway.start()
        load = Load(self.gateway.addresses["otlp_grpc"], self.plan.rate, self.plan.seed)
        began_s = time.monotonic()
        load.start()
        try:
            plan = self.plan
            while time.monotonic() < began_s + plan.calm_s + plan.press_s + plan.after_s:
                time.sleep(0.5)
                self._look(time.monotonic() - began_s)
        finally:
            load.stop()
        self.gateway.until(self.gateway.settled, "all judged and delivered")
        self._reconcile(load)
        if self.gateway.terminate() != 0:
            self.outcome.findings.append("the gateway did not end well")
        return self.outcome

    def clean_up(self) -> None:
        """Leave nothing running."""
        self.gateway.clean_up()
        self.backend.stop()

    def _look(self, at_s: float) -> None:
        level = int(self.gateway.metrics()["overload_level"])
        levels = self.outcome.levels
        if not levels or levels[-1][1] != level:
            levels.append((round(at_s, 1), level))

    def _reconcile(self, load: Load) -> None:
        outcome, books = self.outcome, self.gateway.ledger()["spans"]
        outcome.refused_requests = load.refused_requests
        outcome.offered_spans = sum(trace.offered for trace in load.traces)
        outcome.acknowledged = sum(len(trace.taken) for trace in load.traces)
        outcome.dropped = {reason: count for reason, count in books["dropped"].items() if count}
        metrics = self.gateway.metrics()
        outcome.early = int(metrics.get('verdicts_total{reason="early_buffer_full"}', 0.0))
        arrived: dict[bytes, list[Any]] = {}
        for one in self.backend.spans:
            arrived.setdefault(one.span.trace_id, []).append(one.span)
        copies = Counter(one.span.span_id for one in self.backend.spans)
        outcome.delivered = len(copies)
        by_id = {trace.trace_id: trace for trace in load.traces}
        for trace in load.traces:
            outcome.errors_offered += trace.error
            mine = arrived.get(trace.trace_id, [])
            if not mine:
                continue
            whole = len(mine) == 2 * HALF
            outcome.parts += not whole
            outcome.errors_whole += trace.error and whole
            if trace.error:
                outcome.errors_estimated += weight(mine[0].trace_state)
            lacking = set(trace.taken) - {span.span_id for span in mine}
            if lacking and self.plan.mode == "sample" and not outcome.early:
                outcome.findings.append(f"{trace.trace_id.hex()} was delivered in part")
        if stray := arrived.keys() - by_id.keys():
            outcome.findings.append(f"{len(stray)} traces came that nobody sent")
        accounted = outcome.delivered + sum(outcome.dropped.values())
        if not books["received"] == outcome.acknowledged == accounted:
            outcome.findings.append(
                f"{outcome.acknowledged} spans acknowledged, {books['received']} received, "
                f"{accounted} delivered or dropped by name"
            )


def weight(trace_state: str) -> float:
    """For how many traces one stands whose spans bear this tracestate."""
    fields = dict(part.partition(":")[::2] for part in trace_state.removeprefix("ot=").split(";"))
    threshold = int(fields["th"].ljust(14, "0"), 16)
    return ALL_T / (ALL_T - threshold)
