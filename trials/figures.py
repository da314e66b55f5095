"""What many numbers say together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

CERTAIN = 1.96
"""Standard deviations on either side of what is 95 % certain."""


def percentile(values: Sequence[float], part: float) -> float:
    """The smallest of these that at least this part of them, between 0 and 1, does not exceed; NaN of none."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(part * len(ranked)) - 1)] if ranked else math.nan


@dataclass(frozen=True, slots=True)
class Trend:
    """How fast something grows, in its unit per step, and the band in which that is with 95 % certainty."""

    slope: float
    low: float
    high: float

    @property
    def is_within_noise(self) -> bool:
        """Nothing shows that it grows."""
        return self.low <= 0


def trend(values: Sequence[float]) -> Trend:
    """By Theil and Sen: the median of the slopes between all pairs, which a few odd values do not move. The band is the
    one that Sen gives, from the distribution of Kendall's tau. NaN of fewer than three values."""
    slopes = sorted((two - one) / (n - m) for (m, one), (n, two) in combinations(enumerate(values), 2))
    if len(values) < 3:
        return Trend(math.nan, math.nan, math.nan)
    count = len(values)
    spread = CERTAIN * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = max(0, math.floor((len(slopes) - spread) / 2))
    high = min(len(slopes) - 1, math.ceil((len(slopes) + spread) / 2))
    return Trend(statistics.median(slopes), slopes[low], slopes[high])
