"""One judged drive of a policy on privileged state: who judges what came of it is left open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim2real_ad.reward.moment import Moment
from sim2real_ad.training.teacher.environment import TeacherEnv
from sim2real_ad.training.teacher.policy import Actor


@dataclass(frozen=True)
class DrivenEpisode:
    """An episode that is over. moments: one a tick; total: the sum of the environment's rewards."""

    moments: tuple[Moment, ...]
    total: float
    success: bool
    infractions: tuple[str, ...]


def drive_episode(env: TeacherEnv, actor: Actor, scenario: str, seed: int) -> DrivenEpisode:
    """Drive one episode to its end by a policy's own actions. Raises WorldError or ScenarioError."""
    state, _ = env.reset(options={"scenario": scenario, "episode_seed": seed})
    moments: list[Moment] = []
    total, over = 0.0, False
    while not over:
        state, reward, terminated, truncated, info = env.step(np.asarray(actor(state), np.float32))
        total += reward
        moments += info["moments"]
        over = terminated or truncated
    return DrivenEpisode(tuple(moments), total, bool(info["success"]), tuple(info["infractions"]))
