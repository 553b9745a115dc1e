"""When traces fall due: one batch a tick, a second apart."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Batches:
    """Trace ids by the number of the tick that judges them; ``wait`` ticks after the next one."""

    wait: int
    ticks: int = 0  # how many there have been
    ids: dict[int, dict[bytes, None]] = field(default_factory=dict)
    due: dict[bytes, int] = field(default_factory=dict)

    @property
    def current(self) -> int:
        """The tick that judges what arrives now."""
        return self.ticks + 1 + self.wait

    def add(self, trace_id: bytes) -> None:
        """A new trace: between the wait and one second more from now."""
        self._put(trace_id, self.current)

    def hurry(self, trace_id: bytes, wait: int) -> None:
        """Judge a trace ``wait`` ticks after the next one, if that is earlier."""
        due = self.due.get(trace_id)
        earlier = self.ticks + 1 + wait
        if due is None or earlier >= due:
            return
        self.ids[due].pop(trace_id)
        self._put(trace_id, earlier)

    def remove(self, trace_id: bytes) -> None:
        """Forget about a trace."""
        due = self.due.pop(trace_id, None)
        if due is not None:
            self.ids[due].pop(trace_id, None)

    def take(self) -> list[bytes]:
        """The next tick's traces."""
        self.ticks += 1
        found = [*self.ids.pop(self.ticks, {})]
        for trace_id in found:
            if self.due.get(trace_id) == self.ticks:
                del self.due[trace_id]
        return found

    def _put(self, trace_id: bytes, tick: int) -> None:
        self.ids.setdefault(tick, {})[trace_id] = None
        self.due[trace_id] = tick
