"""OpenTelemetry's rejection threshold, exactly: T = 2^56 - round(p * 2^56).

p is the double that was read, as in the Collector and in the SDKs, and not the decimal that was
written: 0.9 is a little more than nine tenths, and its threshold is 0x19999999999998 everywhere.
With the decimal our T would differ from theirs in the last digits.
"""

from __future__ import annotations

import math
from fractions import Fraction

from tailsampler.decide.plan import NEVER

_SPACE = 1 << 56
_HALF = Fraction(1, 2)

SMALLEST_RATE = Fraction(1, _SPACE)
"""The smallest probability that a threshold can say; below it only 0."""


def threshold(rate: float) -> int:
    """T for a sampling probability from 0 to 1; a trace is kept if T <= R. 0 gives ``NEVER``.

    Raises:
        ValueError: the probability is outside 0..1, or too small to be told from 0.
    """
    if not 0 <= rate <= 1:
        message = f"{rate} is not a probability; write a number from 0 to 1"
        raise ValueError(message)
    if rate == 0:
        return NEVER
    probability = Fraction(rate)  # every double is a fraction, so nothing is rounded twice
    if probability < SMALLEST_RATE:
        message = f"{rate} is under 2^-56, the smallest probability; write 0 to keep nothing"
        raise ValueError(message)
    # Halves go up, as Go's math.Round has it, from which the published vectors come.
    return _SPACE - math.floor(probability * _SPACE + _HALF)


def th(value: int) -> str | None:
    """``ot=th`` of a threshold: 14 hex digits without the zeros at the end; None for ``NEVER``."""
    return None if value >= NEVER else f"{value:014x}".rstrip("0") or "0"
