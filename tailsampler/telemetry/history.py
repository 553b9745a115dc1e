"""The last fifteen minutes, second by second: what grew since the look before.

The core counts; this looks once a second, for all viewers together, and keeps differences. A
counter that went down began again at zero. Where nobody looked for a while (a process that was
stopped, a machine that slept) there is a gap: what grew in it is in the totals, but no rate.
"""

import asyncio
import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from tailsampler.clock import Clock
from tailsampler.telemetry.contained import Contained, is_ending
from tailsampler.telemetry.ledger import Books, Ledger
from tailsampler.telemetry.status import Core

EVERY_S: Final = 1.0
KEEP: Final = 900
GAP_S: Final = 5.0
"""A look that comes later than this after the one before has missed something."""

Path: TypeAlias = tuple[str, ...]
"""Names a counter: ``("spans", "received")``, ``("policies", "errors", "kept")``."""

_POLICY: Final = ("judged", "kept", "dropped", "spans_kept", "spans_dropped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What happened between two looks."""

    number: int
    """Grows by one from look to look."""
    wall_ns: int
    """When the second look was taken, wall clock."""
    lasted_s: float
    """Between the two looks; 0 in the first step."""
    gap: bool
    """Whether nobody looked for a while, so that there is no rate. True in the first step."""
    increase: Mapping[Path, int]
    """By counter; those that stood still are left out."""
    buffer: int
    """Spans held for a verdict at the second look."""
    outbox: int
    """Kept spans that waited for the primary exporter."""
    open: int
    """Traces held for a verdict."""
    balanced: bool

    def as_json(self) -> dict[str, Any]:
        """Plain data, the counters as a tree."""
        return {
            "number": self.number,
            "at_ms": self.wall_ns // 1_000_000,
            "lasted_s": round(self.lasted_s, 3),
            "gap": self.gap,
            "increase": _tree(self.increase),
            "held": {"buffer": self.buffer, "outbox": self.outbox},
            "open": self.open,
            "balanced": self.balanced,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Everything that one look saw."""

    at_s: float
    """Monotonic clock."""
    wall_ns: int
    ledger: Ledger
    stats: Mapping[str, Any]
    """The JSON of ``_core.Gateway.stats``."""
    counters: Mapping[Path, int]


@dataclass(frozen=True, slots=True)
class Window:
    """The steps of the newest while, added up."""

    seconds: float
    """How long it really is; 0 if nothing is known yet."""
    increase: Mapping[Path, int]

    def count(self, *path: str) -> int:
        """What a counter grew by."""
        return self.increase.get(path, 0)

    def rate(self, *path: str) -> float:
        """A second."""
        return self.count(*path) / self.seconds if self.seconds else 0.0


class History:
    """Looks at the core, and remembers. For use on one event loop."""

    def __init__(self, core: Core, clock: Clock, contained: Contained | None = None) -> None:
        self._core, self._clock = core, clock
        self._contained = contained or Contained(clock)
        self._steps: deque[Step] = deque(maxlen=KEEP)
        self._newest: Look | None = None
        self._looking = asyncio.Lock()
        self._fresh = asyncio.Event()
        self.closed = False
        self.epoch = f"{clock.wall_ns():x}"
        """Tells the numbers of this history from those of an earlier process."""

    async def run(self) -> None:
        """Look every second, until cancelled."""
        while True:
            try:
                await self._look()
                self._contained.well("history")
            except BaseException as error:
                if is_ending(error):
                    raise
                say = "Looked at every second."
                event = "history.core_unreadable"
                self._contained.failed("history", error, event=event, message=say)
            await self._clock.sleep(EVERY_S)

    def close(self) -> None:
        """End every ``after`` that waits, now and later."""
        self.closed = True
        self._fresh.set()

    async def newest(self) -> Look:
        """What the newest look saw; looks again if that is not from just now."""
        now_s = self._clock.monotonic_s()
        if self._newest is None or now_s - self._newest.at_s > 2 * EVERY_S:
            return await self._look()
        return self._newest

    def steps(self) -> Sequence[Step]:
        """All that are remembered, the oldest first."""
        return tuple(self._steps)

    def window(self, seconds: float) -> Window:
        """The newest steps, ``seconds`` of them or less; it never reaches over a gap."""
        covered, increase = 0.0, dict[Path, int]()
        for step in reversed(self._steps):
            if step.gap or covered + step.lasted_s > seconds + EVERY_S / 2:
                break
            covered += step.lasted_s
            for path, count in step.increase.items():
                increase[path] = increase.get(path, 0) + count
        return Window(covered, increase)

    async def after(self, number: int) -> Sequence[Step]:
        """The steps with higher numbers, at least one; empty only once this is closed."""
        while not self.closed:
            found = [step for step in self._steps if step.number > number]
            if found:
                return found
            await self._fresh.wait()
        return ()

    @property
    def last_number(self) -> int:
        """Of the newest step; 0 if there is none."""
        return self._steps[-1].number if self._steps else 0

    async def _look(self) -> Look:
        async with self._looking:
            ledger, stats = await asyncio.to_thread(_read, self._core)
            look = Look(
                at_s=self._clock.monotonic_s(),
                wall_ns=self._clock.wall_ns(),
                ledger=ledger,
                stats=stats,
                counters=dict(_counters(ledger, stats)),
            )
            self._steps.append(_step(self.last_number + 1, self._newest, look))
            self._newest = look
        if not self.closed:
            self._fresh.set()
            self._fresh = asyncio.Event()
        return look


def _read(core: Core) -> tuple[Ledger, Mapping[str, Any]]:
    return Ledger.parse(core.ledger()), json.loads(core.stats())


def _step(number: int, before: Look | None, look: Look) -> Step:
    lasted_s = look.at_s - before.at_s if before else 0.0
    # A machine that sleeps stops the one clock, a process that is stopped only sees both jump.
    away_s = max(lasted_s, (look.wall_ns - before.wall_ns) / 1e9) if before else 0.0
    spans = look.ledger.primary.spans
    return Step(
        number=number,
        wall_ns=look.wall_ns,
        lasted_s=lasted_s,
        gap=before is None or away_s > GAP_S,
        increase=dict(_increase(before.counters, look.counters)) if before else {},
        buffer=spans.buffer,
        outbox=spans.outbox,
        open=look.ledger.traces.open,
        balanced=look.ledger.balanced,
    )


def _increase(before: Mapping[Path, int], now: Mapping[Path, int]) -> Iterator[tuple[Path, int]]:
    for path, count in now.items():
        old = before.get(path, 0)
        if count != old:
            yield path, count - old if count > old else count


def _counters(ledger: Ledger, stats: Mapping[str, Any]) -> Iterator[tuple[Path, int]]:
    spans = ledger.primary.spans
    yield from _books(("spans",), spans)
    # Of late spans, too: what was judged and not dropped, whatever became of it since.
    yield ("spans", "kept"), spans.received - spans.buffer - spans.dropped.get("policy", 0)
    yield ("spans", "refused"), ledger.refused_spans
    yield ("spans", "rejected"), sum(ledger.rejected.values())
    yield ("traces", "judged"), ledger.traces.judged
    yield ("traces", "kept"), ledger.traces.kept
    yield ("traces", "dropped"), ledger.traces.dropped
    for policy in stats.get("policies", ()):
        for key in _POLICY:
            yield ("policies", str(policy["policy"]), key), int(policy.get(key, 0))
    for name, pair in ledger.exporters.items():
        yield from _books(("exporters", name), pair.spans)
    yield from _requests(stats.get("door") or {})
    late = stats.get("verdict_reasons", {}).get("late_spans", 0)
    yield ("late", "spans"), int(late)


def _requests(door: Mapping[str, Any]) -> Iterator[tuple[Path, int]]:
    """At both doors: those that were taken, if not wholly, and those to be sent again."""
    doors = [door.get(protocol) or {} for protocol in ("grpc", "http")]
    taken = sum(int(one.get(key, 0)) for one in doors for key in ("accepted", "partial"))
    yield ("requests", "taken"), taken
    yield ("requests", "refused"), sum(int(one.get("refused", 0)) for one in doors)


def _books(path: Path, books: Books) -> Iterator[tuple[Path, int]]:
    yield (*path, "received"), books.received
    yield (*path, "exported"), books.exported
    for reason, count in books.dropped.items():
        yield (*path, "dropped", reason), count


def _tree(increase: Mapping[Path, int]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, count in increase.items():
        at = tree
        for part in path[:-1]:
            at = at.setdefault(part, {})
        at[path[-1]] = count
    return tree
