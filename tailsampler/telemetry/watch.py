"""Look at the core now and then, and say aloud what nobody would otherwise notice in time."""

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from tailsampler.telemetry.ledger import Ledger
from tailsampler.telemetry.status import Core, Status

log = structlog.get_logger("tailsampler.watch")

EVERY_S: Final = 2.0
"""So long a dead thread may stand behind a gateway that says it is ready."""
COMPONENT: Final = "watch"
_STOPPED: Final = "stopped"


@dataclass(slots=True)
class Watch:
    """Remembers what was said. ``executor`` is its own: slow pages must not make it blind."""

    core: Core
    status: Status
    executor: Executor | None = None
    _storage_errors: int = 0
    _balanced: bool = True
    _panicked: Mapping[str, int] = field(default_factory=dict)

    async def run(self) -> None:
        """Log storage failures, dead threads and books that do not balance, each once.

        Runs until cancelled. Raises what the core raises; it is for ``Contained.keep``.
        """
        while True:
            await self.status.clock.sleep(EVERY_S)
            await self._look()
            self.status.contained.well(COMPONENT)

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            stats, ledger = await loop.run_in_executor(self.executor, self._read)
        except Exception as error:
            if error.args[:1] != (_STOPPED,):
                raise
            self._threads(("writer",))
            return
        self.status.answered_s = self.status.clock.monotonic_s()
        self._threads(tuple(str(name) for name in stats.get("failed_threads", ())))
        self._panics(stats.get("panics", {}))
        self._storage(int(stats.get("storage_errors", 0)))
        self._books(ledger)

    def _read(self) -> tuple[Mapping[str, Any], Ledger]:
        return json.loads(self.core.stats()), Ledger.parse(self.core.ledger())

    def _threads(self, failed: tuple[str, ...]) -> None:
        fresh = set(failed) - set(self.status.failed_threads)
        self.status.failed_threads = failed
        for trouble in self.status.troubles():
            if trouble.component in fresh:
                log.error("data_plane.thread_ended", thread=trouble.component, message=trouble.say)
                self.status.contained.count(trouble.component)

    def _panics(self, panics: Mapping[str, int]) -> None:
        """Threads of the data plane that failed and went on; each time is counted."""
        for thread, count in panics.items():
            for _ in range(count - self._panicked.get(thread, 0)):
                self.status.contained.count(thread)
            if count > self._panicked.get(thread, 0):
                log.error(
                    "data_plane.panicked",
                    thread=thread,
                    message="This is a bug; the thread goes on. Its words are on standard error. "
                    "What it could not work on is in the books, as corrupt.",
                )
        self._panicked = dict(panics)

    def _storage(self, failures: int) -> None:
        if failures > self._storage_errors:
            log.error(
                "storage.failed",
                failures=failures - self._storage_errors,
                message="Requests are refused while the log cannot be written, and their senders "
                "keep the spans. Look at the disk below data_directory.",
            )
        self._storage_errors = failures

    def _books(self, ledger: Ledger) -> None:
        if self._balanced and not ledger.balanced:
            log.error(
                "ledger.unbalanced",
                missing_spans=ledger.primary.spans.missing,
                message="This is a bug. Please report it with the page of the admin listener.",
            )
        self._balanced = ledger.balanced
