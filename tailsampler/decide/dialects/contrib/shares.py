"""What ``sampling_percentage`` comes to: a largest hash, and OpenTelemetry's T."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from tailsampler.decide.plan import NEVER
from tailsampler.decide.threshold import SMALLEST_RATE, threshold

DEFAULT_SALT: Final = "default-hash-seed"
_HASH_MAX: Final = (1 << 64) - 1


def hash_threshold(percentage: float) -> int:
    """The largest FNV hash that ``sampling_percentage`` keeps.

    Go multiplies exactly and rounds to a mantissa of 64 bits, half to even; then it truncates.
    """
    product = _HASH_MAX * Fraction(percentage / 100.0)
    if product <= 0:
        return 0
    whole = int(product)
    shift = 64 - whole.bit_length()
    rounded = (
        Fraction(round(product * 2**shift), 2**shift) if shift > 0 else Fraction(round(product))
    )
    return min(int(rounded), _HASH_MAX)


def consistent_threshold(percentage: float) -> int:
    """T of ``sampling_percentage``, 56 bits, or ``NEVER``: what is too much keeps everything."""
    share = percentage / 100.0
    return NEVER if share < SMALLEST_RATE else threshold(min(share, 1.0))
