"""Ask the doors every second whether requests had better go elsewhere, and what they shed."""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from tailsampler.telemetry.status import Status, shed_sentence

log = structlog.get_logger("tailsampler.readiness")

EVERY_S: Final = 1.0
COMPONENT: Final = "readiness"
_STOPPED: Final = "stopped"


class Doors(Protocol):
    """The part of ``_core.Gateway`` that knows. It waits for no disk."""

    def refusing(self) -> bool:
        """Whether many requests have been refused for seconds; changes slowly."""

    def overload_level(self) -> int:
        """How often the share of traces that is taken was halved."""


@dataclass(slots=True)
class Refusing:
    """Takes the gateway out of rotation while it refuses, and puts it back.

    ``executor`` is its own: where the disk hangs, whoever asks for the books hangs with it.
    """

    doors: Doors
    status: Status
    executor: Executor | None = None

    async def run(self) -> None:
        """Ask, and say each change once. Runs until cancelled; it is for ``Contained.keep``."""
        while True:
            await self.status.clock.sleep(EVERY_S)
            await self._ask()
            self.status.contained.well(COMPONENT)

    async def _ask(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            refusing = await loop.run_in_executor(self.executor, self.doors.refusing)
            level = await loop.run_in_executor(self.executor, self.doors.overload_level)
        except Exception as error:
            if error.args[:1] != (_STOPPED,):
                raise
            return
        if refusing and not self.status.refusing:
            log.warning(
                "readiness.gone",
                message="Many requests have been refused for five seconds: /readyz answers 503 "
                "until ten seconds pass without. Senders keep the spans and try again. "
                "tailsampler_requests_refused_total says why.",
            )
        if self.status.refusing and not refusing:
            log.info("readiness.back", message="Ten seconds without refusals: ready again.")
        self.status.refusing = refusing
        self._overload(level)

    def _overload(self, level: int) -> None:
        before, self.status.overload_level = self.status.overload_level, level
        if level > 0 and level != before:
            log.warning("overload.level", level=level, message=shed_sentence(level))
        elif before > 0 and level == 0:
            log.info("overload.over", message="There is room again: every trace is taken.")
