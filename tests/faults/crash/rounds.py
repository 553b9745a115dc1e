"""Kill a gateway again and again at random moments, and hold it to what it acknowledged."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.end_to_end.process import GatewayProcess, Json, total
from tests.faults.crash.asking import OracleProcess
from tests.faults.crash.backend import LIFE
from tests.faults.crash.workload import POLICIES

SENDERS = 6
LOAD_S = (0.1, 1.5)  # how long it lives under load
JUDGED_EVERY = 10  # kills between two judgements, each behind a SIGTERM
EXPLAINED = 25  # traces asked for at each judgement
# Small, so that segments are rotated and removed all the time and many batches are under way.
CONFIG: Json = {
    "sampling": {"decision_wait": "700ms", "policies": POLICIES},
    "buffer": {"segment_bytes": "1MiB", "max_bytes": "512MiB"},
    "shutdown": {"doors_within": "2s", "export_within": "5s"},
}


class CrashGateway(GatewayProcess):
    """A gateway that says to its backend which of its lives it is."""

    def __init__(self, directory: Path, endpoint: str, config: Json) -> None:
        super().__init__(directory, config)
        self.endpoint = endpoint
        self.life = 0

    def begin(self) -> None:
        """Start the next life and return at once."""
        self.life += 1
        settings = json.loads(self.config.read_text())
        settings["export"] = [
            {
                "type": "otlp_grpc",
                "name": "backend",
                "endpoint": self.endpoint,
                "tls": {"insecure": True},
                "headers": {LIFE: str(self.life)},
                "max_batch_bytes": "64KiB",
                "linger": "50ms",
                "retry_on_failure": {"initial_interval": "50ms", "max_interval": "500ms"},
            }
        ]
        self.config.write_text(json.dumps(settings, indent=1))
        super().begin()


@dataclass
class Outcome:
    """What a crash run saw."""

    kills: int = 0
    in_replay: int = 0
    """Kills while it started."""
    in_shutdown: int = 0
    """Kills behind a SIGTERM."""
    terms: int = 0
    totals: Json = field(default_factory=dict)
    held: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    ready_s: list[float] = field(default_factory=list)
    ready_held: list[int] = field(default_factory=list)
    """Spans held when it was ready, for each of ``ready_s``."""
    refusals: list[str] = field(default_factory=list)
    took_s: float = 0.0

    def add(self, kind: str, example: str) -> None:
        """Something that is wrong."""
        self.findings[kind] += 1
        self.examples.setdefault(kind, []).append(example)

    @property
    def violations(self) -> int:
        """Everything that is wrong."""
        return sum(self.findings.values())

    def as_json(self) -> Json:
        """All of it, as plain data."""
        return {**vars(self), "findings": dict(self.findings), "violations": self.violations}


class Crashes:
    """One crash run."""

    def __init__(
        self, directory: Path, oracle: OracleProcess, seed: int, config: Json | None = None
    ) -> None:
        self._oracle = oracle
        endpoint = oracle.ask("hello")["endpoint"]
        self.gateway = CrashGateway(directory, endpoint, {**CONFIG, **(config or {})})
        self._dice = random.Random(seed)
        self.outcome = Outcome()

    def run(self, kills: int, say: Callable[[str], None]) -> Outcome:
        """Kill it so many times."""
        began = time.monotonic()
        self._start()
        while self.outcome.kills < kills:
            how = self._dice.choices(["load", "replay", "shutdown"], [80, 10, 10])[0]
            self._load(how)
            if how == "replay" and self.outcome.kills < kills:
                self.gateway.begin()
                time.sleep(self._dice.uniform(0.05, 0.8))
                self._kill()
                self.outcome.in_replay += 1
            self._start()
            if self.outcome.kills // JUDGED_EVERY > self.outcome.terms:
                self._restart_and_judge()
                say(self._progress(kills))
        self._restart_and_judge()
        self.outcome.took_s = round(time.monotonic() - began, 1)
        return self.outcome

    def _progress(self, kills: int) -> str:
        done = self.outcome
        acknowledged = done.totals.get("acknowledged", 0)
        return f"{done.kills} of {kills} kills, {acknowledged:,} spans, {done.violations} findings"

    def _start(self) -> None:
        began = time.monotonic()
        self.gateway.start()
        self.outcome.ready_s.append(round(time.monotonic() - began, 3))
        self.outcome.ready_held.append(total(self._books()["spans"]["held"]))

    def _kill(self) -> None:
        self.gateway.kill()
        self.outcome.kills += 1

    def _load(self, how: str) -> None:
        addresses = self.gateway.addresses
        doors = {name: addresses[name] for name in ("otlp_grpc", "otlp_http")}
        self._oracle.ask("start", senders=SENDERS, **doors)
        time.sleep(self._dice.uniform(*LOAD_S))
        if how == "shutdown":
            self.gateway.running.terminate()
            time.sleep(self._dice.uniform(0.0, 0.4))
            self.outcome.in_shutdown += 1
        process = self.gateway.running_or_ended()
        if process.poll() is None:
            self._kill()
        self._oracle.ask("stop")

    def _books(self) -> Json:
        """The ledger; one that does not balance is a finding."""
        try:
            return self.gateway.ledger()
        except AssertionError as error:
            self.outcome.add("unbalanced", str(error)[:500])
            books: Json = self.gateway.get("/api/v1/ledger")
            return books

    def _restart_and_judge(self) -> None:
        """SIGTERM under no load, the next life, and then every span must be accounted for."""
        if self.gateway.terminate() != 0:
            self.outcome.add("exit_status", "SIGTERM did not end it with status 0")
        self.outcome.terms += 1
        self._start()
        self._explained(self._oracle.ask("sample", most=EXPLAINED)["traces"])
        self.gateway.until(self._settled, "settled", 120)
        judged = self._oracle.ask("judge")
        self.outcome.totals = judged["totals"]
        self.outcome.refusals = judged["words"]
        for kind, count in judged["findings"].items():
            self.outcome.findings[kind] = count
            self.outcome.examples[kind] = judged["examples"][kind]
        self._compare(self._books(), judged["totals"])

    def _settled(self) -> bool:
        self.outcome.held = total(self._books()["spans"]["held"])
        return self.outcome.held == 0

    def _explained(self, traces: Iterable[Json]) -> None:
        """The gateway can say of each trace what became of it, also from before its death."""
        for trace in traces:
            path = f"/api/v1/decisions/{trace['id']}"

            def judged(path: str = path) -> bool:
                said: Any = self.gateway.get(path)
                return said is not None and said.get("state") == "judged"

            self.gateway.until(judged, f"judged: {trace['id']}")
            said = self.gateway.get(path)
            if (said["kept"], said["policy"]) != (trace["kept"], trace["policy"]):
                self.outcome.add("explained_wrongly", f"{trace} but {said}")

    def _compare(self, books: Json, truth: Json) -> None:
        """The ledger's totals since the beginning, against the oracle's."""
        spans, size, traces = books["spans"], books["bytes"], books["traces"]
        pairs = {
            "received": (spans["received"], truth.get("in", 0)),
            "exported": (spans["exported"], truth.get("kept", 0)),
            "dropped by policy": (spans["dropped"]["policy"], truth.get("dropped", 0)),
            "dropped otherwise": (
                total(spans["dropped"]) - spans["dropped"]["policy"],
                0,
            ),
            "bytes received": (size["received"], truth.get("in_bytes", 0)),
            "bytes exported": (size["exported"], truth.get("kept_bytes", 0)),
            "traces judged": (traces["judged"], truth.get("traces", 0)),
            "traces kept": (traces["kept"], truth.get("traces_kept", 0)),
        }
        for name, (said, true) in pairs.items():
            if said != true:
                self.outcome.add("ledger", f"{name}: {said}, but {true} by the oracle's books")
        # What was under way at a death may have arrived or not, so this is a bound.
        again = self.outcome.totals["counted_again"] = spans["exported_again"]
        if again < (twice := truth.get("twice", 0)):
            self.outcome.add("ledger", f"exported again: {again}, but {twice} came twice")
