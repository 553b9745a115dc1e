"""One run of a case: who is measured, where they live, and how one round of them is read."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from benchmarks import process
from benchmarks.backend import DiscardingBackend
from benchmarks.case import Case, Load, Way
from benchmarks.gateway import Books, GatewayError, GatewayProcess
from benchmarks.offer import SETTLE_WITHIN_S, offer
from benchmarks.peer import Peer, PeerProcess
from benchmarks.result import OURS

Subject = GatewayProcess | PeerProcess
ROOT: Final = Path(__file__).resolve().parent.parent
WARM_UP_SPANS: Final = 65_536
"""Threads, buffers and caches that exist once are no cost of a span: they are paid for first."""
SPARE_S: Final = 2.0
"""Beyond the wait, before a peer is asked whether it is done."""


class Skip(Exception):  # noqa: N818 - nothing is wrong: this subject cannot be measured so
    """A subject has no such door; the message says which."""


@dataclass
class Bench:
    """What all measures share."""

    case: Case
    rounds: int
    scale: float
    scratch: Path
    backend: DiscardingBackend
    peer: Peer | None
    say: Callable[[str], None]
    notes: list[str] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)
    _ours: dict[tuple[object, ...], GatewayProcess] = field(default_factory=dict)
    _made: int = 0
    _certificates: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def subjects(self) -> list[str]:
        """Who is measured in every round, in turn."""
        return [OURS, *([self.peer.name] if self.peer else [])]

    @contextmanager
    def subject(self, way: Way, who: str) -> Iterator[Subject]:
        """A process that is warm and holds nothing: ours lives on until the run ends.

        A peer is started for the turn: it has one address, and each way a configuration.
        """
        if who == OURS:
            if way.start not in self._ours:
                self._ours[way.start] = self._stack.enter_context(self.ours(way))
                self._warm(self._ours[way.start], way)
            yield self._ours[way.start]
        else:
            with self.peers(way) as peer:
                self._warm(peer, way)
                yield peer

    def ours(self, way: Way, directory: Path | None = None, wait: str | None = None) -> Any:
        """A gateway of its own, not yet started to the end: for ``with``."""
        return GatewayProcess(
            (self.case.directory / way.config).resolve(),
            directory or self.directory(),
            backend_port=self.backend.port,
            decision_wait=wait or way.decision_wait,
            more=self._environment(way),
            cpus=self.cpus(way)[0],
        )

    def peers(self, way: Way, wait: str | None = None) -> PeerProcess:
        """The peer, likewise."""
        if self.peer is None:
            raise GatewayError("there is no peer")
        return PeerProcess(
            self.peer,
            self.directory(),
            backend_port=self.backend.port,
            decision_wait=wait or way.decision_wait,
            more=way.environment,
            cpus=self.cpus(way)[0],
        )

    def directory(self) -> Path:
        """One that nobody uses yet."""
        self._made += 1
        return self.scratch / str(self._made)

    def _environment(self, way: Way) -> dict[str, str]:
        return way.environment | {"BENCH_CERTIFICATES": str(self.certificates(way))}

    def certificates(self, way: Way) -> Path:
        """A folder with an authority and a server's certificate, made when a way needs them."""
        if self._certificates is None:
            self._certificates = self.scratch / "certificates"
            if any(one.load.tls for one in (*self.case.ways, way)):
                subprocess.run(
                    [ROOT / "scripts" / "certificates", self._certificates],
                    check=True,
                    capture_output=True,
                )
        return self._certificates

    @staticmethod
    def cpus(way: Way) -> tuple[list[int] | None, list[int] | None]:
        """Processors of the subject and of the generator; None: any.

        Raises:
            GatewayError: the machine has fewer than the way asks for.
        """
        if way.cpus is None:
            return None, None
        there = sorted(os.sched_getaffinity(0))
        if way.cpus > len(there):
            raise GatewayError(f"{way.name} asks for {way.cpus} processors of {len(there)}")
        # Where none is left the generator shares, and the goal's `cpus` says that it is no good.
        return there[: way.cpus], there[way.cpus :] or there

    def scaled(self, spans: int) -> int:
        """So many at the scale of the run."""
        return max(1, int(spans * self.scale))

    def offer(self, subject: Subject, way: Way, *more: str, **how: Any) -> dict[str, Any]:
        """As ``offer.offer``, to the door of the way's protocol."""
        load: Load = how.pop("load", way.load)
        endpoint = subject.otlp_endpoint if load.protocol == "grpc" else subject.http_endpoint
        if isinstance(subject, PeerProcess) and load.tls:
            raise Skip(f"{way.name}: TLS is not measured at a peer")
        if endpoint is None:
            raise Skip(f"{way.name}: {subject.name} has no --peer-http-address")
        tls = (f"--ca-file={self.certificates(way) / 'ca.crt'}",) if load.tls else ()
        return offer(endpoint, load, *tls, *more, cpus=self.cpus(way)[1], **how)

    def _warm(self, subject: Subject, way: Way) -> None:
        try:
            self.offer(subject, way, "--retry", spans=self.scaled(WARM_UP_SPANS))
        except Skip:
            return  # the round says so
        self.settle(subject, way)

    def settle(self, subject: Subject, way: Way, down_to: int = 0) -> Books | None:
        """Wait until no more is held; None of a peer, which has no books to show."""
        if isinstance(subject, GatewayProcess):
            return subject.settle(SETTLE_WITHIN_S, down_to)
        wait = 0.0 if way.held else seconds(way.decision_wait)
        subject.settle(SETTLE_WITHIN_S, wait + SPARE_S)
        return None

    def turns(self) -> Iterator[tuple[int, Way, str]]:
        """Round, way and subject: A B A B, so that a slow minute of the machine falls on all."""
        ways, who = self.case.ways, self.subjects()
        for number in range(self.rounds):
            for way in ways:
                for one in who:
                    self.say(f"round {number + 1} of {self.rounds}, {way.name}, {one}")
                    yield number, way, one


