"""Calibration: what a scorer's margin is worth, 0 to 1, for each contrast of each goal.

A margin is a difference of cosines; its scale and its zero are another matter for every model and every pair of
sentences. A curve, fitted on margins whose truth is known, makes margins comparable, and it is capped: no margin earns
more than those seen in fitting did.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sim2real_ad.config import StrictModel, load_config
from sim2real_ad.errors import ScorerError
from sim2real_ad.reward.goals import Goals
from sim2real_ad.reward.scorer import Contrast, Scorer

LEAST_EXAMPLES = 10
"""Of each kind, safe and unsafe, below which nothing is fitted."""
CAP_QUANTILE = 0.01
"""Margins beyond this quantile of those seen in fitting, on either side, count as the quantile."""


class Ramp(StrictModel):
    """value = (margin - low) / (high - low), capped to 0..1."""

    kind: Literal["ramp"] = "ramp"
    low: float
    high: float

    @model_validator(mode="after")
    def _ascends(self) -> Ramp:
        if self.low >= self.high:
            raise ValueError(f"low must be below high, got {self.low} and {self.high}")
        return self

    def values(self, margins: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map margins of any shape to 0..1; NaN stays NaN."""
        scaled = (np.asarray(margins, dtype=np.float64) - self.low) / (self.high - self.low)
        return np.clip(scaled, 0.0, 1.0)


