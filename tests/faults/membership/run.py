"""Gateways behind a hash ring that changes, and what becomes of the traces that are under way."""

from __future__ import annotations

import functools
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tailsampler.testing.backend import CapturingBackend
from tests.end_to_end.process import GatewayProcess, Json, exports_to
from tests.faults.clocks import clock_ahead
from tests.faults.membership.load import DECISION_WAIT_S, POLICIES, Load, Trace
from tests.faults.membership.ring import Balancer

RESOLVED_S: Final = 1.0
"""After so long the ring knows that a gateway is gone, or back."""
UNDER_WAY_S: Final = 4.0
"""A trace that began so long before an event was still coming then."""
GATEWAYS: Final = ("g0", "g1", "g2")
JOINS: Final = "g3"


@dataclass
class Fate:
    """What became of the traces that were under way at one event."""

    traces: int = 0
    at_two: int = 0
    """Their spans were acknowledged by more than one gateway."""
    wanted: int = 0
    """The policies keep them, if all of them is judged at once."""
    whole: int = 0
    """Of the wanted, delivered with all spans."""
    split: int = 0
    """Of the wanted, delivered in part."""
    lost: int = 0
    """Of the wanted, not delivered at all."""
    split_by_r: int = 0
    """Of those that R alone decides, delivered in part: never."""


@dataclass
class Outcome:
    """What a run came to, by span id and outside of the gateways."""

    fates: dict[str, Fate] = field(default_factory=lambda: defaultdict(Fate))
    spans: int = 0
    acknowledged: int = 0
    delivered_twice: int = 0
    failures: int = 0
    """Requests of the ring that had to be sent again."""
    late_spans: int = 0
    shared: dict[str, int] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)


