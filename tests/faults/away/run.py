"""A real gateway between a load, a backend that is away for a while, and one that is not."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tailsampler.testing.backend import CapturedSpan, CapturingBackend
from tests.end_to_end.process import GatewayProcess, Json
from tests.faults.away.load import KINDS, POLICIES, SPAN_BYTES, Load, Sent

LIVE_S: Final = 10.0
"""What has waited for longer is backlog; the same number stands in the core."""
DECISION_WAIT_S: Final = 1.0
DRAINED_WITHIN_S: Final = 120.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long what lasts, and how small the bounds are."""

    before_s: float = 5.0
    away_s: float = 60.0
    after_s: float = 20.0
    """Load that goes on while the backlog drains."""
    traces_per_s: float = 300.0
    max_outbox_mib: int = 8
    drain_share: float = 0.5
    tick_s: float = 5.0
    in_time_s: float = 8.0
    """The healthy backend has a span within this time: its wait, the wheel, a batch, and the
    machine, which may be busy."""
    seed: int = 1


@dataclass
class Line:
    """One line of the table; numbers since the line before, but for those that are held."""

    at_s: float
    phase: str
    circuit: str
    held_bytes: dict[str, int]
    given_up: dict[str, int]
    """Spans so far, by policy."""
    live: int
    backlog: int


@dataclass
class Outcome:
    """What the run came to, by span id and outside of the gateway."""

    sent: int = 0
    refused_requests: int = 0
    dropped: int = 0
    """By policy."""
    delivered: dict[str, int] = field(default_factory=dict)
    given_up: dict[str, dict[str, int]] = field(default_factory=dict)
    """By exporter and policy, as the gateway counts it."""
    reasons: dict[str, dict[str, int]] = field(default_factory=dict)
    missing: dict[str, dict[str, int]] = field(default_factory=dict)
    """Kept spans that no backend has and no book names, by exporter and policy."""
    twice: dict[str, int] = field(default_factory=dict)
    exported_again: dict[str, int] = field(default_factory=dict)
    most_bytes: int = 0
    """Of the whole outbox."""
    healthy_worst_s: float = 0.0
    drain_s: float = 0.0
    lines: list[Line] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)


class Switched:
    """A backend that can be switched off and on again at its port."""

    def __init__(self) -> None:
        self._backend = CapturingBackend()
        self._backend.start()
        self.endpoint = self._backend.endpoint
        self._before: list[CapturedSpan] = []

    def off(self) -> None:
        """Close the port; who connects is refused."""
        self._backend.stop()
        self._before += self._backend.spans

    def on(self) -> None:
        """Listen again."""
        self._backend = CapturingBackend(address=self.endpoint)
        self._backend.start()

    def stop(self) -> None:
        """End."""
        self._backend.stop()

    @property
    def ids(self) -> list[bytes]:
        """Of every span that it ever took, in the order of arrival."""
        return [one.span.span_id for one in (*self._before, *self._backend.spans)]


