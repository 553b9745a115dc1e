"""``tailsampler top`` as a program: live in a terminal, one picture elsewhere, or JSON."""

import os
import queue
import select
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import IO, Final

from rich.console import Console
from rich.live import Live

from tailsampler.access.credentials import NONE, Credentials
from tailsampler.errors import ControlError
from tailsampler.settings.base import BadValueError
from tailsampler.settings.endpoint import parse_endpoint
from tailsampler.top.as_json import line as as_line
from tailsampler.top.feed import AGAIN_S, Client, Feed, connect
from tailsampler.top.picture import picture
from tailsampler.top.rates import Watched

WELL: Final = 0
FINDING: Final = 1
# How long a key press or a new size of the window waits to be seen.
_POLL_S: Final = 0.1
# Long enough for a chain of twenty policies and some verdicts.
_ONCE_ROWS: Final = 50
_LEAST_S: Final = 0.1
_MOST_S: Final = 60.0


def top(
    endpoint: str,
    *,
    interval_s: float,
    once: bool,
    as_json: bool,
    credentials: Credentials = NONE,
) -> int:
    """Watch a gateway until somebody has seen enough; returns the exit status.

    Raises ``ControlError`` if the address or the interval is none or a file of ``credentials``
    cannot be read, and with ``once`` if the gateway cannot be asked.
    """
    try:
        address = str(parse_endpoint(endpoint))
    except BadValueError as error:
        raise ControlError("bad_endpoint", str(error)) from error
    if not _LEAST_S <= interval_s <= _MOST_S:
        say = f"the interval is {interval_s:g} s; write a duration from 100ms to 1m"
        raise ControlError("bad_interval", say)

    credentials.pem()  # what cannot be read is said before the screen is taken

    def connected() -> Client:
        return connect(address, credentials)

    feed = Feed(connected, interval_s)
    feed.start()
    try:
        with _ends_by_signal():
            if once or (not as_json and not sys.stdout.isatty()):
                return _once(feed, sys.stdout, as_json=as_json)
            return _lines(feed, sys.stdout, sys.stderr) if as_json else _live(feed)
    except KeyboardInterrupt:
        return WELL
    except BrokenPipeError:
        # Whoever read it has seen enough; what is still buffered must not raise once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WELL
    finally:
        feed.close()


def _once(feed: Feed, out: IO[str], *, as_json: bool) -> int:
    """Two samples, since rates need two, and one picture."""
    watched = Watched()
    for _ in range(2):
        item = feed.items.get()
        if isinstance(item, ControlError):
            raise item
        watched.add(item)
    if as_json:
        out.write(f"{as_line(watched)}\n")
    else:
        console = Console(file=out, highlight=False, emoji=False)
        console.print(picture(watched, console.width, _ONCE_ROWS))
    balanced = watched.sample is not None and watched.sample.ledger.balanced
    return WELL if balanced else FINDING


def _lines(feed: Feed, out: IO[str], complaints: IO[str]) -> int:
    """One object a sample, until a signal."""
    watched = Watched()
    while True:
        item = feed.items.get()
        if isinstance(item, ControlError):
            complaints.write(f"{not_answering(item)}\n")
            complaints.flush()
        else:
            watched.add(item)
            out.write(f"{as_line(watched)}\n")
            out.flush()


def _live(feed: Feed) -> int:
    """The picture, on a screen of its own, until q or a signal."""
    watched, trouble = Watched(), ""
    console = Console(highlight=False, emoji=False)

    def shown(live: Live) -> None:
        live.update(picture(watched, console.width, console.height, trouble), refresh=True)

    with (
        _keys() as pressed,
        Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live,
    ):
        shown(live)
        size = console.size
        while pressed() not in {"q", "Q", "\x03"}:
            try:
                item = feed.items.get(timeout=_POLL_S)
            except queue.Empty:
                if console.size != size:
                    size = console.size
                    shown(live)
                continue
            if isinstance(item, ControlError):
                trouble = not_answering(item)
            else:
                trouble = ""
                watched.add(item)
            shown(live)
    return WELL


def not_answering(error: ControlError) -> str:
    """Why the picture stands still."""
    return f"not answering, trying again in {AGAIN_S:.0f} s: {error.say}"


@contextmanager
def _keys() -> Iterator[Callable[[], str]]:
    """Yields what returns a key that was pressed, or nothing; without waiting for Enter."""
    if not sys.stdin.isatty():
        yield lambda: ""
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def pressed() -> str:
        if not select.select([descriptor], [], [], 0)[0]:
            return ""
        # An empty read: the terminal is gone, and nobody looks any more.
        return os.read(descriptor, 1).decode("ascii", "replace") or "q"

    tty.setcbreak(descriptor)
    try:
        yield pressed
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


@contextmanager
def _ends_by_signal() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does, so that the terminal is left as it was."""

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
