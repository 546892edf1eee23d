"""What a stage remembers between frames: earlier BEVs, and how long ago the car stood still."""

from __future__ import annotations

from collections import deque

import numpy as np

from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.types import EgoState, FloatArray, UInt8Array, seconds_from_ns

STANDSTILL_SPEED = 0.1
"""Below this the car stands, m/s: an order above the noise of wheel odometry."""
FULL_STOP_S = 0.6
"""A stop shorter than this is none: standstill_distance counts on. A stop sign asks for 0.5 s."""
MAX_STANDSTILL_TIME = 3.0
MAX_STANDSTILL_DISTANCE = 30.0


class DriveClock:
    """Tells where a drive breaks off: stamps that go back or jump by more than the history, or another route."""

    def __init__(self, spec: ObservationSpec) -> None:
        self._longest_gap_s = max(spec.history_s, default=0.5)
        self._last: tuple[int, int] | None = None

    def continues(self, stamp_ns: int, route_stamp_ns: int) -> bool:
        """Note a frame and tell whether it continues the drive of the one before."""
        last, self._last = self._last, (stamp_ns, route_stamp_ns)
        if last is None or last[1] != route_stamp_ns:
            return False
        return 0 <= stamp_ns - last[0] <= round(self._longest_gap_s * 1e9)

    def reset(self) -> None:
        """Forget the last frame."""
        self._last = None


class BevHistory:
    """Earlier BEVs at the ages of the spec, each in the base_link frame of its own time."""

    def __init__(self, spec: ObservationSpec) -> None:
        self._ages_ns = [round(age * 1e9) for age in spec.history_s]
        self._frames: deque[tuple[int, UInt8Array]] = deque()
        self._shape = (len(spec.history_s), *spec.bev.shape)

    def step(self, stamp_ns: int, bev: UInt8Array) -> UInt8Array:
        """Remember a BEV (C, H, W) and return the earlier ones (T, C, H, W).

        For each age the frame nearest to it; while the drive is younger than an age, the oldest frame stands in.
        """
        if self._frames and self._frames[-1][0] == stamp_ns:
            self._frames.pop()
        self._frames.append((stamp_ns, bev))
        self._forget_before(stamp_ns)
        earlier = np.empty(self._shape, np.uint8)
        for index, age in enumerate(self._ages_ns):
            earlier[index] = min(self._frames, key=lambda frame: abs(frame[0] - (stamp_ns - age)))[1]
        return earlier

    def reset(self) -> None:
        """Forget every frame."""
        self._frames.clear()

    def _forget_before(self, stamp_ns: int) -> None:
        """Keep one frame at least as old as the greatest age."""
        oldest_needed = stamp_ns - max(self._ages_ns, default=0)
        while len(self._frames) > 1 and self._frames[1][0] <= oldest_needed:
            self._frames.popleft()


class Standstill:
    """Time standing and distance driven since the last full stop, from the car's own speed."""

    def __init__(self) -> None:
        self._stamp_ns: int | None = None
        self.time_s = 0.0
        self.distance_m = MAX_STANDSTILL_DISTANCE

    def step(self, ego: EgoState) -> None:
        """Account for the time since the last state. A car that never stood has the greatest distance."""
        elapsed = 0.0 if self._stamp_ns is None else seconds_from_ns(ego.stamp_ns - self._stamp_ns)
        self._stamp_ns = ego.stamp_ns
        self.distance_m = min(self.distance_m + abs(ego.speed) * elapsed, MAX_STANDSTILL_DISTANCE)
        if abs(ego.speed) >= STANDSTILL_SPEED:
            self.time_s = 0.0
            return
        self.time_s = min(self.time_s + elapsed, MAX_STANDSTILL_TIME)
        if self.time_s >= FULL_STOP_S:
            self.distance_m = 0.0


class EgoFeatures:
    """The ego vector of an Observation, in the order that the spec names."""

    def __init__(self, spec: ObservationSpec) -> None:
        self._names = spec.ego_features
        self._standstill = Standstill()

    def step(self, ego: EgoState) -> FloatArray:
        """Return the features (K,) float32: m/s, m/s^2, rad/s, rad, s, m."""
        self._standstill.step(ego)
        values = {
            "speed": ego.speed,
            "acceleration": ego.acceleration,
            "yaw_rate": ego.yaw_rate,
            "steering_tire_angle": ego.steering_tire_angle,
            "standstill_time": self._standstill.time_s,
            "standstill_distance": self._standstill.distance_m,
        }
        return np.array([values[name] for name in self._names], np.float32)

    def reset(self) -> None:
        """Forget the standstills."""
        self._standstill = Standstill()
