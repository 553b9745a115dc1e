"""A gateway under load for as long as asked, and something that befalls it every few seconds."""

from __future__ import annotations

import json
import signal
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from tests.end_to_end.process import Json
from tests.faults.abuse.attacker import apart
from tests.faults.abuse.attacks import ATTACKS
from tests.faults.crash.asking import OracleProcess
from tests.faults.crash.rounds import SENDERS, Crashes, Outcome

FAULTS: Final = {
    "kill -9": 2,
    "SIGTERM": 1,
    "stopped": 2,
    "backend away": 2,
    "backend slow": 2,
    "attack": 2,
    "nothing": 1,
}
"""What may befall it, and how often."""
AWAY_S: Final = (1.0, 8.0)
STOPPED_S: Final = (0.2, 3.0)
ATTACK_S: Final = 2.0
QUICK: Final = [attack for attack in ATTACKS if attack.soon]
LOOK_EVERY_S: Final = 0.5
JUDGED_EVERY: Final = 6
"""Faults between two judgements of everything that was sent."""
WARM_S: Final = 5.0
"""A process younger than this is still growing."""
FLAT: Final = 1.25
"""The last third of all looks may have this much of the first third's median, and 8 more."""
FLIPS_A_MINUTE: Final = 1


@dataclass
class Looks:
    """What was seen of the process, look by look."""

    memory_mib: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    ready: list[tuple[float, bool]] = field(default_factory=list)
    """When its readiness changed, and to what."""

    def flips_in_a_minute(self) -> int:
        """The most times that it ceased to be ready within any minute."""
        times = [at_s for at_s, ready in self.ready if not ready]
        return max((sum(0 <= t - at_s < 60 for t in times) for at_s in times), default=0)


def grew(numbers: list[float] | list[int]) -> tuple[float, float] | None:
    """The medians of the first and of the last third, if the last is well above the first."""
    third = len(numbers) // 3
    if third == 0:
        return None
    first, last = median(numbers[:third]), median(numbers[-third:])
    return (first, last) if last > first * FLAT + 8 else None


class Soak(Crashes):
    """One soak."""

    def __init__(self, directory: Path, oracle: OracleProcess, seed: int) -> None:
        super().__init__(directory, oracle, seed)
        self.faults: Counter[str] = Counter()
        self.looks = Looks()
        self._began_s = 0.0

    def soak(self, seconds: float, every_s: float, say: Callable[[str], None]) -> Outcome:
        """Go on for so long, with a fault every so often."""
        began = time.monotonic()
        self._start()
        self._send()
        while (at_s := time.monotonic() - began) < seconds:
            self._watch(every_s)
            fault = self._dice.choices(list(FAULTS), list(FAULTS.values()))[0]
            self._befall(fault)
            self.faults[fault] += 1
            if self.faults.total() % JUDGED_EVERY == 0:
                self._judge()
                say(f"{at_s:,.0f} s: {self._said()}")
        self._judge(last=True)
        self._compare_looks()
        self.outcome.took_s = round(time.monotonic() - began, 1)
        return self.outcome

    def _said(self) -> str:
        acknowledged = self.outcome.totals.get("acknowledged", 0)
        faults = self.faults.total()
        return f"{acknowledged:,} spans, {faults} faults, {self.outcome.violations} findings"

    def _start(self) -> None:
        super()._start()
        self._began_s = time.monotonic()
        self.looks.ready.append((self._began_s, True))

    def _send(self) -> None:
        doors = {name: self.gateway.addresses[name] for name in ("otlp_grpc", "otlp_http")}
        self._oracle.ask("start", senders=SENDERS, **doors)

    def _judge(self, *, last: bool = False) -> None:
        self._oracle.ask("stop")
        self._restart_and_judge()
        if not last:
            self._send()

    def _watch(self, seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self._look()
            time.sleep(LOOK_EVERY_S)

    def _look(self) -> None:
        self._books()
        now_s = time.monotonic()
        ready = self._is_ready()
        if not self.looks.ready or self.looks.ready[-1][1] != ready:
            self.looks.ready.append((now_s, ready))
        if now_s - self._began_s >= WARM_S:
            self.looks.memory_mib.append(self.gateway.resident_bytes() / 2**20)
            files = Path(f"/proc/{self.gateway.running.pid}/fd")
            self.looks.files.append(sum(1 for _ in files.iterdir()))

    def _is_ready(self) -> bool:
        url = f"http://{self.gateway.addresses['telemetry']}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=30):
                return True
        except urllib.error.HTTPError as error:
            error.close()
            return False

    def _befall(self, fault: str) -> None:
        match fault:
            case "kill -9":
                self._kill()
                self._again()
            case "SIGTERM":
                if self.gateway.terminate() != 0:
                    self.outcome.add("exit_status", "SIGTERM did not end it with status 0")
                self._again()
            case "stopped":
                self.gateway.running.send_signal(signal.SIGSTOP)
                time.sleep(self._dice.uniform(*STOPPED_S))
                self.gateway.running.send_signal(signal.SIGCONT)
            case "backend away" | "backend slow":
                for_s = self._dice.uniform(*AWAY_S)
                self._oracle.ask("trouble", kind=fault.removeprefix("backend "), seconds=for_s)
            case "attack":
                attack = self._dice.choice(QUICK)
                apart(attack, self.gateway.addresses[attack.door], ATTACK_S)

    def _again(self) -> None:
        """The senders have lost their connections: they end, and others begin."""
        self._oracle.ask("stop")
        self._start()
        self._send()

    def _compare_looks(self) -> None:
        for what, numbers in (("memory_mib", self.looks.memory_mib), ("files", self.looks.files)):
            if (medians := grew(numbers)) is not None:
                self.outcome.add("grew", f"{what}: from {medians[0]:.1f} to {medians[1]:.1f}")
        if (flips := self.looks.flips_in_a_minute()) > FLIPS_A_MINUTE:
            self.outcome.add("flapping", f"it ceased to be ready {flips} times within a minute")

    def as_json(self) -> Json:
        """All of it, as plain data."""
        looks = json.loads(json.dumps(vars(self.looks)))
        return {**self.outcome.as_json(), "faults": dict(self.faults), "looks": looks}