class Logistic(StrictModel):
    """value = 1 / (1 + exp(-(a margin + b))), of the margin capped to low..high: how likely the positive sentence is
    where it is as frequent as the negative one."""

    kind: Literal["logistic"] = "logistic"
    a: float = Field(gt=0.0)
    b: float
    low: float = -2.0
    high: float = 2.0

    @model_validator(mode="after")
    def _ascends(self) -> Logistic:
        if self.low >= self.high:
            raise ValueError(f"low must be below high, got {self.low} and {self.high}")
        return self

    def values(self, margins: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map margins of any shape to 0..1; NaN stays NaN."""
        capped = np.clip(np.asarray(margins, dtype=np.float64), self.low, self.high)
        return _sigmoid(self.a * capped + self.b)


Curve = Annotated[Ramp | Logistic, Field(discriminator="kind")]

VLM_RL_RAMP = Ramp(low=-0.03, high=0.0)
"""VLM-RL's score (arXiv 2412.15544), 1 - clip(z, 0, 0.03) / 0.03 with z = cos(negative) - cos(positive) = -margin."""
PROBABILITY_RAMP = Ramp(low=-1.0, high=1.0)
"""For models that answer with a probability p, margin = 2 p - 1: the value is p."""


class Agreement(StrictModel):
    """When a goal's paraphrases agree. max_spread: greatest less least calibrated value; majority: the least share of
    answers on the same side of 0.5."""

    max_spread: float = Field(default=0.5, gt=0.0, le=1.0)
    majority: float = Field(default=0.6, ge=0.5, le=1.0)


class ContrastCurve(StrictModel):
    """The curve of one pair of sentences."""

    positive: str
    negative: str
    curve: Curve


class GoalCurves(StrictModel):
    """curve: of all the goal's contrasts together, for sentences that were not there in fitting."""

    curve: Curve
    contrasts: tuple[ContrastCurve, ...] = ()


class Calibration(StrictModel):
    """Curves of one scorer. scorer: its name; default: for goals that were not there in fitting."""

    format_version: Literal[1] = 1
    scorer: str
    default: Curve
    agreement: Agreement = Agreement()
    goals: dict[str, GoalCurves] = Field(default_factory=dict)

    def curves(self, goals: Goals) -> tuple[Ramp | Logistic, ...]:
        """Return the curves of the K contrasts of some goals: the contrast's own, else its goal's, else the default."""
        return tuple(self._curve(goal.name, contrast) for goal in goals.goals for contrast in goal.contrasts)

    def fitted(self, goals: Goals) -> bool:
        """Whether every goal has curves of its own."""
        return all(name in self.goals for name in goals.names)

    def _curve(self, goal: str, contrast: Contrast) -> Ramp | Logistic:
        if goal not in self.goals:
            return self.default
        for known in self.goals[goal].contrasts:
            if (known.positive, known.negative) == (contrast.positive, contrast.negative):
                return known.curve
        return self.goals[goal].curve


def default_calibration(scorer: Scorer) -> Calibration:
    """Return the calibration of a scorer that nobody fitted: VLM-RL's ramp, or p where the scorer answers with one."""
    return Calibration(scorer=scorer.name, default=VLM_RL_RAMP if scorer.dimension else PROBABILITY_RAMP)


def load_calibration(path: Path) -> Calibration:
    """Read a calibration file. Raises ConfigError naming the file, the key and the value."""
    return load_config(path, Calibration)


def save_calibration(calibration: Calibration, path: Path) -> None:
    """Write a calibration file as `load_calibration` reads it."""
    path.write_text(yaml.safe_dump(calibration.model_dump(mode="json"), sort_keys=False), encoding="utf-8")


def fit_calibration(
    scorer: Scorer, goals: Goals, margins: NDArray[np.floating], unsafe: NDArray[np.bool_]
) -> Calibration:
    """Fit a curve for each contrast and one for each goal on margins whose truth is known.

    margins: (N, K) of the goals' contrasts, NaN where there was no answer; unsafe: (N, G), where a goal is violated.
    Raises ScorerError on other shapes, and where a contrast has too few examples or ranks unsafe above safe.
    """
    expected = (len(goals.contrasts), len(goals.goals))
    if margins.ndim != 2 or unsafe.ndim != 2 or (margins.shape[1], unsafe.shape[1]) != expected:
        raise ScorerError(
            f"calibration: margins {margins.shape} and labels {unsafe.shape}, expected (N, K), (N, G) "
            f"with K = {expected[0]}, G = {expected[1]}"
        )
    fitted = {}
    for index, (goal, columns) in enumerate(zip(goals.goals, goals.columns, strict=True)):
        fitted[goal.name] = _fit_goal(goal.name, goal.contrasts, margins[:, columns], unsafe[:, index])
    return Calibration(scorer=scorer.name, default=default_calibration(scorer).default, goals=fitted)


def _fit_goal(
    name: str, contrasts: Sequence[Contrast], margins: NDArray[np.floating], unsafe: NDArray[np.bool_]
) -> GoalCurves:
    single = tuple(
        ContrastCurve(
            positive=contrast.positive,
            negative=contrast.negative,
            curve=fit_curve(margins[:, k], unsafe, f"goal '{name}', '{contrast.positive}' / '{contrast.negative}'"),
        )
        for k, contrast in enumerate(contrasts)
    )
    together = fit_curve(margins.ravel(), np.repeat(unsafe, margins.shape[1]), f"goal '{name}'")
    return GoalCurves(curve=together, contrasts=single)


def fit_curve(margins: NDArray[np.floating], unsafe: NDArray[np.bool_], source: str = "margins") -> Logistic:
    """Fit a logistic curve by Platt's method (Platt 1999; smoothed targets), both kinds weighing the same.

    margins: (N,), NaN is left out; unsafe: (N,). Raises ScorerError, naming the source, where either kind has fewer
    than LEAST_EXAMPLES, or where higher margins are not safer: such a scorer must not guide anything.
    """
    answered = np.isfinite(margins)
    known, bad = np.asarray(margins, dtype=np.float64)[answered], np.asarray(unsafe, dtype=bool)[answered]
    counts = int(bad.sum()), int((~bad).sum())
    if min(counts) < LEAST_EXAMPLES:
        raise ScorerError(f"{source}: {counts[0]} unsafe, {counts[1]} safe examples; each needs {LEAST_EXAMPLES}")
    centre, scale = float(known.mean()), max(float(known.std()), 1e-9)
    slope, offset = _fit_logistic((known - centre) / scale, bad)
    if slope <= 0.0 or known[~bad].mean() <= known[bad].mean():
        raise ScorerError(
            f"{source}: margins are no higher in safe examples (mean {known[~bad].mean():.4f}) than in "
            f"unsafe ones (mean {known[bad].mean():.4f})"
        )
    low, high = (float(q) for q in np.quantile(known, (CAP_QUANTILE, 1.0 - CAP_QUANTILE)))
    if low >= high:
        raise ScorerError(f"{source}: margins hardly differ, all within {low:.4g}..{high:.4g}")
    return Logistic(a=slope / scale, b=offset - slope * centre / scale, low=low, high=high)


def _fit_logistic(x: NDArray[np.float64], bad: NDArray[np.bool_]) -> tuple[float, float]:
    """Newton's method on the weighted cross-entropy; smoothed targets keep it finite where the kinds are separable."""
    safe_count, bad_count = float((~bad).sum()), float(bad.sum())
    target = np.where(bad, 1.0 / (bad_count + 2.0), (safe_count + 1.0) / (safe_count + 2.0))
    weight = np.where(bad, 0.5 / bad_count, 0.5 / safe_count)
    inputs = np.column_stack((x, np.ones_like(x)))
    theta = np.zeros(2)
    for _ in range(100):
        p = _sigmoid(inputs @ theta)
        gradient = inputs.T @ (weight * (p - target))
        curvature = (inputs * (weight * p * (1.0 - p))[:, None]).T @ inputs + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        # The step is bounded: where p saturates the curvature vanishes and Newton would jump far past the optimum.
        theta -= step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-9:
            break
    return float(theta[0]), float(theta[1])


def _sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.5 * (1.0 + np.tanh(0.5 * z))
