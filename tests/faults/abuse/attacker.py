"""An attacker: connections that write as fast as they can, until they are closed."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.faults.abuse.attacks import Attack
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
        self.silent = False
        outcome.opened += 1

    def write(self) -> bool:
        """Write on for a while; false once the gateway has closed."""
        for _ in range(50):
            if not self._left:
                part = next(self._writes, None)
                if part is None:
                    self.silent = True
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


def attack(attack: Attack, address: str, seconds: float) -> Outcome:
    """Attack for so long; a connection that was closed is followed by another."""
    outcome = Outcome()
    until = time.monotonic() + seconds
    lines: list[Line] = []
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as open_lines:

        def begin() -> None:
            try:
                line = Line(attack, address, outcome)
            except OSError:
                outcome.refused += 1
                return
            open_lines.callback(line.socket.close)
            lines.append(line)
            events = selectors.EVENT_WRITE | (selectors.EVENT_READ if attack.reads else 0)
            selector.register(line.socket, events, line)

        for _ in range(attack.connections):
            begin()
        while time.monotonic() < until:
            for key, events in selector.select(timeout=0.1):
                line: Line = key.data
                alive = True
                if events & selectors.EVENT_READ:
                    alive = line.read()
                if alive and events & selectors.EVENT_WRITE:
                    alive = line.write()
                if not alive:
                    selector.unregister(line.socket)
                    line.socket.close()
                    begin()
                elif line.silent and events & selectors.EVENT_WRITE:
                    # From now on it only waits to be closed.
                    selector.modify(line.socket, selectors.EVENT_READ, line)
    return outcome
