"""What keeps a hallucinating model from earning reward: capped values, agreement between paraphrases, abstention.

margins (N, K) -> calibrated, capped (N, K) -> one value or an abstention a goal (N, G) -> one value a scene (N,).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.reward.calibration import Agreement, Calibration
from sim2real_ad.reward.goals import Goals
from sim2real_ad.reward.guidance import NEUTRAL, Scores
from sim2real_ad.types import FloatArray


@dataclass(frozen=True, eq=False)
class GoalScores:
    """Each goal by itself. names: the G goals; values: (N, G) float32 in [0, 1], NEUTRAL where abstained;
    abstained: (N, G) bool."""

    names: tuple[str, ...]
    values: FloatArray
    abstained: NDArray[np.bool_]


def bound_goals(margins: NDArray[np.floating], goals: Goals, calibration: Calibration) -> GoalScores:
    """Calibrate margins (N, K), NaN for no answer, and let each goal's paraphrases agree or abstain."""
    values = np.stack([c.values(margins[:, k]) for k, c in enumerate(calibration.curves(goals))], axis=1)
    judged = [agree(values[:, columns], calibration.agreement) for columns in goals.columns]
    return GoalScores(
        goals.names,
        np.stack([scores.values for scores in judged], axis=1),
        np.stack([scores.abstained for scores in judged], axis=1),
    )


def agree(values: NDArray[np.float64], limits: Agreement) -> Scores:
    """Make one value of a goal's paraphrases: the median of their calibrated values (N, K) in [0, 1], NaN for none.

    Abstains where half or more gave no answer, where greatest and least lie further apart than `max_spread`, or where
    fewer than `majority` of the answers lie on one side of NEUTRAL (an answer of NEUTRAL goes with either).
    """
    answered = np.isfinite(values)
    count = answered.sum(axis=1)
    filled = np.where(answered, values, NEUTRAL)
    spread = np.where(answered, values, -np.inf).max(axis=1) - np.where(answered, values, np.inf).min(axis=1)
    above = (answered & (filled >= NEUTRAL)).sum(axis=1)
    below = (answered & (filled <= NEUTRAL)).sum(axis=1)
    unclear = np.maximum(above, below) < limits.majority * count
    # Rounding is no disagreement: spreads a hair above the limit are within it, whichever way the sentences stand.
    abstained = (2 * count <= values.shape[1]) | (spread > limits.max_spread + 1e-9) | unclear
    return _scores(_median(values, count), abstained)


def combine(goal_scores: GoalScores, goals: Goals) -> Scores:
    """Make one value of all goals: the least of 1 - w (1 - value), w the goal's weight over the greatest weight.

    The least, not the mean: no number of goals that are met makes up for one that is violated. And not the product:
    it sinks with every further goal, so that thresholds and rewards would change with the length of the list.
    Abstains where a goal abstains, unless another is violated (below NEUTRAL): further goals could only lower that.
    """
    weights = np.array([goal.weight for goal in goals.goals])
    weighted = 1.0 - weights / weights.max() * (1.0 - goal_scores.values.astype(np.float64))
    known = np.where(goal_scores.abstained, 1.0, weighted).min(axis=1)
    return _scores(known, goal_scores.abstained.any(axis=1) & (known >= NEUTRAL))


def _median(values: NDArray[np.float64], count: NDArray[np.int_]) -> NDArray[np.float64]:
    """The median over answers; NaN sorts last, so the middle is found by the count. NEUTRAL where there is none."""
    ordered = np.sort(values, axis=1)
    last = np.maximum(count - 1, 0)
    rows = np.arange(len(values))
    middle = 0.5 * (ordered[rows, last // 2] + ordered[rows, (last + 1) // 2])
    return np.where(count > 0, middle, NEUTRAL)


def _scores(values: NDArray[np.float64], abstained: NDArray[np.bool_]) -> Scores:
    return Scores(np.where(abstained, NEUTRAL, values).astype(np.float32), abstained)
