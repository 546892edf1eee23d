"""The driven trajectory of one episode: its hash, which proves determinism, and its comfort figures."""

from __future__ import annotations

import hashlib
import struct
from itertools import pairwise

from sim2real_ad.types import EgoState, seconds_from_ns


class Trajectory:
    """Collects the ego states of one episode, tick by tick, in order."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.states: list[EgoState] = []

    def add(self, ego: EgoState) -> None:
        """Append one state. Raises ValueError where its stamp is not after the last one."""
        if self.states and ego.stamp_ns <= self.states[-1].stamp_ns:
            raise ValueError(f"stamp {ego.stamp_ns} ns is not after the last, {self.states[-1].stamp_ns} ns")
        self.states.append(ego)
        since_start = ego.stamp_ns - self.states[0].stamp_ns
        values = (ego.pose.x, ego.pose.y, ego.pose.yaw, ego.speed, ego.steering_tire_angle)
        self._digest.update(struct.pack("<q5d", since_start, *values))

    @property
    def hash(self) -> str:
        """SHA-256 over every bit of time since the start, pose, speed and tyre angle of every state."""
        return self._digest.hexdigest()

    @property
    def duration_s(self) -> float:
        """From the first state to the last, s."""
        return seconds_from_ns(self.states[-1].stamp_ns - self.states[0].stamp_ns) if self.states else 0.0

    def comfort(self) -> dict[str, float]:
        """Return the extremes a passenger feels, and the mean speed, SI; empty below two states.

        lateral: speed times yaw rate; jerk: longitudinal, between neighbouring states.
        """
        if len(self.states) < 2:
            return {}
        accelerations = [s.acceleration for s in self.states]
        jerks = [
            (b.acceleration - a.acceleration) / seconds_from_ns(b.stamp_ns - a.stamp_ns)
            for a, b in pairwise(self.states)
        ]
        figures = {
            "mean_speed": sum(s.speed for s in self.states) / len(self.states),
            "max_speed": max(s.speed for s in self.states),
            "max_acceleration": max(0.0, *accelerations),
            "max_deceleration": max(0.0, *(-a for a in accelerations)),
            "max_lateral_acceleration": max(abs(s.speed * s.yaw_rate) for s in self.states),
            "max_jerk": max(map(abs, jerks)),
        }
        return {name: round(value, 4) for name, value in figures.items()}
