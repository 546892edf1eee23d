"""Random traffic scenes on a map, for the adapter: poses as they occur in driving, swerving and recovering, with other
road users placed anywhere around. Pictures need no episode, so every frame is another situation."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.errors import MapError
from sim2real_ad.geometry.frames import map_from_base
from sim2real_ad.types import Pose2
from sim2real_ad.world.catalogue import Blueprint, Group, draw_blueprint, draw_colour
from sim2real_ad.world.embedded.roads import LanePoint, RoadNetwork
from sim2real_ad.world.obstructions import obstruction
from sim2real_ad.world.protocol import ActorState

VIEW = 48.0
"""How far ahead things are placed, m."""
Colour = tuple[int, int, int]
Placement = tuple[Blueprint, Colour, Pose2, float]
"""What, RGB, where its middle stands, and its speed in m/s."""
_THINGS: tuple[Group, ...] = ("barrier", "box", "cone")


class SceneSampler:
    """Draws ego poses and actors on one map."""

    def __init__(self, network: RoadNetwork, random: np.random.Generator) -> None:
        self._network = network
        self._points = network.lane_points(2.0)
        self._random = random

    def sample(self) -> tuple[Pose2, tuple[ActorState, ...]]:
        """Return the pose of base_link and the actors around it."""
        path = self._path()
        base = self._swerved(path)
        actors: list[ActorState] = []
        for body, colour, pose, speed in self._placements(path):
            if _clear(pose, body, base, actors):
                actors.append(ActorState(len(actors) + 1, body.kind, body.name, pose, body.size, speed, colour))
        return base, tuple(actors)

    def _path(self) -> NDArray[np.float64]:
        """Lane centre ahead of a random point (N, 2); a third of the points lie shortly before a stop line."""
        for _ in range(100):
            lines = self._network.stop_lines
            point: LanePoint | None
            if lines and self._random.random() < 0.35:
                centre = lines[int(self._random.integers(len(lines)))].centre
                back = self._random.uniform(4.0, 35.0)
                x, y = map_from_base(np.array([-back, 0.0]), centre)
                point = self._network.lane_point(float(x), float(y))
            else:
                point = self._points[int(self._random.integers(len(self._points)))]
            try:
                if point is not None:
                    return self._network.route(point, VIEW)
            except MapError:
                continue
        raise MapError(f"map '{self._network.name}' has no lane of {VIEW} m to place a car on")

    def _swerved(self, path: NDArray[np.float64]) -> Pose2:
        """The pose at the path's start, mostly near the lane's centre, sometimes as when passing or recovering."""
        lane = _pose_along(path, 0.0, 0.0)
        if self._random.random() < 0.55:
            left, turn = self._random.normal(0.0, 0.25), self._random.normal(0.0, 0.04)
        else:
            left, turn = self._random.uniform(-1.8, 4.2), self._random.normal(0.0, 0.18)
        x, y = map_from_base(np.array([0.0, left]), lane)
        return Pose2(float(x), float(y), lane.yaw + float(np.clip(turn, -0.6, 0.6)))

    def _placements(self, path: NDArray[np.float64]) -> Iterator[Placement]:
        """In my lane, in the way, oncoming, parked beside it, on foot; each with its own odds."""
        random = self._random
        if random.random() < 0.45:
            pose = _pose_along(path, random.uniform(7.0, 40.0), random.normal(0.0, 0.3))
            yield *self._vehicle(), pose, 5.0
        if random.random() < 0.45:
            form = str(random.choice(np.array(["car", "van", "barrier", "boxes", "cones"])))
            start = random.uniform(6.0, 36.0)
            for thing in obstruction(form, random):
                pose = _pose_along(path, start + thing.ahead, thing.lateral)
                yield thing.blueprint, thing.colour, _turned(pose, thing.turn), 0.0
        for _ in range(int(random.integers(0, 3))):
            pose = _pose_along(path, random.uniform(3.0, 45.0), random.uniform(2.6, 5.5))
            yield *self._vehicle(), _turned(pose, math.pi), 5.0
        for _ in range(int(random.integers(0, 3))):
            drawn = self._thing() if random.random() < 0.67 else self._vehicle()
            pose = _pose_along(path, random.uniform(3.0, 45.0), random.uniform(-7.0, 9.0))
            yield *drawn, _turned(pose, random.uniform(-math.pi, math.pi)), 0.0
        for _ in range(int(random.choice(np.array([0, 0, 1, 2, 4])))):
            pose = _pose_along(path, random.uniform(4.0, 35.0), random.uniform(-8.0, 8.0))
            yield *self._draw("pedestrian"), _turned(pose, random.uniform(-math.pi, math.pi)), 1.0

    def _vehicle(self) -> tuple[Blueprint, Colour]:
        return self._draw("van" if self._random.random() < 0.2 else "car")

    def _thing(self) -> tuple[Blueprint, Colour]:
        return self._draw(_THINGS[int(self._random.integers(len(_THINGS)))])

    def _draw(self, group: Group) -> tuple[Blueprint, Colour]:
        return draw_blueprint(self._random, group), draw_colour(self._random, group)


def _pose_along(path: NDArray[np.float64], along: float, left: float) -> Pose2:
    """The pose beside a path (N, 2) whose points lie 1 m apart."""
    index = min(int(along), len(path) - 2)
    step = path[index + 1] - path[index]
    start = Pose2(float(path[index, 0]), float(path[index, 1]), math.atan2(step[1], step[0]))
    x, y = map_from_base(np.array([along - index, left]), start)
    return Pose2(float(x), float(y), start.yaw)


def _turned(pose: Pose2, angle: float) -> Pose2:
    return Pose2(pose.x, pose.y, pose.yaw + float(angle))


def _clear(pose: Pose2, body: Blueprint, base: Pose2, others: list[ActorState]) -> bool:
    """Tell whether a body touches neither the ego (circles are enough) nor the others."""
    radius = math.hypot(*body.size[:2]) / 2.0
    ego_x, ego_y = base.x + 1.4 * math.cos(base.yaw), base.y + 1.4 * math.sin(base.yaw)
    if math.hypot(pose.x - ego_x, pose.y - ego_y) < radius + 2.3:
        return False
    gaps = (math.hypot(pose.x - o.pose.x, pose.y - o.pose.y) - max(o.size[:2]) / 2.0 for o in others)
    return all(gap > max(body.size[:2]) / 2.0 for gap in gaps)
