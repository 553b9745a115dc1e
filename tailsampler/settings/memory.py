"""What is remembered of judged traces, and where kept spans wait for a backend."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from tailsampler.settings.base import Section
from tailsampler.settings.units import Duration, Size, lasting, sized
from tailsampler.settings.values import Whole, between


class Late(Section):
    """The verdicts that late spans follow; about 24 bytes of process memory a trace."""

    max_traces: Annotated[Whole, between(0, 1 << 32)] = Field(
        default=1_000_000,
        description="Judged traces whose verdict is remembered. Default: 1000000, about 24 MB.",
    )
    max_age: Annotated[Duration, lasting("0s", "168h")] = Field(
        default=timedelta(minutes=10),
        description="How long after its verdict a trace's late spans follow it. Default: 10m.",
    )


class Decisions(Section):
    """The verdict log, which ``explain`` reads."""

    max_bytes: Annotated[Size, sized("1MiB", "1024TiB")] = Field(
        default=1 << 30,
        description="Bound of the verdict log on disk; the oldest go first. Default: 1GiB.",
    )


class Outbox(Section):
    """Kept spans on disk until every exporter has dealt with them."""

    max_bytes: Annotated[Size, sized("16MiB", "1024TiB")] = Field(
        default=4 << 30,
        description="Bound of the outbox on disk. Kept traces that some exporter is not done with "
        "fill three quarters of it at most; beyond that, whoever is furthest behind gives up what "
        "the last policies kept first. Default: 4GiB.",
    )
