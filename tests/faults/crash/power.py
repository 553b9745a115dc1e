"""Real power cuts: what a disk holds at a random instant, and a gateway started on that.

The data directory is on an ext4 file system in a file. At random instants, under load, the file
is copied: the copy has what was written to the disk, and not what the kernel still holds in
memory. It is mounted, which replays its journal, and a gateway on it hands out all it has.

Half of the copies are made while the gateway is stopped by SIGSTOP, so that they are of one
instant; the others while it runs. Exit status 1 if a mode loses more than it says.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import click

from tailsampler.control.client import ControlClient
from tests.end_to_end.process import Json
from tests.faults.crash import disks
from tests.faults.crash.asking import OracleProcess
from tests.faults.crash.rounds import CrashGateway
from tests.faults.crash.workload import KEEP_ALL

MODES: dict[str, object] = {"always": "always", "interval": {"interval": "1s"}, "never": "never"}
INTERVAL_S = 1.0
WAIT = "2s"  # short, so that all three logs are written and removed all the time
SENDERS = 3
SPANS_A_SECOND = 1_500.0  # all senders together
MEGABYTES = 320  # an outbox of two segments, and the buffer
APART_S = (0.2, 1.2)  # between two cuts, beside the time that judging one takes
DRAIN_S = 30.0


@dataclass
class Cut:
    """One power cut, judged."""

    stopped: bool
    copy_s: float
    clean: bool
    balanced: bool
    owed: int
    lost: int
    requests_hit: int
    oldest_s: float
    """Age of the oldest acknowledgement that was lost, in seconds before the copy began."""
    on_copy: int
    altered: int


@dataclass
class Cuts:
    """All of them, in one mode."""

    mode: str
    cuts: list[Cut] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    """Copies on which no gateway started, or none that could be emptied, with the words."""
    unbalanced: list[str] = field(default_factory=list)
    """Ledgers that do not come out, at the start and when all was sent."""

    @property
    def oldest_s(self) -> float:
        """The window that was lost, at its widest."""
        return max((cut.oldest_s for cut in self.cuts), default=0.0)

    def broken(self, sync_s: float) -> bool:
        """Whether the mode lost more than it says; a sync may take ``sync_s``."""
        if self.failed or any(cut.altered for cut in self.cuts):
            return True
        lost = any(cut.lost for cut in self.cuts)
        if self.mode == "interval":
            return self.oldest_s > INTERVAL_S + sync_s
        return self.mode == "always" and lost

    def table(self) -> str:
        """The figures."""
        rows: list[tuple[str, object]] = [
            ("mode", self.mode),
            ("power cuts", len(self.cuts)),
            ("  while the gateway was stopped", sum(cut.stopped for cut in self.cuts)),
            ("  file system clean afterwards", sum(cut.clean for cut in self.cuts)),
            ("  ledger balanced afterwards", sum(cut.balanced for cut in self.cuts)),
            ("no gateway could be started", len(self.failed)),
            ("acknowledged spans asked for", sum(cut.owed for cut in self.cuts)),
            ("lost", sum(cut.lost for cut in self.cuts)),
            ("  in so many cuts", sum(cut.lost > 0 for cut in self.cuts)),
            ("altered", sum(cut.altered for cut in self.cuts)),
            ("oldest that was lost, in seconds", self.oldest_s),
            ("longest copy, in seconds", max((cut.copy_s for cut in self.cuts), default=0.0)),
        ]
        return "\n".join(
            [f"{name:<36}{value:>12}" for name, value in rows]
            + self.failed[:5]
            + self.unbalanced[:5]
        )


class Power:
    """A gateway under load on a disk of its own, and copies of that disk."""

    def __init__(
        self, directory: Path, oracle: OracleProcess, mode: str, seed: int, wait: str = WAIT
    ) -> None:
        self._directory, self._oracle, self._dice = directory, oracle, random.Random(seed)
        self._ends = oracle.ask("hello")
        self._image, self._copy = directory / "disk.img", directory / "copy.img"
        self._config: Json = {
            "sampling": {"decision_wait": wait, "policies": KEEP_ALL},
            "buffer": {
                "segment_bytes": "1MiB",
                "max_bytes": "64MiB",
                "fsync": MODES[mode],
            },
            "decisions": {"max_bytes": "16MiB"},
        }
        self.cuts = Cuts(mode)

    def run(self, number: int, say: Callable[[str], None]) -> Cuts:
        """Cut the power so many times."""
        disks.make_ext4(self._image, MEGABYTES)
        with ExitStack() as stack:
            disk = stack.enter_context(disks.mounted(self._image, self._directory / "disk"))
            gateway = self._gateway("live", disk, self._ends["endpoint"])
            stack.callback(gateway.clean_up)
            gateway.start()
            doors = {name: gateway.addresses[name] for name in ("otlp_grpc", "otlp_http")}
            self._oracle.ask("start", senders=SENDERS, **doors)
            time.sleep(2.0)
            for count in range(1, number + 1):
                time.sleep(self._dice.uniform(*APART_S))
                self._cut(gateway)
                if count % 10 == 0:
                    lost = sum(cut.lost for cut in self.cuts.cuts)
                    worst = f"the oldest acknowledged {self.cuts.oldest_s} s before"
                    say(f"{self.cuts.mode}: {count} of {number} cuts, {lost:,} spans lost, {worst}")
            self._oracle.ask("stop")
            _ = gateway.running  # it must have lived through all of this
        return self.cuts

    def _gateway(self, name: str, disk: Path, endpoint: str) -> CrashGateway:
        home = self._directory / name
        home.mkdir(exist_ok=True)
        data = disk / "data"
        gateway = CrashGateway(home, endpoint, {**self._config, "data_directory": str(data)})
        gateway.data = data
        return gateway

    def _cut(self, gateway: CrashGateway) -> None:
        stopped = self._dice.random() < 0.5
        begin_s = time.monotonic()
        if stopped:
            os.kill(gateway.running.pid, signal.SIGSTOP)
        try:
            disks.copy(self._image, self._copy)
        finally:
            end_s = time.monotonic()
            if stopped:
                os.kill(gateway.running.pid, signal.SIGCONT)
        self._oracle.ask("clear")
        try:
            balanced = self._empty()
        except (AssertionError, disks.NoMountError) as error:
            self.cuts.failed.append(str(error)[-2000:])
            return
        judged = self._oracle.ask("judge", begin_s=begin_s, end_s=end_s)
        clean = disks.is_clean(self._copy)
        took_s = round(end_s - begin_s, 3)
        self.cuts.cuts.append(Cut(stopped, took_s, clean, balanced, **judged))

    def _empty(self) -> bool:
        """Start a gateway on the copy and have it send all it has; whether its books balance."""
        with disks.mounted(self._copy, self._directory / "cut") as disk:
            gateway = self._gateway("copy", disk, self._ends["copy_endpoint"])
            try:
                gateway.start()
                first = gateway.get("/api/v1/ledger")["spans"]
                client = ControlClient.connect(gateway.addresses["control"])
                try:
                    left = client.drain(DRAIN_S)
                finally:
                    client.close()
                books: Json = gateway.get("/api/v1/ledger")
                held = books["spans"]["held"]
                assert sum(held.values()) == 0, f"{held} left of a drain: {left}"
                if not books["balanced"]:
                    self.cuts.unbalanced.append(f"at first {first}, then {books['spans']}")
                return bool(books["balanced"])
            finally:
                gateway.clean_up()


def main() -> int:
    """Run, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.crash.power", description=__doc__)
    parser.add_argument("--cuts", type=int, default=200, help="how many")
    parser.add_argument("--mode", choices=sorted(MODES), default="always", help="buffer.fsync")
    parser.add_argument("--wait", default=WAIT, help="decision_wait; long to see a whole window")
    parser.add_argument("--seed", type=int, default=1, help="of the load and of the moments")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    arguments = parser.parse_args()
    options = ("--seed", str(arguments.seed), "--spans-a-second", str(SPANS_A_SECOND))
    with (
        tempfile.TemporaryDirectory(prefix="power-") as directory,
        OracleProcess("tests.faults.crash.cut_oracle", *options) as oracle,
    ):
        if why := disks.why_no_mounts(Path(directory)):
            click.echo(f"nothing can be mounted here: {why}", err=True)
            return 2
        power = Power(Path(directory), oracle, arguments.mode, arguments.seed, arguments.wait)
        cuts = power.run(arguments.cuts, lambda line: click.echo(line, err=True))
    if arguments.json:
        click.echo(
            json.dumps({"mode": cuts.mode, "cuts": [vars(cut) for cut in cuts.cuts]}, indent=1)
        )
    else:
        click.echo(cuts.table())
    return 1 if cuts.broken(sync_s=1.0) else 0


if __name__ == "__main__":
    sys.exit(main())
