"""The end of a gateway: close the doors, judge what is held if wanted, send what is kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from tailsampler.telemetry.ledger import Ledger
from tailsampler.telemetry.status import Phase

if TYPE_CHECKING:
    from tailsampler.app import Gateway

log = structlog.get_logger("tailsampler")

COMPONENT = "shutdown"


async def stop(gateway: Gateway) -> None:
    """Stop in good order, each step within its bound; one that fails does not keep the next.

    With ``shutdown.mode: drain`` nothing is held at the end, if the exporters' backends take it in
    time; with ``keep`` the next start goes on with what is held.
    """
    contained = gateway.status.contained
    gateway.status.phase = Phase.CLOSING
    mode = gateway.settings.shutdown.mode
    log.info("gateway.closing", signal=gateway.core.signalled(), mode=mode)
    await contained.once(COMPONENT, lambda: _close_doors(gateway))
    if mode == "drain":
        await contained.once(COMPONENT, lambda: _drain(gateway))
    else:
        await contained.once(COMPONENT, lambda: _flush(gateway))
    await contained.once(COMPONENT, lambda: _say_what_is_left(gateway))


async def _close_doors(gateway: Gateway) -> None:
    within = gateway.settings.shutdown.doors_within
    if not await gateway.receive.close(within.total_seconds()):
        log.warning(
            "gateway.requests_cut_off",
            message="Their senders had no answer and will send them again.",
        )


async def _flush(gateway: Gateway) -> None:
    within = gateway.settings.shutdown.export_within
    await gateway.export.flush(gateway.core.ledger, within.total_seconds())


async def _drain(gateway: Gateway) -> None:
    judged = await asyncio.to_thread(gateway.core.judge_all)
    log.info("gateway.draining", traces_judged=judged)
    within = gateway.settings.shutdown.export_within
    # Verdicts come in slices, and kept traces reach the outbox a moment after theirs.
    await gateway.export.flush(gateway.core.ledger, within.total_seconds(), nothing_is_held)


def nothing_is_held(ledger: Ledger) -> bool:
    """Whether every trace is judged, and every exporter's backend has what was kept."""
    return not ledger.traces.open and not ledger.primary.spans.buffer and not ledger.in_outbox


async def _say_what_is_left(gateway: Gateway) -> None:
    ledger = Ledger.parse(await asyncio.to_thread(gateway.core.ledger))
    held = ledger.primary.spans
    numbers = {"held_in_buffer": held.buffer, "held_in_outbox": ledger.in_outbox}
    if gateway.settings.shutdown.mode == "drain" and any(numbers.values()):
        log.warning(
            "gateway.not_drained",
            **numbers,
            message="It is in data_directory, for the next start there. If the directory goes, so "
            "do these spans; a longer shutdown.export_within gives the backend more time.",
        )
    log.info("gateway.closed", **numbers)
