"""From the settings of ``type: local`` to the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tailsampler.clock import Clock
from tailsampler.settings.export import LocalExporter
from tailsampler.store.options import Options, PolicyOf, unknown

if TYPE_CHECKING:
    from tailsampler.store.traces import TraceStore


def open_local(
    settings: LocalExporter, path: Path, clock: Clock, policy_of: PolicyOf = unknown
) -> TraceStore:
    """Open the trace store; takes a moment. Raises ``StartError`` as ``TraceStore.open`` does."""
    # SQLAlchemy is slow to import: a gateway without a local store starts without it.
    from tailsampler.store.traces import TraceStore  # noqa: PLC0415

    options = Options(
        max_age=settings.retention.max_age,
        max_bytes=settings.retention.max_bytes,
        max_trace_bytes=settings.max_trace_bytes,
        indexed=frozenset(settings.indexed_attributes),
        policy_of=policy_of,
    )
    return TraceStore.open(path, options, clock)
