"""The exporters of a gateway, started and flushed together."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tailsampler.clock import Clock
from tailsampler.export.exporter import Exporter
from tailsampler.export.passing import Passing
from tailsampler.export.state import ExporterState
from tailsampler.telemetry.contained import Contained
from tailsampler.telemetry.ledger import Ledger

# Between two looks at an outbox that is being emptied.
_LOOK_AGAIN_S: Final = 0.05


def outbox_is_empty(ledger: Ledger) -> bool:
    """Whether every exporter's backend has everything that was kept."""
    return ledger.in_outbox == 0


@dataclass(frozen=True, slots=True)
class ExportStage:
    """All exporters, the primary first."""

    exporters: Sequence[Exporter]
    clock: Clock
    contained: Contained
    passing: Sequence[Passing] = ()
    """Signals that are not sampled."""

    @property
    def states(self) -> Mapping[str, ExporterState]:
        """By name, in their order."""
        return {exporter.name: exporter.state for exporter in self.exporters}

    def wake(self) -> None:
        """There may be something new in the outbox."""
        for exporter in self.exporters:
            exporter.wake()
        for one in self.passing:
            one.wake()

    async def run(self) -> None:
        """Export until cancelled; whatever happens to one exporter, the others go on."""
        async with asyncio.TaskGroup() as group:
            for exporter in self.exporters:
                # One that crashed is started again; its spans are in the outbox.
                keeping = self.contained.keep(exporter.component, exporter.run, needed=True)
                group.create_task(keeping, name=f"exporter {exporter.name}")
            for one in self.passing:
                keeping = self.contained.keep(one.component, one.run)
                group.create_task(keeping, name=one.component)

    async def flush(
        self,
        ledger: Callable[[], str],
        within_s: float,
        done: Callable[[Ledger], bool] = outbox_is_empty,
    ) -> bool:
        """Send what the outbox holds; False if something is left at the bound.

        ``ledger`` gives the books, and ``done`` reads from them whether there is more to come.
        """
        flushing = asyncio.ensure_future(self._flush(ledger, done))
        bound = asyncio.ensure_future(self.clock.sleep(within_s))
        try:
            await asyncio.wait({flushing, bound}, return_when=asyncio.FIRST_COMPLETED)
            return flushing.done()
        finally:
            for task in (flushing, bound):
                task.cancel()
            await asyncio.gather(flushing, bound, return_exceptions=True)

    async def _flush(self, ledger: Callable[[], str], done: Callable[[Ledger], bool]) -> None:
        while not done(Ledger.parse(await asyncio.to_thread(ledger))):
            await asyncio.gather(*(exporter.flush() for exporter in self.exporters))
            # A kept trace takes a moment from its verdict to the outbox.
            await self.clock.sleep(_LOOK_AGAIN_S)
