"""Whether batches go to a backend at all: no I/O, no clock of its own.

After some failures with no answer between them the circuit opens: what is in hand goes back to the
outbox, and nothing is taken. After a pause one batch is sent as a probe. If it is answered all is
well again; if not, the next pause is longer.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

# One failure is a restart of a backend or a lost connection; several in a row are an outage.
OPENS_AFTER: Final = 4


class CircuitState(Enum):
    """The closed set behind ``tailsampler_exporter_circuit``."""

    CLOSED = "closed"
    """Batches go out."""
    OPEN = "open"
    """None does, until a pause is over."""
    HALF_OPEN = "half_open"
    """One does, to see whether the backend is back."""


@dataclass(slots=True)
class Circuit:
    """Written by one exporter, on the event loop. Times are those of the monotonic clock."""

    state: CircuitState = CircuitState.CLOSED
    failures: int = 0
    """Attempts that failed since the last answer."""
    probes: int = 0
    """Of these, probes."""
    opened_s: float = 0.0
    """When it opened, if it is not closed."""
    until_s: float = float("-inf")
    """No probe before this moment, if it is open."""
    probing: bool = False
    """A batch is on its way to see whether the backend is back."""

    def is_closed(self) -> bool:
        """Whether the backend is there, as far as is known."""
        return self.state is CircuitState.CLOSED

    def admits(self, now_s: float) -> bool:
        """Whether a batch may go out now; a pause that is over makes it half open."""
        if self.state is CircuitState.OPEN and now_s >= self.until_s:
            self.state = CircuitState.HALF_OPEN
        if self.state is CircuitState.HALF_OPEN:
            return not self.probing
        return self.state is CircuitState.CLOSED

    def wait_s(self, now_s: float) -> float:
        """Seconds until a probe; 0 unless it is open."""
        return max(0.0, self.until_s - now_s) if self.state is CircuitState.OPEN else 0.0

    def begun(self) -> None:
        """A batch that was admitted is on its way."""
        self.probing = self.state is CircuitState.HALF_OPEN

    def ended(self) -> None:
        """The batch that was a probe came to no answer at all: the next one is."""
        self.probing = False

    def answered(self) -> bool:
        """The backend dealt with a request. Whether it was away until now."""
        was_away = self.state is not CircuitState.CLOSED
        self.state = CircuitState.CLOSED
        self.failures, self.probes, self.probing = 0, 0, False
        return was_away

    def failed(self, now_s: float) -> bool:
        """An attempt failed. Whether that has opened a closed circuit."""
        self.failures += 1
        if self.state is CircuitState.HALF_OPEN:
            self.state, self.probing = CircuitState.OPEN, False
            self.probes += 1
        elif self.state is CircuitState.CLOSED and self.failures >= OPENS_AFTER:
            self.state, self.opened_s = CircuitState.OPEN, now_s
            return True
        return False

    def pause(self, until_s: float) -> None:
        """Let the next probe wait until then, at least."""
        self.until_s = max(self.until_s, until_s)
