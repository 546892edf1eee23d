"""What goals of language say of a replayed drive: scores now and then, and the moments that stood out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.replay.results import GoalMoment
from sim2real_ad.replay.stepping import Stepped
from sim2real_ad.reward.guidance import Scene, driven_curvature
from sim2real_ad.reward.judging_guidance import GoalJudge
from sim2real_ad.reward.judging_memory import GroundMemory
from sim2real_ad.types import ns_from_seconds

BATCH = 32
MOST_MOMENTS = 8
APART_NS = ns_from_seconds(2.0)
"""Moments that are nearer are one."""
STANDS_OUT = 0.5
"""A score below is worth a moment."""


class GoalWatcher:
    """Scores the adapter's BEV, or the picture, of a replay at a rate."""

    def __init__(self, judge: GoalJudge, spec: BevSpec, wheelbase: float, rate_hz: float) -> None:
        """wheelbase: of the car, m; rate_hz: scores a second."""
        self._judge = judge
        self._wheelbase = wheelbase
        self._period_ns = ns_from_seconds(1.0 / rate_hz)
        self._memory = GroundMemory(spec)
        self._next_ns = 0
        self._last_ns = 0
        self._batch: list[tuple[int, Scene]] = []
        self._scored: list[tuple[int, tuple[float, ...]]] = []

    def see(self, stepped: Stepped) -> None:
        """Score a frame, if it is time for one."""
        stamp_ns, seen = stepped.stamp_ns, stepped.observation
        if seen is None or (stamp_ns < self._next_ns and stamp_ns >= self._last_ns):
            return
        self._last_ns, self._next_ns = stamp_ns, stamp_ns + self._period_ns
        ego = stepped.ego
        bev = self._memory.fill(seen.bev, seen.validity, ego.pose)
        curvature = driven_curvature(ego.speed, ego.yaw_rate, ego.steering_tire_angle, self._wheelbase)
        rgb = stepped.frame.rgb if stepped.frame is not None and self._judge.view == "camera" else None
        self._batch.append((stamp_ns, Scene(bev, ego.speed, curvature, rgb)))
        if len(self._batch) == BATCH:
            self._score()

    def facts(self) -> dict[str, Any]:
        """Return the mean score of each goal, and the moments."""
        self._score()
        if not self._scored:
            return {}
        values = np.array([row for _, row in self._scored])
        known = ~np.isnan(values)
        means = {
            name: float(values[known[:, g], g].mean()) for g, name in enumerate(self._judge.names) if known[:, g].any()
        }
        return {"goals": means, "moments": tuple(self._moments())}

    def left_out(self) -> list[str]:
        """Say where nothing could be judged."""
        return [] if self._scored else ["goals: nothing to look at in the bag"]

    def _score(self) -> None:
        if not self._batch:
            return
        stamps, scenes = zip(*self._batch, strict=True)
        values, _ = self._judge(scenes)
        self._scored += [(stamp, tuple(row.tolist())) for stamp, row in zip(stamps, values, strict=True)]
        self._batch = []

    def _moments(self) -> list[GoalMoment]:
        """Return the least scores, of each goal at moments well apart, in order of time."""
        found = [
            GoalMoment(stamp_ns=stamp, goal=goal, score=score)
            for stamp, row in self._scored
            for goal, score in zip(self._judge.names, row, strict=True)
            if not math.isnan(score) and score < STANDS_OUT
        ]
        chosen: list[GoalMoment] = []
        for moment in sorted(found, key=lambda m: (m.score, m.stamp_ns)):
            if all(m.goal != moment.goal or abs(m.stamp_ns - moment.stamp_ns) > APART_NS for m in chosen):
                chosen.append(moment)
            if len(chosen) == MOST_MOMENTS:
                break
        return sorted(chosen, key=lambda m: m.stamp_ns)
