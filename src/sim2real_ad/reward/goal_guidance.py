"""Guidance by language goals: scenes are painted, scored in batches and bounded."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sim2real_ad.errors import ScorerError
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.bounds import GoalScores, bound_goals, combine
from sim2real_ad.reward.calibration import Calibration, default_calibration, load_calibration
from sim2real_ad.reward.goals import Goals, load_goals
from sim2real_ad.reward.guidance import Scene, Scores
from sim2real_ad.reward.scorer import Scorer
from sim2real_ad.reward.scorers.checked import CheckedScorer
from sim2real_ad.reward.scorers.registry import calibration_path, load_scorer
from sim2real_ad.reward.view import paint_scene
from sim2real_ad.types import FloatArray, UInt8Array

BATCH_SIZE = 32
_log = logging.getLogger(__name__)


class GoalGuidance:
    """Scores scenes against language goals. Implements Guidance.

    What a set-up gets wrong (a scorer that cannot embed the sentences, a camera view without a camera, a BEV of
    another spec) is raised. What goes wrong at work costs the batch it happened in: its scenes abstain, and it is
    counted; the training goes on.
    """

    def __init__(
        self,
        scorer: Scorer,
        goals: Goals,
        calibration: Calibration | None = None,
        spec: BevSpec | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        """calibration: None means the default of a scorer that nobody fitted; spec: of the scenes' BEV.

        Raises ScorerError where the scorer cannot embed the goals' sentences and a picture.
        """
        if batch_size < 1:
            raise ScorerError(f"batch size must be at least 1, got {batch_size}")
        self.name = scorer.name
        self.scorer = scorer if isinstance(scorer, CheckedScorer) else CheckedScorer(scorer)
        self.goals = goals
        self.calibration = calibration or default_calibration(scorer)
        self._spec = spec or BevSpec()
        self._batch_size = batch_size
        self._scored = self._abstained = self._failures = 0
        self._seconds = 0.0
        self._last_failure = ""
        self._prove()

    def score(self, scenes: Sequence[Scene]) -> Scores:
        """Score scenes, in order. Raises ScorerError where scenes cannot be painted: a bad set-up."""
        scores = combine(self.per_goal(scenes), self.goals)
        self._scored += len(scenes)
        self._abstained += int(scores.abstained.sum())
        return scores

    def per_goal(self, scenes: Sequence[Scene]) -> GoalScores:
        """Score each goal by itself, for audits and for judging. Raises as `score` does."""
        return bound_goals(self.margins(scenes), self.goals, self.calibration)

    def margins(self, scenes: Sequence[Scene]) -> FloatArray:
        """Return what the scorer says before any bound: (N, K) float32 of `goals.contrasts`, NaN for no answer."""
        started = time.monotonic()
        parts = [self._batch(scenes[i : i + self._batch_size]) for i in range(0, len(scenes), self._batch_size)]
        self._seconds += time.monotonic() - started
        return np.concatenate(parts) if parts else np.zeros((0, len(self.goals.contrasts)), np.float32)

    def record(self) -> dict[str, int | float | str]:
        """Return counts for the training record; `failures` counts batches."""
        return {
            "scorer": self.name,
            "goals": ", ".join(self.goals.names),
            "calibrated": int(self.calibration.fitted(self.goals)),
            "scored": self._scored,
            "abstained": self._abstained,
            "failures": self._failures,
            "last_failure": self._last_failure,
            "seconds": round(self._seconds, 3),
            **self.scorer.record(),
        }

    def _batch(self, scenes: Sequence[Scene]) -> FloatArray:
        pictures = [self._picture(scene) for scene in scenes]
        try:
            return self.scorer.score(pictures, self.goals.contrasts)
        except ScorerError as error:
            self._failures += 1
            self._last_failure = str(error)
            if self._failures == 1:
                _log.warning("guidance abstains where the scorer fails: %s", error)
            return np.full((len(scenes), len(self.goals.contrasts)), np.nan, np.float32)

    def _picture(self, scene: Scene) -> UInt8Array:
        if self.goals.view == "bev":
            try:
                return paint_scene(scene, self._spec)
            except ValueError as error:
                raise ScorerError(f"scenes cannot be painted for scorer '{self.name}': {error}") from error
        if scene.rgb is None:
            raise ScorerError("the goals look at the camera's picture (view: camera), and this run renders none")
        return scene.rgb

    def _prove(self) -> None:
        """Let a faulty set-up show now and not as hours of abstention. Asking a chat model would cost money."""
        if not self.scorer.dimension:
            return
        self.scorer.embed_texts([s for goal in self.goals.goals for s in (*goal.positive, *goal.negative)])
        self.scorer.embed_images([np.zeros((64, 64, 3), np.uint8)])


def load_guidance(scorer_name: str, goals_name: str | Path, spec: BevSpec | None = None) -> GoalGuidance:
    """Open a scorer and goals by their names, with the scorer's calibration where it has one.

    Raises ScorerError or ConfigError naming what is unknown, missing or wrong.
    """
    goals = load_goals(goals_name)
    scorer = load_scorer(scorer_name)
    return GoalGuidance(scorer, goals, find_calibration(scorer_name, scorer, goals), spec)


def find_calibration(scorer_name: str, scorer: CheckedScorer, goals: Goals) -> Calibration:
    """Return the calibration that lies with a scorer, or the default; says where goals have no curve of their own.

    Raises ScorerError where the file was fitted to another kind of scorer, ConfigError where it is not valid.
    """
    path = calibration_path(scorer_name)
    calibration = load_calibration(path) if path.is_file() else default_calibration(scorer)
    if calibration.scorer.partition(":")[0] != scorer_name.partition(":")[0]:
        raise ScorerError(f"{path} was fitted to scorer '{calibration.scorer}', this is '{scorer_name}'")
    if not calibration.fitted(goals):
        unknown = [name for name in goals.names if name not in calibration.goals]
        _log.warning("scorer '%s' is not calibrated for %s: the default curve serves", scorer_name, ", ".join(unknown))
    return calibration
