"""What stands behind `s2r scorer calibrate`: any scorer's curves, fitted on simulated drives whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.errors import ScorerError
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.bounds import bound_goals
from sim2real_ad.reward.calibration import Calibration, fit_calibration, save_calibration
from sim2real_ad.reward.goal_guidance import GoalGuidance
from sim2real_ad.reward.goals import Goals, load_goals
from sim2real_ad.reward.lit.drives import TRAINING_MAPS, Moments, collect_moments, jobs
from sim2real_ad.reward.lit.evaluation import auroc, labels
from sim2real_ad.reward.scorers.registry import calibration_path, load_scorer
from sim2real_ad.training.seeds import VALIDATION_SEEDS
from sim2real_ad.types import FloatArray

DRIVES = 90
KINDS = ("clear_road", "lane_keeping", "stop_line")
"""Goals whose own danger the simulator labels; a goal of another name is violated where anything is unsafe."""
OVERALL = "overall"


@dataclass(frozen=True)
class GoalFit:
    """How well a scorer knows one goal on the examples it was fitted on. auroc: of the mean margin, safe against
    unsafe; abstained: share of the moments that the paraphrases disagree about."""

    goal: str
    unsafe: int
    safe: int
    auroc: float
    abstained: float


def calibrate_scorer(
    scorer_name: str,
    goals_name: str | Path,
    report: Callable[[str, float], None] = lambda line, share: None,
    drives: int = DRIVES,
    most_moments: int | None = None,
    out: Path | None = None,
) -> tuple[Path, list[GoalFit]]:
    """Fit a scorer on validation seeds and write its calibration where `load_guidance` finds it, or to `out`.

    most_moments: of those driven so many are shown, evenly spread, for scorers that cost money; None for all.
    Raises ScorerError where the goals look at a camera, or the scorer cannot be calibrated; ConfigError.
    """
    goals, spec = load_goals(goals_name), BevSpec()
    if goals.view != "bev":
        raise ScorerError(
            f"goals '{goals_name}' look at the camera; labelled drives are drawn as bird's-eye views only"
        )
    guidance = GoalGuidance(load_scorer(scorer_name), goals, spec=spec)
    moments = collect_moments(jobs(VALIDATION_SEEDS[:drives], TRAINING_MAPS), spec, report=report)
    chosen = _spread(len(moments), most_moments)
    margins = guidance.margins([moments.scene(int(index), spec) for index in chosen])
    unsafe, counts = _labels(moments, goals, chosen)
    _leave_out(margins, goals, counts)
    calibration = fit_calibration(guidance.scorer, goals, margins, unsafe)
    path = out or calibration_path(scorer_name)
    save_calibration(calibration, path)
    return path, _fits(calibration, goals, margins, unsafe, counts)


def _spread(count: int, most: int | None) -> NDArray[np.intp]:
    wanted = count if most is None else min(most, count)
    return np.linspace(0, count - 1, wanted).round().astype(np.intp)


def _labels(moments: Moments, goals: Goals, chosen: NDArray[np.intp]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return (violated (N, G), counts as an example (N, G))."""
    facts = [moments.facts[index] for index in chosen]
    each = [labels(facts, name if name in KINDS else OVERALL) for name in goals.names]
    return np.stack([bad for bad, _ in each], axis=1), np.stack([known for _, known in each], axis=1)


def _leave_out(margins: FloatArray, goals: Goals, counts: NDArray[np.bool_]) -> None:
    """Take away the margins of moments that are no example for a goal: unsafe in another way, or nobody can tell."""
    for index, columns in enumerate(goals.columns):
        margins[~counts[:, index], columns] = np.nan


def _fits(
    calibration: Calibration, goals: Goals, margins: FloatArray, unsafe: NDArray[np.bool_], counts: NDArray[np.bool_]
) -> list[GoalFit]:
    abstained = bound_goals(margins, goals, calibration).abstained
    fits = []
    for index, (name, columns) in enumerate(zip(goals.names, goals.columns, strict=True)):
        kept = counts[:, index] & np.isfinite(margins[:, columns]).any(axis=1)
        safe = ~unsafe[kept, index]
        quality = auroc(np.nanmean(margins[kept, columns], axis=1), safe)
        share = float(abstained[kept, index].mean())
        fits.append(GoalFit(name, int((~safe).sum()), int(safe.sum()), quality, share))
    return fits
