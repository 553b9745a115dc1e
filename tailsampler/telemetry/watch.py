"""Look at the core now and then, and say aloud what nobody would otherwise notice in time."""

import asyncio
import json
from typing import Final

import structlog

from tailsampler.clock import Clock
from tailsampler.telemetry.ledger import Ledger
from tailsampler.telemetry.status import Core

log = structlog.get_logger("tailsampler.watch")

EVERY_S: Final = 10.0


async def watch(core: Core, clock: Clock) -> None:
    """Log storage failures and books that do not balance, each once; runs until cancelled."""
    storage_errors, balanced = 0, True
    while True:
        await clock.sleep(EVERY_S)
        try:
            stats = json.loads(await asyncio.to_thread(core.stats))
            found = int(stats.get("storage_errors", 0))
            ledger = Ledger.parse(await asyncio.to_thread(core.ledger))
        except Exception:
            log.exception("watch.core_unreadable", message="Looked at again in a while.")
            continue
        if found > storage_errors:
            log.error(
                "storage.failed",
                failures=found - storage_errors,
                message="Requests are refused while the log cannot be written, and their senders "
                "keep the spans. Look at the disk below data_directory.",
            )
        if balanced and not ledger.balanced:
            log.error(
                "ledger.unbalanced",
                missing_spans=ledger.primary.spans.missing,
                message="This is a bug. Please report it with the page of the admin listener.",
            )
        storage_errors, balanced = found, ledger.balanced
