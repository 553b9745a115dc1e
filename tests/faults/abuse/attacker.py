"""An attacker: connections that write as fast as they can, until they are closed."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

from tests.faults.abuse.attacks import ATTACKS, AWAIT_ANSWER, Attack
from tests.faults.abuse.frames import goaway_in

# Answers beyond this are dropped: a GOAWAY is the last thing that is heard.
HEARD = 1 << 16


@dataclass
class Outcome:
    """What an attack sent, and what became of it."""

    sent_bytes: int = 0
    writes: int = 0
    opened: int = 0
    refused: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    # From the first byte of a connection to its end; of connections that were closed.
    lived_s: list[float] = field(default_factory=list)

    @property
    def closed(self) -> int:
        """Connections that the gateway closed."""
        return self.endings.total()

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "sent_bytes": self.sent_bytes,
            "opened": self.opened,
            "closed": self.closed,
            "endings": dict(self.endings),
            "median_s": sorted(self.lived_s)[len(self.lived_s) // 2] if self.lived_s else None,
        }


class Line:
    """One connection of the attacker."""

    def __init__(self, attack: Attack, address: str, outcome: Outcome) -> None:
        host, _, port = address.rpartition(":")
        self._attack, self._outcome = attack, outcome
        self.socket = socket.create_connection((host, int(port)), timeout=30)
        self.socket.setblocking(False)
        self._writes: Iterator[bytes] = attack.writes()
        self._left: memoryview | None = None
        self._heard = b""
        self._began = time.monotonic()
        self.silent = False  # it has said all that it will ever say
        self.waiting = False  # for an answer
        outcome.opened += 1

    def write(self) -> bool:
        """Write on for a while; false once the gateway has closed."""
        for _ in range(50):
            if not self._left:
                part = next(self._writes, None)
                if part is None:
                    self.silent = True
                    return True
                if part == AWAIT_ANSWER:
                    self.waiting = True
                    return True
                self._left = memoryview(part)
            try:
                count = self.socket.send(self._left)
            except BlockingIOError:
                return True
            except OSError:
                return self._hear_the_end()
            self._outcome.sent_bytes += count
            self._outcome.writes += 1
            self._left = self._left[count:]
        return True

    def read(self) -> bool:
        """Hear what there is; false once the gateway has closed."""
        try:
            part = self.socket.recv(1 << 16)
        except BlockingIOError:
            return True
        except OSError:
            return self._end()
        if part and len(self._heard) < HEARD:
            self._heard += part
        elif part:
            self._heard = part  # not from the beginning of a frame; words are lost, no more
        self.waiting = False
        return True if part else self._end()

    def _hear_the_end(self) -> bool:
        with contextlib.suppress(OSError):
            while len(self._heard) < HEARD and (part := self.socket.recv(1 << 16)):
                self._heard += part
        return self._end()

    def _end(self) -> bool:
        code = goaway_in(self._heard)
        self._outcome.endings[f"GOAWAY {code}" if code else "closed"] += 1
        self._outcome.lived_s.append(time.monotonic() - self._began)
        return False


class Swarm:
    """The connections of one attack; one that was closed is followed by another."""

    def __init__(self, attack: Attack, address: str) -> None:
        self.outcome = Outcome()
        self._attack, self._address = attack, address
        self._selector = selectors.DefaultSelector()

    def begin(self) -> None:
        """Open one more connection, and let it say what it says first."""
        try:
            line = Line(self._attack, self._address, self.outcome)
        except OSError:
            self.outcome.refused += 1
            return
        if line.write():
            self._selector.register(line.socket, self._events(line), line)
        else:
            line.socket.close()

    def _events(self, line: Line) -> int:
        writes = not (line.silent or line.waiting)
        # One that reads nothing still hears of its end, when it has nothing to write.
        reads = self._attack.reads or line.silent
        return selectors.EVENT_WRITE * writes | selectors.EVENT_READ * reads

    def go_on(self) -> None:
        """Do what can be done now, or wait a while."""
        if len(self._selector.get_map()) < self._attack.connections:
            self.begin()  # one that was closed at its first word has left a gap
        for key, ready in self._selector.select(timeout=0.1):
            line = key.data
            alive = not ready & selectors.EVENT_READ or line.read()
            if alive and ready & selectors.EVENT_WRITE:
                alive = line.write()
            if not alive:
                self._selector.unregister(line.socket)
                line.socket.close()
            elif self._events(line) != key.events:
                self._selector.modify(line.socket, self._events(line), line)

    def end(self) -> None:
        """Close all."""
        for key in list(self._selector.get_map().values()):
            key.data.socket.close()
        self._selector.close()


def carry_out(
    attack: Attack, address: str, seconds: float, enough: float = float("inf")
) -> Outcome:
    """Attack for so long, or until ``enough`` connections were closed; others follow those."""
    until = time.monotonic() + seconds
    swarm = Swarm(attack, address)
    try:
        for _ in range(attack.connections):
            swarm.begin()
        while time.monotonic() < until and swarm.outcome.closed < enough:
            swarm.go_on()
    finally:
        swarm.end()
    return swarm.outcome


def apart(attack: Attack, address: str, seconds: float) -> Outcome:
    """The same in a process of its own, so that it takes no time from who measures."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_by_name, attack.name, address, seconds).result()


def _by_name(name: str, address: str, seconds: float) -> Outcome:
    attack = next(each for each in ATTACKS if each.name == name)
    return carry_out(attack, address, seconds)
