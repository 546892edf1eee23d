"""Statistics of few trials: binomial confidence intervals, quantiles and root mean squares."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

Z_95 = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""


def wilson_interval(successes: int, trials: int, z: float = Z_95) -> tuple[float, float]:
    """Return the Wilson score interval of a success rate (Wilson 1927, JASA 22:209-212), 95 % by default.

    Without a trial nothing is known: (0, 1). Raises ValueError unless 0 <= successes <= trials.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must lie in 0..{trials} (trials), got {successes}")
    if trials == 0:
        return 0.0, 1.0
    rate = successes / trials
    scale = 1.0 + z * z / trials
    centre = (rate + z * z / (2.0 * trials)) / scale
    half = z / scale * math.sqrt(rate * (1.0 - rate) / trials + z * z / (4.0 * trials * trials))
    low = 0.0 if successes == 0 else centre - half
    return low, 1.0 if successes == trials else centre + half


def describe_rate(successes: int, trials: int) -> str:
    """Return a success rate for a table: the counts, and the Wilson 95 % interval."""
    low, high = wilson_interval(successes, trials)
    return f"{successes} of {trials} ({100 * low:.0f} to {100 * high:.0f} %)"


def quantile(values: Sequence[float], fraction: float) -> float:
    """Return the quantile at a fraction in 0..1, linear between order statistics (Hyndman and Fan's type 7).

    Raises ValueError where there are no values or the fraction is out of range.
    """
    if not values:
        raise ValueError("quantile of no values")
    if not 0.0 <= fraction <= 1.0:
        raise ValueError(f"quantile fraction must lie in 0..1, got {fraction}")
    ordered = sorted(values)
    position = fraction * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def median(values: Sequence[float]) -> float:
    """Return the middle value. Raises ValueError where there are none."""
    return quantile(values, 0.5)


def root_mean_square(values: Iterable[float], weights: Iterable[float] | None = None) -> float:
    """Return the root of the (weighted) mean of the squares; NaN without values."""
    squares = [value * value for value in values]
    counts = [1.0] * len(squares) if weights is None else list(weights)
    total = sum(counts)
    return math.sqrt(sum(n * s for n, s in zip(counts, squares, strict=True)) / total) if total else math.nan
