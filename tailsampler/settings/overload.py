"""What happens where more comes in than can be held."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PlainValidator

from tailsampler.settings.base import Section
from tailsampler.settings.values import between, one_of, parse_number

_LEAST = 1 / (1 << 16)


class Overload(Section):
    """What happens where more comes in than can be held."""

    HINTS: ClassVar = {
        "enabled": "write mode: sample, or mode: refuse",
        "sample_rate": "write least_rate, the share that is kept however much comes in",
    }

    mode: Annotated[Literal["refuse", "sample"], one_of("refuse", "sample")] = Field(
        default="refuse",
        description="refuse: traces are judged early, then requests are refused, and senders keep "
        "their spans. sample: before that, a share of all traces is shed at the door, the same "
        "traces on every gateway: half of them, a quarter, and so on, until the rest can be held. "
        "Kept spans say so in ot=th, so that counts stay right; the others are counted as "
        "overload. Default: refuse.",
    )
    least_rate: Annotated[float, PlainValidator(parse_number), between(_LEAST, 1)] = Field(
        default=1 / 64,
        description="The share of all traces that is kept with mode: sample however much comes in. "
        "Rounded up to a half, a quarter, an eighth and so on. Default: 0.015625, one of 64.",
        examples=[0.015625],
    )

    @property
    def most_level(self) -> int | None:
        """How often the share may be halved; None: nothing is shed."""
        return int(-math.log2(self.least_rate)) if self.mode == "sample" else None
