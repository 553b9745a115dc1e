"""``probabilistic``: a hash of the trace id against a threshold, to the last bit."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor, isinf

from tests.contrib.model import ot
from tests.contrib.model.fnv import fnv1a_64
from tests.contrib.model.trace import Trace
from tests.contrib.model.votes import ALWAYS, NEVER, Ballot, Decision, Stateless, Vote

DEFAULT_SALT = "default-hash-seed"
HIGHEST = (1 << 64) - 1


def trace_hash(salt: str, trace_id: bytes) -> int:
    """The hash of the salt and the 16 bytes of a trace id; 64 bits."""
    return fnv1a_64((salt or DEFAULT_SALT).encode() + trace_id)


def hash_threshold(percentage: float) -> int:
    """The highest hash that is kept: the exact product, rounded to 64 bits of mantissa, cut off."""
    ratio = percentage / 100.0
    if isinf(ratio):
        return HIGHEST if ratio > 0 else 0
    product = HIGHEST * Fraction(ratio)
    if product <= 0:
        return 0
    bits = product.numerator.bit_length() - product.denominator.bit_length()
    exponent = bits if product < Fraction(2) ** bits else bits + 1  # 2^(e-1) <= product < 2^e
    unit = Fraction(2) ** (exponent - 64)
    return min(HIGHEST, floor(round(product / unit) * unit))  # round() takes halves to even


def sampling_threshold(percentage: float) -> int:
    """T of 56 bits, for OpenTelemetry's consistent sampling."""
    ratio = percentage / 100.0
    if ratio >= 1:
        return ALWAYS
    if ratio < 2.0**-56:
        return NEVER
    return NEVER - floor(Fraction(ratio) * NEVER + Fraction(1, 2))


@dataclass
class Probabilistic(Stateless):
    """``probabilistic``; ``use_tracestate`` is the gate of the same name."""

    hash_salt: str
    sampling_percentage: float
    use_tracestate: bool

    def evaluate(self, trace: Trace, now_ns: int) -> Ballot:
        """Sample by the hash, or by the trace's randomness if its tracestate says something."""
        threshold = sampling_threshold(self.sampling_percentage)
        if self.use_tracestate and ot.has_sampling_information(trace):
            kept = threshold <= ot.randomness(trace)
        else:
            limit = hash_threshold(self.sampling_percentage)
            kept = trace_hash(self.hash_salt, trace.trace_id) <= limit
        decision = Decision.SAMPLED if kept else Decision.NOT_SAMPLED
        return Vote(decision, threshold)
