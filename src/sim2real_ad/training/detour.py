"""The path round what stands in the lane: a smooth lateral offset from the route, decided before the drive begins."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from sim2real_ad.vehicle.profile import VehicleProfile
from sim2real_ad.world.path import Path
from sim2real_ad.world.plan import ActorPlan, Standing

CLEARANCE = 0.65
"""m between the car's side and what it passes."""

SHIFT_LENGTH = 17.0
"""m along the route over which the car moves over."""

RETURN_LENGTH = 20.0
"""m along the route over which it moves back: longer, since what it passed is out of the camera's view by then."""

READY_AHEAD = 2.0
"""m before the front bumper reaches an obstacle by which the car has moved over."""

OUT_OF_VIEW = 2.5
"""An obstacle whose end lies this near ahead of base_link, m, has left the camera's view: the return begins."""

PASSING_SPEED = 5.5
"""m/s while moving over and passing."""


@dataclass(frozen=True)
class Bypass:
    """One stretch of detour. Stations of base_link in m along the route; offset: m, left positive."""

    moved_over: float
    return_begins: float
    offset: float

    def at(self, station: float) -> float:
        """Return the offset in m at a station."""
        if station < self.moved_over:
            return self.offset * _smooth_step(1.0 - (self.moved_over - station) / SHIFT_LENGTH)
        return self.offset * _smooth_step(1.0 - (station - self.return_begins) / RETURN_LENGTH)

    def concerns(self, station: float) -> bool:
        """Tell whether the car is moving over or passing."""
        return self.moved_over - SHIFT_LENGTH - 4.0 < station < self.return_begins + OUT_OF_VIEW


class Detour:
    """The lateral offset and the speed to pass at, by station."""

    def __init__(self, path: Path, actors: Iterable[ActorPlan], profile: VehicleProfile) -> None:
        found = (_bypass(path, actor, profile) for actor in actors if isinstance(actor.behaviour, Standing))
        self._bypasses = tuple(bypass for bypass in found if bypass is not None)

    def offset(self, station: float) -> float:
        """Return the offset from the route in m, left positive, of base_link at a station in m."""
        return max((bypass.at(station) for bypass in self._bypasses), default=0.0)

    def speed_limit(self, station: float) -> float:
        """Return the greatest speed in m/s at a station in m."""
        return PASSING_SPEED if any(bypass.concerns(station) for bypass in self._bypasses) else math.inf


def _bypass(path: Path, actor: ActorPlan, profile: VehicleProfile) -> Bypass | None:
    """Return how to pass a standing actor on its left, or None where it is not in the way."""
    assert isinstance(actor.behaviour, Standing)
    pose = actor.behaviour.pose
    station, lateral = path.nearest(pose.x, pose.y)
    turn = pose.yaw - path.pose(station)[2]
    length, width, _ = actor.size
    along = (abs(math.cos(turn)) * length + abs(math.sin(turn)) * width) / 2.0
    across = (abs(math.sin(turn)) * length + abs(math.cos(turn)) * width) / 2.0
    half = profile.width / 2.0
    if not 0.0 < station < path.length or lateral + across < -half - 0.3 or lateral - across > half + 0.3:
        return None
    return Bypass(
        moved_over=station - along - profile.front_overhang - READY_AHEAD,
        return_begins=station + along - OUT_OF_VIEW,
        offset=lateral + across + CLEARANCE + half,
    )


def _smooth_step(share: float) -> float:
    """Return the quintic from 0 to 1 with zero slope and curvature at both ends."""
    t = min(max(share, 0.0), 1.0)
    return t * t * t * (10.0 + t * (6.0 * t - 15.0))
