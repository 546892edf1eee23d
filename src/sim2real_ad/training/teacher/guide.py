"""Who says how well the goals are met: a scorer over the goals, or the surrogate distilled from one."""

from __future__ import annotations

from sim2real_ad.errors import ScorerError
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.faulty import open_guidance
from sim2real_ad.reward.goals import load_goals
from sim2real_ad.reward.guidance import Guidance
from sim2real_ad.reward.rewards import Reward
from sim2real_ad.training.teacher.settings import TeacherTraining

SURROGATE = "surrogate"


def make_guidance(training: TeacherTraining, reward: Reward) -> Guidance | None:
    """Return the guidance that a reward asks for, None where it asks none.

    Raises ScorerError for an unknown or unusable scorer or a surrogate of other goals, ConfigError for the goals.
    """
    if not reward.uses_guidance:
        return None
    if reward.name == SURROGATE:
        return _open_surrogate(training.goals)
    return open_guidance(training.scorer, training.goals, BevSpec())


def _open_surrogate(goals: str) -> Guidance:
    from sim2real_ad.reward.surrogate import SurrogateGuidance

    surrogate = SurrogateGuidance()
    if load_goals(goals) != surrogate.config.goals:
        known = ", ".join(surrogate.config.goals.names)
        raise ScorerError(f"goals: the surrogate knows only those it was distilled with ({known}), not '{goals}'")
    return surrogate


def with_goals_view(training: TeacherTraining, reward: Reward) -> TeacherTraining:
    """Return the training with the view that its goals look at. Raises ConfigError for the goals."""
    if not reward.uses_guidance or reward.name == SURROGATE:
        return training
    view = load_goals(training.goals).view
    return training.model_copy(update={"drives": training.drives.model_copy(update={"view": view})})
