"""Rewards by name: which terms, with which weights, and who says how fast to drive.

Every dense reward is the same synthesis; they differ in the desired speed alone. Under guidance it is the score times
the speed limit, and never above what hard braking could still stop from: praise cannot make recklessness pay. Without
guidance, and wherever it abstains, hand-crafted rules decide it with comfortable margins.

Values are per tick of 20 Hz. A dense reward moves between about -0.3 and 0.12 a tick, the goal and an infraction count
10, so that a good drive's discounted return (0.99 a tick) is of the order of 10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from sim2real_ad.config import StrictModel, find_config, load_config
from sim2real_ad.reward import terms as term
from sim2real_ad.reward.moment import Moment

TICK_S = 0.05
COMFORTABLE = {"deceleration": 1.6, "reaction_s": 1.0, "standoff": 2.5, "stop_short": term.STOP_SHORT}
"""How the hand-crafted rules choose the desired speed."""
HARD = {"deceleration": 4.0, "reaction_s": 0.2, "standoff": 1.0, "stop_short": 0.5}
"""What bounds the desired speed whatever the guidance says."""
LEAST_PENALTY = 1.0
"""An infraction costs at least this much, whatever a file says: nothing may make it worth its while."""

TERM_NAMES = (
    "driving",
    "speed",
    "centring",
    "heading",
    "stability",
    "progress",
    "standing",
    "action_rate",
    "lateral_jerk",
    "goal",
    "infraction",
)


class Weights(StrictModel):
    """What each term counts, a tick. A weight of 0 logs a term without counting it.

    speed, centring, heading, stability: the factors of driving, which is their product; action_rate, lateral_jerk and
    infraction are costs, so theirs are not above 0.
    """

    driving: float = Field(default=0.0, ge=0.0, le=1.0)
    speed: float = Field(default=0.0, ge=0.0, le=1.0)
    centring: float = Field(default=0.0, ge=0.0, le=1.0)
    heading: float = Field(default=0.0, ge=0.0, le=1.0)
    stability: float = Field(default=0.0, ge=0.0, le=1.0)
    progress: float = Field(default=0.0, ge=0.0, le=1.0)
    standing: float = Field(default=0.0, ge=0.0, le=1.0)
    action_rate: float = Field(default=0.0, ge=-1.0, le=0.0)
    lateral_jerk: float = Field(default=0.0, ge=-1.0, le=0.0)
    goal: float = Field(ge=0.0, le=100.0)
    infraction: float = Field(ge=-100.0, le=-LEAST_PENALTY)


class RewardConfig(StrictModel):
    """A file in config/rewards/. desired_speed: who chooses it; rules and none ask no guidance."""

    name: str = Field(min_length=1, pattern=r"^[a-z0-9_\-]+$")
    desired_speed: Literal["guidance", "rules", "none"]
    weights: Weights

    @model_validator(mode="after")
    def _speed_is_desired_where_it_counts(self) -> RewardConfig:
        if self.desired_speed == "none" and (self.weights.driving or self.weights.speed):
            raise ValueError("weights.driving and weights.speed need a desired_speed: guidance or rules")
        return self


@dataclass(frozen=True)
class Reward:
    """A reward without memory: the same moment and score give the same terms, in any order."""

    config: RewardConfig

    @property
    def name(self) -> str:
        """As on the command line."""
        return self.config.name

    @property
    def uses_guidance(self) -> bool:
        """Whether a score changes anything."""
        return self.config.desired_speed == "guidance"

    @property
    def weights(self) -> dict[str, float]:
        """What each term counts, by name."""
        return dict(self.config.weights)

    @property
    def bound(self) -> float:
        """No tick's total is further from 0 than this."""
        return sum(abs(weight) for weight in self.weights.values())

    def desired_speed(self, moment: Moment, score: float | None) -> float:
        """Return the speed in m/s that the reward asks for; score as for `terms`."""
        said = usable_score(score) if self.uses_guidance else None
        if said is None:
            return term.safe_speed(moment, **COMFORTABLE)
        return min(said * moment.speed_limit, term.safe_speed(moment, **HARD))

    def terms(self, moment: Moment, score: float | None) -> dict[str, float]:
        """Return every term of a moment by name, each in [-1, 1]. score: the guidance's, None where it has no say.

        A score outside 0..1 counts as the nearer end, one that is not finite as none. In the tick of an infraction
        every term is 0 but the infraction's own: nothing is earned there.
        """
        if moment.infraction:
            return {**dict.fromkeys(TERM_NAMES, 0.0), "infraction": term.infraction(moment)}
        desired = self.desired_speed(moment, score)
        return {
            "driving": term.driving(moment, desired),
            "speed": term.speed(moment, desired),
            "centring": term.centring(moment),
            "heading": term.heading(moment),
            "stability": term.stability(moment),
            "progress": term.progress(moment, TICK_S),
            "standing": term.standing(moment),
            "action_rate": term.action_rate(moment),
            "lateral_jerk": term.lateral_jerk(moment),
            "goal": term.goal(moment),
            "infraction": term.infraction(moment),
        }

    def total(self, terms: dict[str, float]) -> float:
        """Weigh the terms in one sum. Raises KeyError for a term that has no weight."""
        weights = self.weights
        return sum(weights[name] * value for name, value in terms.items())


def usable_score(score: float | None) -> float | None:
    """Return a score within 0..1, or None where there is none: abstained, not asked, or not finite."""
    if score is None or not math.isfinite(score):
        return None
    return min(max(float(score), 0.0), 1.0)


def load_reward(name_or_path: str | Path) -> Reward:
    """Load a reward: vlm, surrogate, hand-crafted, sparse, or a YAML file.

    Raises ConfigError naming what there is, or the key at fault.
    """
    return Reward(load_config(find_config(name_or_path, "rewards"), RewardConfig))
