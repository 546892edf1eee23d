"""The audit's figures: how well scores tell unsafe from safe, and whether that is enough. Pure numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.config import StrictModel
from sim2real_ad.evaluation.rank_statistics import auroc, weighted_auroc

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
Verdict = Literal["trusted", "suspicious", "untrusted"]

TRUSTED_AUROC, TRUSTED_LOW, UNTRUSTED_AUROC = 0.85, 0.75, 0.70
"""Trusted from the first on with a lower bound of at least the second; below the third it is untrusted."""
TRUSTED_FALSE_PRAISE, UNTRUSTED_FALSE_PRAISE = 0.30, 0.70
"""Share of unsafe moments that are praised."""
TRUSTED_ABSTENTION, UNTRUSTED_ABSTENTION = 0.50, 0.95
UNTRUSTED_NOT_FINITE = 0.01
LEAST_SPREAD = 0.01
"""Standard deviation of the scores below which they are one constant."""
LEAST_UNSAFE, LEAST_SAFE, LEAST_EPISODES = 20, 50, 5
"""Moments of either kind, and episodes with unsafe ones, without which a scorer is not trusted yet."""


class Interval(StrictModel):
    """A figure with its 95 % interval over episodes."""

    value: float
    low: float
    high: float


class Figures(StrictModel):
    """What a scorer's answers are worth. None where there is nothing to work a figure out from.

    counts are of moments asked about. auroc: how often a safe moment's score is above an unsafe one's; false_praise:
    share of unsafe moments scored at or above the threshold; false_alarm: share of safe ones scored below it;
    by_danger: auroc of each danger against safe; offset_correlation, ttc_correlation: Spearman's, of the score with
    the distance to the reference line and the time to collision (where that is finite).
    """

    asked: int
    abstained: int
    not_finite: int
    safe: int
    unsafe: int
    unsafe_episodes: int
    threshold: float
    spread: float | None
    auroc: Interval | None
    false_praise: float | None
    false_alarm: float | None
    by_danger: dict[str, float]
    by_goal: dict[str, float]
    offset_correlation: float | None
    ttc_correlation: float | None


def auroc_interval(
    scores: Values, is_safe: Flags, episodes: NDArray[np.int64], resamples: int = 200
) -> Interval | None:
    """Return the AUROC with its 95 % interval by resampling whole episodes (Efron's bootstrap, percentiles).

    Moments of one episode are no independent evidence. scores, is_safe, episodes: (N,). Always draws the same.
    """
    value = auroc(scores[is_safe], scores[~is_safe])
    if value is None:
        return None
    _, member = np.unique(episodes, return_inverse=True)
    count, rng, drawn = int(member.max()) + 1, np.random.default_rng(0), []
    for _ in range(resamples):
        weights = np.bincount(rng.integers(count, size=count), minlength=count)[member].astype(np.float64)
        if weights[is_safe].any() and weights[~is_safe].any():
            drawn.append(weighted_auroc(scores, is_safe, weights))
    low, high = np.quantile(drawn, (0.025, 0.975)) if drawn else (0.0, 1.0)
    return Interval(value=round(value, 4), low=round(float(low), 4), high=round(float(high), 4))


def judge_figures(figures: Figures) -> tuple[Verdict, tuple[str, ...]]:
    """Return whether the scorer can be trusted, and why not, a sentence each."""
    damning = tuple(_damning(figures))
    if damning:
        return "untrusted", damning
    doubtful = tuple(_doubtful(figures))
    return ("suspicious", doubtful) if doubtful else ("trusted", ())


def _damning(f: Figures) -> Sequence[str]:
    reasons = []
    if f.asked and f.not_finite / f.asked > UNTRUSTED_NOT_FINITE:
        reasons.append(f"{f.not_finite} of {f.asked} scores are not numbers")
    if f.asked and f.abstained / f.asked > UNTRUSTED_ABSTENTION:
        reasons.append(f"it abstains on {f.abstained} of {f.asked} moments")
    if f.spread is not None and f.spread < LEAST_SPREAD:
        reasons.append(f"its scores hardly differ: their standard deviation is {f.spread:.4f}, below {LEAST_SPREAD}")
    if not _is_enough(f):
        return reasons
    if f.auroc is not None and f.auroc.value < UNTRUSTED_AUROC:
        kind = "it praises danger and warns of safety" if f.auroc.high < 0.5 else "it cannot tell unsafe from safe"
        reasons.append(f"{kind}: AUROC {f.auroc.value:.3f}, below {UNTRUSTED_AUROC}")
    if f.false_praise is not None and f.false_praise > UNTRUSTED_FALSE_PRAISE:
        reasons.append(f"it praises {f.false_praise:.0%} of the unsafe moments, above {UNTRUSTED_FALSE_PRAISE:.0%}")
    return reasons


def _doubtful(f: Figures) -> Sequence[str]:
    if not _is_enough(f):
        return [
            f"too little to judge by: {f.unsafe} unsafe moments in {f.unsafe_episodes} episodes and {f.safe} safe ones,"
            f" it takes {LEAST_UNSAFE}, {LEAST_EPISODES} and {LEAST_SAFE}"
        ]
    reasons = []
    if f.auroc is not None and (f.auroc.value < TRUSTED_AUROC or f.auroc.low < TRUSTED_LOW):
        reasons.append(
            f"AUROC {f.auroc.value:.3f} ({f.auroc.low:.3f} to {f.auroc.high:.3f}); it takes {TRUSTED_AUROC} and a"
            f" lower bound of {TRUSTED_LOW}"
        )
    if f.false_praise is not None and f.false_praise > TRUSTED_FALSE_PRAISE:
        reasons.append(f"it praises {f.false_praise:.0%} of the unsafe moments, above {TRUSTED_FALSE_PRAISE:.0%}")
    if f.asked and f.abstained / f.asked > TRUSTED_ABSTENTION:
        reasons.append(f"it abstains on {f.abstained / f.asked:.0%} of the moments, above {TRUSTED_ABSTENTION:.0%}")
    return reasons


def _is_enough(f: Figures) -> bool:
    return f.unsafe >= LEAST_UNSAFE and f.safe >= LEAST_SAFE and f.unsafe_episodes >= LEAST_EPISODES