class Membership:
    """One run, with sharing or without."""

    def __init__(
        self,
        directory: Path,
        *,
        sharing: bool,
        rate: float = 100.0,
        clocks: Mapping[str, int] | None = None,
    ) -> None:
        """``clocks``: by how many seconds the clock of a gateway is ahead."""
        self._backend = CapturingBackend()
        self._backend.start()
        names = (*GATEWAYS, JOINS)
        self._otlp = dict(zip(names, _free_addresses(len(names)), strict=True))
        self._control = dict(zip(names, _free_addresses(len(names)), strict=True))
        self._sharing = sharing
        self._gateways = {name: self._gateway(directory / name, name) for name in names}
        for name, ahead_s in (clocks or {}).items():
            self._gateways[name].environment = clock_ahead(ahead_s)
        self._ring = set(GATEWAYS)
        self._balancer = Balancer(self._otlp, self._ring)
        self._load = Load(self._balancer, rate, seed=1)
        self._events: list[tuple[str, float, float]] = []
        self.outcome = Outcome()

    def _gateway(self, directory: Path, name: str) -> GatewayProcess:
        directory.mkdir()
        settings: Json = {
            "sampling": {"decision_wait": f"{DECISION_WAIT_S:.0f}s", "policies": POLICIES},
            "export": exports_to(self._backend),
            "control": {"endpoint": self._control[name]},
        }
        if self._sharing:
            endpoints = list(self._control.values())
            settings["peers"] = {"endpoints": endpoints, "tls": {"insecure": True}}
        return GatewayProcess(
            directory, settings, receive={"otlp_grpc": {"endpoint": self._otlp[name]}}
        )

    def run(self, events: Iterable[str]) -> Outcome:
        """Let these happen, one after another, and reconcile."""
        for name in GATEWAYS:
            self._gateways[name].start()
        self._balancer.start()
        self._load.start()
        try:
            self._event("nothing", lambda: time.sleep(UNDER_WAY_S))
            for event in events:
                self._event(event, functools.partial(EVENTS[event], self))
        finally:
            self._load.stop()
            self._balancer.stop()
        for gateway in self._running():
            gateway.until(gateway.settled, "all judged and delivered")
        self._reconcile()
        for gateway in self._running():
            if gateway.terminate() != 0:
                self.outcome.findings.append("a gateway did not end well")
        return self.outcome

    def clean_up(self) -> None:
        """Leave nothing running."""
        for gateway in self._gateways.values():
            gateway.clean_up()
        self._backend.stop()

    def _running(self) -> list[GatewayProcess]:
        gateways = self._gateways.values()
        return [one for one in gateways if one.process and one.process.poll() is None]

    def _event(self, name: str, happens: Callable[[], None]) -> None:
        began_s = time.monotonic()
        happens()
        self._events.append((name, began_s - UNDER_WAY_S, time.monotonic()))
        time.sleep(2 * UNDER_WAY_S)  # so that no trace meets two events

    def _rings(self) -> None:
        """The ring hears of it a moment later."""
        time.sleep(RESOLVED_S)
        self._balancer.resolve(self._ring)

    def _restart_one(self) -> None:
        """A planned restart on the same volume; the ring leaves it out meanwhile."""
        self._ring.remove("g1")
        self._rings()
        self._gateways["g1"].terminate()
        self._gateways["g1"].start()
        self._ring.add("g1")
        self._rings()

    def _add_one(self) -> None:
        self._gateways[JOINS].start()
        self._ring.add(JOINS)
        self._rings()

    def _remove_one(self) -> None:
        """It leaves the ring, goes on until nothing is held, and ends."""
        self._ring.remove("g2")
        self._rings()
        gateway = self._gateways["g2"]
        gateway.until(gateway.settled, "all judged and delivered")
        self._gone(gateway)
        gateway.terminate()

    def _kill_one(self) -> None:
        """``kill -9``; the ring hears of it, and later that it is back."""
        gateway = self._gateways["g0"]
        gateway.kill()
        self._ring.remove("g0")
        self._rings()
        gateway.start()
        self._ring.add("g0")
        self._rings()

    def _gone(self, gateway: GatewayProcess) -> None:
        metrics = gateway.metrics()
        self.outcome.late_spans += int(metrics.get('verdicts_total{reason="late_spans"}', 0))
        for outcome in ("found", "heard", "late", "applied", "unshared"):
            count = int(metrics.get(f'shared_verdicts_total{{outcome="{outcome}"}}', 0))
            self.outcome.shared[outcome] = self.outcome.shared.get(outcome, 0) + count

    def _reconcile(self) -> None:
        outcome = self.outcome
        for gateway in self._running():
            self._gone(gateway)
        delivered: dict[bytes, int] = defaultdict(int)
        for one in self._backend.spans:
            delivered[one.span.span_id] += 1
        outcome.delivered_twice = sum(count > 1 for count in delivered.values())
        outcome.failures = self._balancer.failures
        for trace in self._load.traces:
            outcome.spans += len(trace.spans)
            outcome.acknowledged += sum(bool(one.owners) for one in trace.spans)
            there = sum(one.span.span_id in delivered for one in trace.spans)
            name = next(
                (name for name, first, last in self._events if first <= trace.began_s <= last),
                "between",
            )
            _count(outcome.fates[name], trace, there)
        if outcome.acknowledged != outcome.spans:
            outcome.findings.append(f"{outcome.spans - outcome.acknowledged} were never taken")
        if any(fate.split_by_r for fate in outcome.fates.values()):
            outcome.findings.append("a trace that R alone decides was split")
        if any(fate.lost for fate in outcome.fates.values()):
            outcome.findings.append("a trace that is wanted was not delivered at all")


EVENTS: Final[dict[str, Callable[[Membership], None]]] = {
    "restart": Membership._restart_one,
    "add": Membership._add_one,
    "remove": Membership._remove_one,
    "kill": Membership._kill_one,
}


def _count(fate: Fate, trace: Trace, there: int) -> None:
    fate.traces += 1
    fate.at_two += len(trace.owners) > 1
    part = 0 < there < len(trace.spans)
    if trace.error or trace.chosen_by_r:
        fate.wanted += 1
        fate.whole += there == len(trace.spans)
        fate.split += part
        fate.lost += there == 0
    fate.split_by_r += part and (trace.chosen_by_r or not trace.error)


def _free_addresses(count: int) -> list[str]:
    """So many that nothing listened on a moment ago; they are kept over restarts."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return addresses
