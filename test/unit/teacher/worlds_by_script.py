"""Worlds whose every tick is known beforehand, so that a test can say what each stored reward has to be."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from sim2real_ad.reward.guidance import Scene, Scores
from sim2real_ad.reward.moment import Moment
from sim2real_ad.training.teacher.state import STATE_SIZE

LENGTHS = (5, 3, 9, 1, 6)
"""Ticks of the episodes, in turn. Every other one is truncated by the time limit."""
STRIDE = 4
GUIDED_WEIGHT = 100.0


def place(step: int) -> tuple[int, int]:
    """Return (number of the episode, tick in it from 0) of a world's step."""
    episode = 0
    while step >= LENGTHS[episode % len(LENGTHS)]:
        step -= LENGTHS[episode % len(LENGTHS)]
        episode += 1
    return episode, step


def is_truncated(episode: int) -> bool:
    return episode % 2 == 1


def moment_of(world: int, step: int, **changes: Any) -> Moment:
    values: dict[str, Any] = {
        "time_s": 0.05 * (place(step)[1] + 1),
        "speed": step + world / 10.0,
        "speed_limit": 10.0,
        "lateral_offset": 0.0,
        "heading_error": 0.0,
        "lateral_acceleration": 0.0,
        "lateral_jerk": 0.0,
        "jerk": 0.0,
        "action": (0.0, 0.0),
        "last_action": (0.0, 0.0),
        "distance": 1.0 + step % 3,
    }
    return Moment(**{**values, **changes})


def said_of(world: int, step: int) -> float | None:
    """Return what the guidance answers to the scene of a step; None where it abstains."""
    return None if step % 5 == 0 else (7 * step + 3 * world) % 10 / 10.0


def expected_reward(world: int, step: int) -> float:
    """Return what the buffer has to hold for a step, worked out from the script alone."""
    _, tick = place(step)
    said = said_of(world, step - tick % STRIDE)
    moment = moment_of(world, step)
    return moment.speed + (0.0 if said is None else GUIDED_WEIGHT * said * moment.distance)


class GuidedReward:
    uses_guidance = True

    def terms(self, moment: Moment, score: float | None) -> dict[str, float]:
        return {"base": moment.speed, "guided": 0.0 if score is None else score * moment.distance}

    def total(self, terms: dict[str, float]) -> float:
        return terms["base"] + GUIDED_WEIGHT * terms["guided"]


class ScriptGuidance:
    """Knows a scene by its numbers, whatever the order in which scenes come; records how it was asked."""

    name = "script"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def score(self, scenes: list[Scene]) -> Scores:
        self.batches.append(len(scenes))
        said = [said_of(round(scene.curvature), round(scene.speed)) for scene in scenes]
        values = np.array([0.5 if value is None else value for value in said], np.float32)
        return Scores(values, np.array([value is None for value in said]))

    def record(self) -> dict[str, int | float | str]:
        return {"scored": sum(self.batches), "scorer": self.name}


class ScriptedWorld(gymnasium.Env):
    """Its state holds (world, step) in front: a stored transition tells which step it is of."""

    def __init__(self, world: int, reward: Any = None) -> None:
        self.observation_space = spaces.Box(-1e6, 1e6, (STATE_SIZE,), np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.world, self.steps, self.reward = world, 0, reward or GuidedReward()

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._state(), {}

    def step(self, action):
        episode, tick = place(self.steps)
        done = tick == LENGTHS[episode % len(LENGTHS)] - 1
        truncated = done and is_truncated(episode)
        moment = moment_of(self.world, self.steps, success=done and not truncated)
        terms = self.reward.terms(moment, None)
        scored = tick % STRIDE == 0 and self.reward.uses_guidance
        info = {
            "moments": (moment,),
            "moment": moment,
            "scene": Scene(np.zeros((1, 2, 2), np.uint8), self.steps, self.world) if scored else None,
            "terms": terms,
            "success": moment.success,
            "infractions": ("timeout",) if truncated else (),
            "scenario": "even" if episode % 2 == 0 else "odd",
            "episode_seed": episode,
        }
        self.steps += 1
        return self._state(), self.reward.total(terms), done and not truncated, truncated, info

    def _state(self) -> np.ndarray:
        state = np.zeros(STATE_SIZE, np.float32)
        state[:2] = self.world, self.steps
        return state


def which_step(state: np.ndarray) -> tuple[int, int]:
    """Return (world, step) of a stored state."""
    return round(float(state[0])), round(float(state[1]))
