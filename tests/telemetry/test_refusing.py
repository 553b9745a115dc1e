"""Readiness follows what the doors say, and every change is said once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from structlog.testing import capture_logs

from tailsampler.telemetry.contained import Contained
from tailsampler.telemetry.refusing import COMPONENT, EVERY_S, Refusing
from tailsampler.telemetry.status import Phase, Status
from tailsampler.testing.clock import ManualClock
from tests.export.fakes import Inline


def gateway() -> Status:
    clock = ManualClock()
    return Status(clock, Contained(clock), phase=Phase.READY)


@asynccontextmanager
async def asked(doors: "FakeDoors", status: Status) -> AsyncIterator[ManualClock]:
    clock = cast("ManualClock", status.clock)
    refusing = Refusing(doors, status, Inline())
    task = asyncio.create_task(status.contained.keep(COMPONENT, refusing.run, needed=True))
    await clock.until_asleep(EVERY_S)
    yield clock
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class FakeDoors:
    """Says what it is told to."""

    def __init__(self) -> None:
        self.says: bool | Exception = False
        self.level = 0

    def refusing(self) -> bool:
        """As ``_core.Gateway``."""
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def overload_level(self) -> int:
        """As ``_core.Gateway``."""
        return self.level


async def test_overload_is_told() -> None:
    """Each level once, and the end; the gateway stays ready, since it takes what it is told to."""
    doors, status = FakeDoors(), gateway()
    with capture_logs() as logs:
        async with asked(doors, status) as clock:
            for level in (1, 2, 2, 1, 0):
                doors.level = level
                await clock.advance(EVERY_S)
                names = [(trouble.component, trouble.needed) for trouble in status.troubles()]
                assert names == ([("overload", False)] if level else [])
                assert status.ready
    told = [(entry["event"], entry.get("level")) for entry in logs]
    assert told == [
        ("overload.level", 1),
        ("overload.level", 2),
        ("overload.level", 1),
        ("overload.over", None),
    ]
    assert "one of 4 traces" in logs[1]["message"]


async def test_readiness_goes_and_comes_back() -> None:
    """It names the doors while it is gone."""
    doors, status = FakeDoors(), gateway()
    with capture_logs() as logs:
        async with asked(doors, status) as clock:
            doors.says = True
            await clock.advance(3 * EVERY_S)
            assert not status.ready
            [trouble] = status.troubles()
            assert (trouble.component, trouble.needed) == ("doors", True)
            doors.says = False
            await clock.advance(3 * EVERY_S)
            assert not status.troubles()
    assert [entry["event"] for entry in logs] == ["readiness.gone", "readiness.back"]


async def test_a_core_that_has_stopped_is_asked_in_vain() -> None:
    """Whoever stopped it says so."""
    doors, status = FakeDoors(), gateway()
    doors.says = RuntimeError("stopped", "closed")
    with capture_logs() as logs:
        async with asked(doors, status) as clock:
            await clock.advance(3 * EVERY_S)
    assert logs == []
