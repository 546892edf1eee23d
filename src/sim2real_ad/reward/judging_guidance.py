"""Guidance as a judge of recorded scenes: goal by goal, with abstentions as NaN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim2real_ad.errors import ScorerError
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.audit_figures import Values
from sim2real_ad.reward.bounds import combine
from sim2real_ad.reward.faulty import open_guidance
from sim2real_ad.reward.goal_guidance import GoalGuidance
from sim2real_ad.reward.goals import Goals, load_goals
from sim2real_ad.reward.guidance import Guidance, Scene
from sim2real_ad.reward.judging import OVERALL
from sim2real_ad.reward.surrogate import SurrogateGuidance

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
        return (OVERALL,) if self._goals is None else self._goals.names

    def __call__(self, scenes: Sequence[Scene]) -> Said:
        """Return scores (N, G) and of all goals together (N,), NaN where there is an abstention."""
        if isinstance(self.guidance, GoalGuidance | SurrogateGuidance) and self._goals is not None:
            goals = self.guidance.per_goal(scenes)
            scores = combine(goals, self._goals)
            values = np.where(goals.abstained, np.nan, goals.values)
        else:
            scores = self.guidance.score(scenes)
            values = np.where(scores.abstained, np.nan, scores.values)[:, None]
        return values.astype(np.float64), np.where(scores.abstained, np.nan, scores.values).astype(np.float64)

    def record(self) -> dict[str, int | float | str]:
        """Return what the guidance tells of its work; how much was scored is counted by who judges."""
        return {name: value for name, value in self.guidance.record().items() if name not in ("scored", "abstained")}

    @property
    def _goals(self) -> Goals | None:
        if isinstance(self.guidance, GoalGuidance):
            return self.guidance.goals
        return self.guidance.config.goals if isinstance(self.guidance, SurrogateGuidance) else None


def open_judge(scorer: str, goals: str | Path, spec: BevSpec) -> GoalJudge:
    """Open a scorer with goals: `surrogate`, or what `faulty.open_guidance` takes.

    Raises ScorerError, also where the surrogate was distilled for other goals, or ConfigError.
    """
    wanted = load_goals(goals)
    if scorer != SurrogateGuidance.name:
        return GoalJudge(open_guidance(scorer, goals, spec), wanted.view)
    surrogate = SurrogateGuidance()
    if surrogate.config.goals != wanted:
        known = ", ".join(surrogate.config.goals.names)
        raise ScorerError(f"goals '{goals}': the surrogate knows only those that it was distilled with ({known})")
    return GoalJudge(surrogate)
