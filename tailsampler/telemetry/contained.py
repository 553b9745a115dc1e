"""Failures of our own: contained, said once, counted, and taken into readiness.

Every task that lives long runs under ``keep``, every page, call and callback under ``failed``: what
raises costs itself and nothing else. A component that fails again and again is a ``Trouble``;
where spans need it (``needed``), the gateway is not ready until it is well.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import structlog

from tailsampler.clock import Clock

log = structlog.get_logger("tailsampler.contained")

ROW: Final = 3
"""Failures in a row that make a trouble."""
TRUST_S: Final = 60.0
"""Whoever did not fail for so long is well."""
LONGEST_PAUSE_S: Final = 30.0
"""Between two attempts to start a component again; under ``TRUST_S``, or no row would grow."""
MOST_WORDS: Final = 400
_SAY_AGAIN_S: Final = 60.0
_MOST_PLACES: Final = 256
_PACKAGE: Final = Path(__file__).parent.parent


class EndedError(Exception):
    """A component that should run for ever has returned."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A component that does not do its work."""

    component: str
    say: str
    """What is wrong and what follows from it."""
    needed: bool
    """Whether spans need it, so that the gateway is not ready."""

    def as_json(self) -> dict[str, object]:
        """Plain data."""
        return {"component": self.component, "say": self.say, "needed": self.needed}


@dataclass(slots=True)
class _Row:
    """Failures of one component without a sign of life in between."""

    length: int
    newest_s: float
    words: str
    needed: bool


def is_ending(error: BaseException) -> bool:
    """Whether somebody wants this to end, so that it is no failure.

    ``except Exception`` is not the same: a panic in Rust arrives as a ``BaseException``, and a
    library may let a ``CancelledError`` out although nobody cancelled this task.
    """
    if isinstance(error, asyncio.CancelledError):
        return _is_cancelled()
    return isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit)


def _is_cancelled() -> bool:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # a thread without a loop
        return False
    return task is not None and task.cancelling() > 0


def words_of(error: BaseException) -> str:
    """The exception on one line, bounded; a slug and a sentence stand beside each other."""
    try:
        parts = [str(part) for part in error.args] or [str(error)]
    except Exception:  # noqa: BLE001 - an exception that cannot even be written is one more failure
        parts = ["(its message cannot be written)"]
    if isinstance(error, OSError):
        parts = [str(error)]
    text = " ".join(": ".join(parts).split())
    return f"{type(error).__name__}: {text}"[:MOST_WORDS].rstrip(": ")


def place_of(error: BaseException) -> str:
    """Where it was raised, as far as that is in this program: ``export/file.py:50``."""
    found = ""
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if not found or path.is_relative_to(_PACKAGE):
            short = path.relative_to(_PACKAGE) if path.is_relative_to(_PACKAGE) else path.name
            found = f"{short}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


class Contained:
    """What failed inside and was survived. For use from any thread."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._rows: dict[str, _Row] = {}
        self._said: dict[tuple[str, str, str], float] = {}

    def failed(
        self,
        component: str,
        error: BaseException,
        *,
        needed: bool = False,
        event: str = "component.failed",
        **fields: Any,
    ) -> None:
        """Count a failure, and say it, unless the same was said of the same place just now.

        ``component`` is a word of a closed set, or names what the operator named; ``fields`` go
        to the log. Never raises.
        """
        now_s = self.clock.monotonic_s()
        words, place = words_of(error), place_of(error)
        with self._lock:
            self._count(component)
            row = self._rows.get(component)
            length = row.length + 1 if row and now_s - row.newest_s < TRUST_S else 1
            at = f"{words} at {place}" if place else words
            self._rows[component] = _Row(length, now_s, at, needed)
            speak = self._first_of(component, type(error).__name__, place, now_s)
        if speak:
            about = {"component": component, **fields, "error": words, "place": place}
            log.error(event, **about, exc_info=error)

    def count(self, component: str) -> None:
        """Count a failure that cannot be said, as one to write the log."""
        with self._lock:
            self._count(component)

    def well(self, component: str) -> None:
        """It does its work: what failed before was overcome."""
        if component in self._rows:
            with self._lock:
                self._rows.pop(component, None)

    @property
    def counts(self) -> Mapping[str, int]:
        """Failures so far, by component."""
        with self._lock:
            return dict(self._counts)

    def troubles(self) -> Sequence[Trouble]:
        """Components that failed ``ROW`` times in a row, and not long ago."""
        now_s = self.clock.monotonic_s()
        with self._lock:
            return tuple(
                Trouble(name, f"{name} fails again and again: {row.words}", row.needed)
                for name, row in self._rows.items()
                if row.length >= ROW and now_s - row.newest_s < TRUST_S
            )

    async def keep(
        self, component: str, run: Callable[[], Awaitable[None]], *, needed: bool = False
    ) -> None:
        """Run something for ever: what ends or raises is started again, after a growing pause."""
        while True:
            error: BaseException
            try:
                await run()
                error = EndedError(f"{component} ended though nobody asked it to")
            except BaseException as raised:
                if is_ending(raised):
                    raise
                error = raised
            self.failed(component, error, needed=needed, message="It is started again.")
            if _is_cancelled():
                # The cancellation ran into the failure: somebody waits for the end all the same.
                raise asyncio.CancelledError
            await self.clock.sleep(self._pause_s(component))

    async def once(self, component: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run something that may fail without harm."""
        try:
            await run()
        except BaseException as error:
            if is_ending(error):
                raise
            self.failed(component, error)

    def _pause_s(self, component: str) -> float:
        row = self._rows.get(component)
        return min(LONGEST_PAUSE_S, 2.0 ** min(row.length - 1 if row else 0, 10))

    def _count(self, component: str) -> None:
        self._counts[component] = self._counts.get(component, 0) + 1

    def _first_of(self, component: str, kind: str, place: str, now_s: float) -> bool:
        key = (component, kind, place)
        said_s = self._said.get(key)
        if said_s is not None and now_s - said_s < _SAY_AGAIN_S:
            return False
        if len(self._said) >= _MOST_PLACES:
            self._said.clear()
        self._said[key] = now_s
        return True
