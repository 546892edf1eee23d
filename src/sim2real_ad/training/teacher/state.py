"""The privileged state: one tick of ground truth along the route as a compact vector, about -3 to 3 in every entry."""

from __future__ import annotations

import hashlib
import math
from collections import deque

import numpy as np

from sim2real_ad.training.expert import APPROACH_DECELERATION, LATERAL_COMFORT
from sim2real_ad.training.route_view import RouteSituation, RouteView
from sim2real_ad.types import Action, EgoState, FloatArray, Pose2
from sim2real_ad.world.path import bend_speeds
from sim2real_ad.world.protocol import ActorState, GroundTruth

REFERENCE_AHEAD = (2.0, 4.0, 6.0, 9.0, 12.0, 16.0, 21.0, 27.0, 34.0, 42.0)
"""m along the reference line at which the state holds a point of it, in base_link."""
ADVICE_AHEAD = (0.0, 4.0, 10.0, 18.0, 28.0)
"""m along the route at which the state holds the comfortable speed."""
ACTIONS_KEPT = 3
"""Earlier actions in the state: with the actuators' delay they have not all shown in the car's motion yet."""
AHEAD_KEPT = 2
OTHERS_KEPT = 4
OTHERS_WITHIN = 35.0
"""m from base_link."""
LARGEST = 5.0
"""Bound of every entry."""


def _feature_names() -> tuple[str, ...]:
    ego = ("speed", "acceleration", "yaw_rate", "steering_tire_angle", "speed_limit")
    actions = [f"{name}_{age}" for age in range(1, ACTIONS_KEPT + 1) for name in ("curvature", "acceleration")]
    reference = [f"reference_{name}_{d:g}" for d in REFERENCE_AHEAD for name in ("x", "y")]
    advice = [f"advised_speed_{d:g}" for d in ADVICE_AHEAD]
    ahead = [f"ahead{i}_{name}" for i in range(AHEAD_KEPT) for name in ("present", "gap", "nearness", "speed", "brake")]
    stop = ("stop_present", "stop_distance", "stop_nearness", "stop_deceleration", "stop_stood")
    fields = ("present", "x", "y", "velocity_x", "velocity_y", "half_length", "half_width")
    others = [f"other{i}_{name}" for i in range(OTHERS_KEPT) for name in fields]
    return (*ego, *actions, "lateral_offset", "heading_error", *reference, *advice, *ahead, *stop, *others)


STATE_FEATURES = _feature_names()
"""Every entry's name, in order. Lengths are divided by 10 or 30 m, speeds by 10 m/s; see `StateEncoder`."""
STATE_SIZE = len(STATE_FEATURES)
STATE_FINGERPRINT = hashlib.sha256(" ".join(STATE_FEATURES).encode()).hexdigest()[:16]


class StateEncoder:
    """Makes the vector, tick by tick. Keeps the last actions: one for every episode."""

    def __init__(self, view: RouteView) -> None:
        self._view = view
        self._bends = bend_speeds(view.plan.path, LATERAL_COMFORT, APPROACH_DECELERATION)
        self._actions: deque[tuple[float, float]] = deque([(0.0, 0.0)] * ACTIONS_KEPT, maxlen=ACTIONS_KEPT)

    def acted(self, action: Action) -> None:
        """Remember the action of the tick that was encoded last."""
        self._actions.appendleft((action.curvature, action.acceleration))

    def encode(self, truth: GroundTruth, situation: RouteSituation) -> FloatArray:
        """Return the state (STATE_SIZE,) float32 of a tick that the view has just seen."""
        ego = truth.ego
        entries = [
            ego.speed / 10.0,
            ego.acceleration / 3.0,
            ego.yaw_rate * 2.0,
            ego.steering_tire_angle * 3.0,
            self._view.plan.speed_limit / 10.0,
        ]
        for action in self._actions:
            entries.extend(action)
        entries += [situation.lateral_offset, 4.0 * situation.heading_error]
        entries.extend(self._reference(ego.pose, situation.station))
        entries.extend(self._advice(situation.station))
        entries.extend(_ahead(situation, ego.speed))
        entries.extend(_stop(situation, ego.speed))
        entries.extend(_others(ego, truth.actors))
        return np.clip(np.array(entries, np.float32), -LARGEST, LARGEST)

    def _reference(self, pose: Pose2, station: float) -> list[float]:
        path, detour = self._view.plan.path, self._view.detour
        cos, sin = math.cos(pose.yaw), math.sin(pose.yaw)
        entries = []
        for distance in REFERENCE_AHEAD:
            x, y, _ = path.pose(station + distance, detour.offset(station + distance))
            dx, dy = x - pose.x, y - pose.y
            forward, left = cos * dx + sin * dy, cos * dy - sin * dx
            # Near points count in decimetres, far ones in metres: the share of the distance is what is steered by.
            entries += [forward / distance - 1.0, 4.0 * left / distance]
        return entries

    def _advice(self, station: float) -> list[float]:
        last = len(self._bends) - 1
        detour, limit = self._view.detour, self._view.plan.speed_limit
        bends = (self._bends[min(max(int(station + d), 0), last)] for d in ADVICE_AHEAD)
        return [
            min(bend, detour.speed_limit(station + d), limit) / 10.0
            for bend, d in zip(bends, ADVICE_AHEAD, strict=True)
        ]


def _ahead(situation: RouteSituation, speed: float) -> list[float]:
    entries: list[float] = []
    for ahead in situation.ahead[:AHEAD_KEPT]:
        gap, closing = max(ahead.gap, 0.0), max(speed - ahead.speed, 0.0)
        brake = closing * closing / (2.0 * max(gap - 2.0, 0.5))
        entries += [1.0, gap / 30.0, math.exp(-gap / 6.0), ahead.speed / 10.0, min(brake / 3.0, 3.0)]
    return entries + [0.0, 2.0, 0.0, 1.0, 0.0] * (AHEAD_KEPT - len(situation.ahead[:AHEAD_KEPT]))


def _stop(situation: RouteSituation, speed: float) -> list[float]:
    if situation.stop is None:
        return [0.0, 2.0, 0.0, 0.0, 0.0]
    distance = situation.stop_distance
    brake = speed * speed / (2.0 * max(distance - 2.0, 0.5))
    return [1.0, distance / 30.0, math.exp(-max(distance, 0.0) / 3.0), min(brake / 3.0, 3.0), situation.stood_s]


def _others(ego: EgoState, actors: tuple[ActorState, ...]) -> list[float]:
    near = [(math.hypot(a.pose.x - ego.pose.x, a.pose.y - ego.pose.y), a) for a in actors]
    near = sorted((pair for pair in near if pair[0] < OTHERS_WITHIN), key=lambda pair: pair[0])[:OTHERS_KEPT]
    cos, sin = math.cos(ego.pose.yaw), math.sin(ego.pose.yaw)
    entries: list[float] = []
    for _, actor in near:
        dx, dy = actor.pose.x - ego.pose.x, actor.pose.y - ego.pose.y
        turn = actor.pose.yaw - ego.pose.yaw
        velocity = actor.speed * math.cos(turn) / 10.0, actor.speed * math.sin(turn) / 10.0
        half = actor.size[0] / 4.0, actor.size[1] / 4.0
        entries += [1.0, (cos * dx + sin * dy) / 10.0, (cos * dy - sin * dx) / 5.0, *velocity, *half]
    return entries + [0.0] * (7 * (OTHERS_KEPT - len(near)))