class Away:
    """One run."""

    def __init__(self, directory: Path, plan: Plan) -> None:
        self.plan, self.outcome = plan, Outcome()
        self._backends = {"away": Switched(), "well": Switched()}
        self.gateway = GatewayProcess(directory, self._config())
        self._seen = dict.fromkeys(self._backends, 0)
        self._lags: dict[str, list[float]] = {name: [] for name in self._backends}
        self._began_s = 0.0

    def _config(self) -> Json:
        def exporter(name: str, **more: Any) -> Json:
            return {
                "type": "otlp_grpc",
                "name": name,
                "endpoint": self._backends[name].endpoint,
                "tls": {"insecure": True},
                "max_batch_bytes": "256KiB",
                "retry_on_failure": {"initial_interval": "500ms", "max_interval": "4s"},
                **more,
            }

        bounds = {
            "max_outbox_bytes": f"{self.plan.max_outbox_mib}MiB",
            "drain_share": self.plan.drain_share,
        }
        return {
            "sampling": {"decision_wait": f"{DECISION_WAIT_S:.0f}s", "policies": POLICIES},
            "outbox": {"max_bytes": "16MiB"},
            "export": [exporter("away", **bounds), exporter("well")],
        }

    def run(self, say: Callable[[Line], None]) -> Outcome:
        """Play it, and reconcile."""
        self.gateway.start()
        load = Load(self.gateway.addresses["otlp_grpc"], self.plan.traces_per_s, self.plan.seed)
        self._began_s = time.monotonic()
        load.start()
        try:
            self._watch("before", self.plan.before_s, load.sent, say)
            self._backends["away"].off()
            self._watch("away", self.plan.away_s, load.sent, say)
            self._backends["away"].on()
            back_s = time.monotonic()
            self._watch("back", self.plan.after_s, load.sent, say)
        finally:
            load.stop()
        while not self.gateway.settled() and time.monotonic() < back_s + DRAINED_WITHIN_S:
            self._watch("drain", 1.0, load.sent, say)
        self.outcome.drain_s = round(time.monotonic() - back_s, 1)
        self._look("end", load.sent)
        self._reconcile(load.sent)
        if self.gateway.terminate() != 0:
            self.outcome.findings.append("the gateway did not end well")
        return self.outcome

    def clean_up(self) -> None:
        """Leave nothing running."""
        self.gateway.clean_up()
        for backend in self._backends.values():
            backend.stop()

    def _watch(self, phase: str, seconds: float, sent: Sent, say: Callable[[Line], None]) -> None:
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            time.sleep(min(left_s, self.plan.tick_s))
            say(self._look(phase, sent))

    def _look(self, phase: str, sent: Sent) -> Line:
        books = self.gateway.ledger()["exporters"]
        metrics = self.gateway.metrics()
        now_s = time.monotonic()
        for name, backend in self._backends.items():
            new = backend.ids[self._seen[name] :]
            self._seen[name] += len(new)
            self._lags[name] = [now_s - sent.at_s.get(one, now_s) for one in new]
        ages = self._lags["away"]
        line = Line(
            at_s=round(now_s - self._began_s, 1),
            phase=phase,
            circuit=next(
                state
                for state in ("closed", "open", "half_open")
                if metrics[f'exporter_circuit{{exporter="away",state="{state}"}}']
            ),
            held_bytes={
                name: int(metrics[f'exporter_outbox_bytes{{exporter="{name}"}}'])
                for name in self._backends
            },
            given_up=books["away"]["spans"].get("given_up", {}),
            live=sum(age < LIVE_S + self.plan.tick_s for age in ages),
            backlog=sum(age >= LIVE_S + self.plan.tick_s for age in ages),
        )
        outcome = self.outcome
        outcome.most_bytes = max(outcome.most_bytes, int(metrics["outbox_bytes"]))
        # Seen only now and then: what came may have come up to a tick before.
        worst = max(self._lags["well"], default=0.0) - self.plan.tick_s
        outcome.healthy_worst_s = round(max(outcome.healthy_worst_s, worst), 1)
        outcome.lines.append(line)
        return line

    def _reconcile(self, sent: Sent) -> None:
        outcome = self.outcome
        outcome.sent, outcome.refused_requests = len(sent.policy), sent.refused
        outcome.dropped = sum(policy == "dropped" for policy in sent.policy.values())
        books = self.gateway.ledger()["exporters"]
        for name, backend in self._backends.items():
            spans = books[name]["spans"]
            copies = Counter(backend.ids)
            wrong = [one for one in copies if sent.policy.get(one, "dropped") == "dropped"]
            if wrong:
                outcome.findings.append(f"{len(wrong)} spans came to {name} that must not")
            given_up = {kind: spans.get("given_up", {}).get(kind, 0) for kind in KINDS}
            lacking = Counter(sent.policy[one] for one in sent.policy.keys() - copies.keys())
            outcome.delivered[name] = len(copies)
            outcome.given_up[name] = given_up
            outcome.reasons[name] = {
                reason: count
                for reason, count in spans["dropped"].items()
                if count and reason != "policy"
            }
            outcome.missing[name] = {kind: lacking[kind] - given_up[kind] for kind in KINDS}
            outcome.twice[name] = copies.total() - len(copies)
            outcome.exported_again[name] = spans["exported_again"]
            if any(outcome.missing[name].values()):
                outcome.findings.append(f"missing for {name}: {outcome.missing[name]}")
            if outcome.twice[name] > outcome.exported_again[name]:
                outcome.findings.append(f"{outcome.twice[name]} spans came twice to {name}")
        if outcome.reasons["well"]:
            outcome.findings.append(f"the healthy exporter lost {outcome.reasons['well']}")
        if outcome.healthy_worst_s > self.plan.in_time_s:
            outcome.findings.append(f"the healthy one waited {outcome.healthy_worst_s} s")
        errors_went = [line.at_s for line in outcome.lines if line.given_up.get("errors")]
        errors = sum(policy == "errors" for policy in sent.policy.values())
        if errors_went and errors * SPAN_BYTES < self.plan.max_outbox_mib << 20:
            outcome.findings.append(f"errors were given up, first at {errors_went[0]} s")
