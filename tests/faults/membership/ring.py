"""A stand-in for the Collector's ``loadbalancing`` exporter: a ring by trace id, and a queue."""

from __future__ import annotations

import bisect
import threading
import time
import zlib
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.faults.senders import GrpcSender, Refused
from tests.model.build import request

POSITIONS: Final = 36_000
POINTS: Final = 100
"""Of every gateway on the ring."""
AGAIN_S: Final = 0.3
SOON_S: Final = 0.05
TIMEOUT_S: Final = 1.0


class Ring:
    """Who has which trace. A gateway keeps its places under its name, whatever its address is."""

    def __init__(self, names: Iterable[str]) -> None:
        places = {
            zlib.crc32(f"{name}/{point}".encode()) % POSITIONS: name
            for name in names
            for point in range(POINTS)
        }
        self._places = sorted(places)
        self._names = [places[place] for place in self._places]

    def owner(self, trace_id: bytes) -> str:
        """The gateway of a trace."""
        place = zlib.crc32(trace_id) % POSITIONS
        return self._names[bisect.bisect_left(self._places, place) % len(self._names)]


@dataclass
class Sent:
    """A span on its way, and what became of it."""

    span: Span
    owners: list[str] = field(default_factory=list)
    """Every gateway that acknowledged it: one, unless an answer was lost."""


class Balancer:
    """Sends every span to the gateway that has its trace now, until it is acknowledged.

    What a gateway did not take is routed anew, as a queue above the ring does it.
    """

    def __init__(self, addresses: Mapping[str, str], names: Iterable[str]) -> None:
        self._addresses = addresses
        self._lock = threading.Lock()
        self._ring = Ring(names)
        self._waiting: deque[Sent] = deque()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="balancer")
        self._senders: dict[str, GrpcSender] = {}
        self.failures = 0

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Return when all that was offered is acknowledged."""
        self._stop.set()
        self._thread.join()

    def resolve(self, names: Iterable[str]) -> None:
        """The name resolves to these from now on."""
        with self._lock:
            self._ring = Ring(names)

    def offer(self, spans: Iterable[Sent]) -> None:
        """Take these, and send them soon."""
        with self._lock:
            self._waiting.extend(spans)

    def _run(self) -> None:
        try:
            while True:
                with self._lock:
                    batch, ring = list(self._waiting), self._ring
                    self._waiting.clear()
                if not batch and self._stop.is_set():
                    return
                failed = [self._send(owner, part) for owner, part in _parts(ring, batch)]
                time.sleep(AGAIN_S if any(failed) else SOON_S)
        finally:
            for sender in self._senders.values():
                sender.close()

    def _send(self, owner: str, part: list[Sent]) -> bool:
        """Whether it failed."""
        address = self._addresses[owner]
        payload = request([one.span for one in part]).SerializeToString()
        answer = self._sender(address).call(payload, timeout_s=TIMEOUT_S)
        if isinstance(answer, Refused):
            # A new connection: the old one would wait longer and longer before it tries again.
            self._senders.pop(address).close()
            self.failures += 1
            self.offer(part)
            return True
        for one in part:
            one.owners.append(owner)
        return False

    def _sender(self, address: str) -> GrpcSender:
        if address not in self._senders:
            self._senders[address] = GrpcSender(address)
        return self._senders[address]


def _parts(ring: Ring, batch: list[Sent]) -> list[tuple[str, list[Sent]]]:
    parts: dict[str, list[Sent]] = defaultdict(list)
    for one in batch:
        parts[ring.owner(one.span.trace_id)].append(one)
    return list(parts.items())
