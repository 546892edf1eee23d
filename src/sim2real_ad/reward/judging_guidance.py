"""Guidance as a judge of recorded scenes: goal by goal, with abstentions as NaN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.audit_figures import Values
from sim2real_ad.reward.bounds import combine
from sim2real_ad.reward.faulty import open_guidance
from sim2real_ad.reward.goal_guidance import GoalGuidance
from sim2real_ad.reward.goals import load_goals
from sim2real_ad.reward.guidance import Guidance, Scene
from sim2real_ad.reward.judging import OVERALL

Said = tuple[Values, Values]
"""Of each goal (N, G), and of all goals together (N,)."""


@dataclass
class GoalJudge:
    """Scores scenes goal by goal; guidance without goals counts as one. view: what it looks at, bev or camera."""

    guidance: Guidance
    view: str = "bev"

    @property
    def names(self) -> tuple[str, ...]:
        """Of the G goals."""
        return self.guidance.goals.names if isinstance(self.guidance, GoalGuidance) else (OVERALL,)

    def __call__(self, scenes: Sequence[Scene]) -> Said:
        """Return scores (N, G) and of all goals together (N,), NaN where there is an abstention."""
        if isinstance(self.guidance, GoalGuidance):
            goals = self.guidance.per_goal(scenes)
            scores = combine(goals, self.guidance.goals)
            values = np.where(goals.abstained, np.nan, goals.values)
        else:
            scores = self.guidance.score(scenes)
            values = np.where(scores.abstained, np.nan, scores.values)[:, None]
        return values.astype(np.float64), np.where(scores.abstained, np.nan, scores.values).astype(np.float64)

    def record(self) -> dict[str, int | float | str]:
        """Return the guidance's own counts."""
        return self.guidance.record()


def open_judge(scorer: str, goals: str | Path, spec: BevSpec) -> GoalJudge:
    """Open a scorer with goals, by the names that `faulty.open_guidance` takes. Raises ScorerError or ConfigError."""
    return GoalJudge(open_guidance(scorer, goals, spec), load_goals(goals).view)