def seconds(duration: str) -> float:
    """Of ``10s`` or ``500ms``.

    Raises:
        GatewayError: it is neither.
    """
    for unit, worth in (("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)):
        if duration.endswith(unit) and duration.removesuffix(unit).isdigit():
            return int(duration.removesuffix(unit)) * worth
    raise GatewayError(f"{duration!r} is no wait of a case; write 10s or 500ms")


class Meter:
    """What is used from its making until ``read``: by a subject, the kernel, and the others."""

    def __init__(self, subject: Subject, scratch: Path) -> None:
        self._subject, self._scratch = subject, scratch
        self._books = subject.books() if isinstance(subject, GatewayProcess) else None
        self._before = self._now()

    def _now(self) -> dict[str, float]:
        return {
            "cpu": process.tree_cpu_seconds(self._subject.pid),
            "kernel": process.kernel_thread_seconds(),
            "busy": process.machine_busy_seconds(),
            "own": time.process_time(),
            "written": process.written_bytes(self._scratch),
            "at": time.monotonic(),
        }

    def read(
        self, told: dict[str, Any], peak: process.Memory, books: Books | None
    ) -> tuple[dict[str, float], bool | None]:
        """Figures, and whether every span is accounted for."""
        used = {name: value - self._before[name] for name, value in self._now().items()}
        spans = told["acknowledged_spans"] or 1
        known = used["cpu"] + used["own"] + used["kernel"] + told["own_cpu_seconds"]
        offering = told["offering_seconds"] or told["seconds"]
        figures = {
            "cpu_us_a_span": used["cpu"] * 1e6 / spans,
            "kernel_cpu_us_a_span": used["kernel"] * 1e6 / spans,
            "offered_spans_a_s": told["offered_spans"] / offering,
            "acknowledged_spans_a_s": told["acknowledged_spans"] / told["seconds"],
            "refused_requests": float(told["refusals"]),
            "p50_ms": told["latency_ms"]["p50"],
            "p99_ms": told["latency_ms"]["p99"],
            "p999_ms": told["latency_ms"]["p999"],
            "anonymous_mb": peak.anonymous / 1e6,
            "file_mb": peak.mapped / 1e6,
            "disk_bytes_a_span": used["written"] / spans,
            "wire_bytes_a_span": told["bytes_per_span"],
            "others_cores": max(0.0, (used["busy"] - known) / used["at"]),
        }
        if told["own_cpu_seconds"]:
            # One processor of the generator could keep so many of the subject's busy.
            own_us = told["own_cpu_seconds"] * 1e6 / told["offered_spans"]
            figures["generator_headroom"] = figures["cpu_us_a_span"] / own_us
        accounted = None
        if books is not None and self._books is not None:
            grown = books.received - self._books.received
            accounted = books.holds and grown == told["acknowledged_spans"]
        return figures, accounted
