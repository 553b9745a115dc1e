"""End at once on SIGTERM while the gateway starts, also where it is the first process.

The kernel ignores a signal that the first process of a container has no handler for, so without
this a start would go on to its end, and the gateway after it, until somebody kills it.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

FIRST: Final = 1
"""The process id of a container's first process."""
STATUS: Final = 128 + signal.SIGTERM


@contextmanager
def leaving_on_sigterm() -> Iterator[None]:
    """While the ``with`` block runs, SIGTERM ends the process with status 143.

    Nothing is lost by that: nothing has been taken yet, and the logs are read as they are. The
    block ends with a handler for SIGTERM in place, which stays.
    """
    if os.getpid() != FIRST:
        yield
        return
    ears, mouth = os.pipe()
    os.set_blocking(mouth, False)
    # Handlers of Python run between two of its instructions, and a replay is one: so a thread
    # listens to what the interpreter writes the moment a signal comes.
    signal.signal(signal.SIGTERM, lambda *_: None)
    before = signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
    thread = threading.Thread(target=_listen, args=(ears,), name="leaving", daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(mouth)
        thread.join()
        os.close(ears)


def _listen(ears: int) -> None:
    while heard := os.read(ears, 1):
        if heard[0] == signal.SIGTERM:
            os._exit(STATUS)
