"""How many of n a fair choice takes: the interval that it leaves rarely."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

# From here on a normal distribution differs by less than one, and a sum would take long.
_MANY: Final = 20_000


def interval(count: int, share: float, beyond: float) -> tuple[int, int]:
    """The smallest and the largest number of successes in ``count`` that are no surprise.

    Outside of it lies a share of ``beyond`` at most of all cases, half on each side. Exact, by
    summing the distribution, unless its deviation is over 20,000.
    """
    if share <= 0 or count == 0:
        return 0, 0
    if share >= 1:
        return count, count
    deviation = math.sqrt(count * share * (1 - share))
    if deviation > _MANY:
        reach = NormalDist().inv_cdf(1 - beyond / 2) * deviation
        return math.floor(count * share - reach), math.ceil(count * share + reach)
    return _summed(count, share, beyond, deviation)


def _summed(count: int, share: float, beyond: float, deviation: float) -> tuple[int, int]:
    reach = 10 * deviation + 30  # what lies outside is under 1e-12
    first = max(0, math.floor(count * share - reach))
    last = min(count, math.ceil(count * share + reach))
    chance = math.exp(
        math.lgamma(count + 1)
        - math.lgamma(first + 1)
        - math.lgamma(count - first + 1)
        + first * math.log(share)
        + (count - first) * math.log1p(-share)
    )
    low, below = last, 0.0
    for taken in range(first, last + 1):
        below += chance
        if low == last and below >= beyond / 2:
            low = taken
        if below >= 1 - beyond / 2:
            return low, taken
        chance *= (count - taken) / (taken + 1) * share / (1 - share)
    return low, last
