"""Samples of a gateway, read in a thread that finds a gateway again after it restarts."""

import queue
import threading
from collections.abc import Callable, Generator
from typing import Final, Protocol

from tailsampler.access.credentials import NONE, Credentials
from tailsampler.control.client import ControlClient
from tailsampler.control.v1 import control_pb2 as pb
from tailsampler.errors import ControlError

AGAIN_S: Final = 2.0
RECENT: Final = 20


class Client(Protocol):
    """The part of ``ControlClient`` that is needed."""

    def watch(self, interval_s: float, recent: int) -> Generator[pb.StatsSample, None, None]:
        """Samples, until the gateway is gone."""

    def close(self) -> None:
        """End the connection."""


class Feed:
    """Puts samples, and errors in words, into a queue; ``close`` ends it."""

    def __init__(
        self,
        connect: Callable[[], Client],
        interval_s: float,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        """``wait`` lets so many seconds pass, and returns whether the feed was closed."""
        self.items: queue.SimpleQueue[pb.StatsSample | ControlError] = queue.SimpleQueue()
        self._connect = connect
        self._interval_s = interval_s
        self._closed = threading.Event()
        self._wait = wait or self._closed.wait
        self._client: Client | None = None
        # A daemon: a connection that hangs must not keep a terminal.
        self._thread = threading.Thread(target=self._run, name="top", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """Read no more."""
        self._closed.set()
        if self._client is not None:
            self._client.close()
        self._thread.join(1.0)

    def _run(self) -> None:
        while not self._closed.is_set():
            # A new connection each time: an old one would wait longer and longer by itself.
            self._client = self._connect()
            try:
                for sample in self._client.watch(self._interval_s, RECENT):
                    self.items.put(sample)
                error = ControlError("ended", "the gateway stopped")
            except ControlError as raised:
                error = raised
            finally:
                self._client.close()
            if self._closed.is_set():
                return
            self.items.put(error)
            if self._wait(AGAIN_S):
                return


def connect(endpoint: str, credentials: Credentials = NONE) -> Client:
    """A connection to ``host:port``."""
    return ControlClient.connect(endpoint, credentials)
