"""The ground truth seen along the route: where the car is, what is in its way, which stop line comes next.

Expert, privileged state and rewards all read the world through this, so that they agree on what is ahead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim2real_ad.observation.history import FULL_STOP_S, STANDSTILL_SPEED
from sim2real_ad.training.detour import Detour
from sim2real_ad.vehicle.profile import VehicleProfile
from sim2real_ad.world.plan import EpisodePlan, RouteStop, Standing
from sim2real_ad.world.protocol import ActorState, GroundTruth

HOLD_S = 1.0
"""A stop line is served after this long a stand at it; the judge asks for less."""
STANDING = STANDSTILL_SPEED
"""m/s below which the car stands, by the same measure as the student's features."""
ZONE_MARGIN = 0.4
"""m by which a stop has to be nearer to the line than the judge asks for."""
SIDE_MARGIN = 0.35
"""m beside the car's corridor within which something is ahead of it."""
LOOK_AHEAD = 45.0
LARGEST_FOOT = 6.0
"""m from an actor to its foot on the path beyond which it is somewhere else, not beside the path."""


@dataclass(frozen=True)
class Ahead:
    """Something in the car's way. gap: from the front bumper, m, negative where they overlap; speed: along, m/s."""

    gap: float
    speed: float


@dataclass(frozen=True)
class RouteSituation:
    """One tick along the route.

    station: of base_link on the route, m; lateral_offset, heading_error: of base_link to the reference line, which is
    the route, shifted round what stands on it, m left positive and rad; ahead: nearest first; stop: the next line that
    is not served; stop_distance: from the bumper to its near edge, m, infinity where there is none; stood_s: how long
    the car has stood at it.
    """

    station: float
    lateral_offset: float
    heading_error: float
    ahead: tuple[Ahead, ...]
    stop: RouteStop | None
    stop_distance: float
    stood_s: float


class RouteView:
    """Follows one episode, tick by tick, whoever drives. Knows where the car has stopped: one for every episode."""

    def __init__(self, plan: EpisodePlan, profile: VehicleProfile) -> None:
        self.plan = plan
        self.profile = profile
        self.detour = Detour(plan.path, plan.actors, profile)
        self._standing = {a.actor_id for a in plan.actors if isinstance(a.behaviour, Standing)}
        self._station = 0.0
        self._served = 0
        self._stood_since: float | None = None

    def update(self, truth: GroundTruth) -> RouteSituation:
        """See one tick; to be called for every tick in order."""
        pose = truth.ego.pose
        self._station, lateral = self.plan.path.foot(pose.x, pose.y, self._station)
        found = (self._ahead(actor) for actor in truth.actors)
        stop = self._next_stop(truth)
        bumper = self._station + self.profile.front_overhang
        return RouteSituation(
            station=self._station,
            lateral_offset=lateral - self.detour.offset(self._station),
            heading_error=math.remainder(pose.yaw - self._reference_heading(), math.tau),
            ahead=tuple(sorted((a for a in found if a is not None), key=lambda a: a.gap)),
            stop=stop,
            stop_distance=math.inf if stop is None else stop.near_edge - bumper,
            stood_s=0.0 if self._stood_since is None else truth.time_s - self._stood_since,
        )

    def _reference_heading(self) -> float:
        """Return the heading of the reference line beside the car, rad in the map frame, not wrapped."""
        station = self._station
        slope = self.detour.offset(station + 0.5) - self.detour.offset(station - 0.5)  # over a metre
        return self.plan.path.pose(station)[2] + math.atan(slope)

    def _ahead(self, actor: ActorState) -> Ahead | None:
        path, front = self.plan.path, self.profile.front_overhang
        station, lateral = path.foot(actor.pose.x, actor.pose.y, self._station + 10.0)
        x, y, yaw = path.pose(station)
        away = math.hypot(actor.pose.x - x, actor.pose.y - y)
        if away > LARGEST_FOOT or not 0.0 < station - self._station < LOOK_AHEAD:
            return None
        turn = actor.pose.yaw - yaw
        along = (abs(math.cos(turn)) * actor.size[0] + abs(math.sin(turn)) * actor.size[1]) / 2.0
        across = (abs(math.sin(turn)) * actor.size[0] + abs(math.cos(turn)) * actor.size[1]) / 2.0
        stands = actor.actor_id in self._standing
        reach = self.profile.width / 2.0 + across + (0.0 if stands else SIDE_MARGIN)
        offset = self.detour.offset(station - along - front) if stands else 0.0
        gap = station - self._station - along - front
        if abs(lateral - offset) > reach or gap < -along:
            return None
        return Ahead(gap, actor.speed * math.cos(turn))

    def _next_stop(self, truth: GroundTruth) -> RouteStop | None:
        """Return the stop line ahead that has not been served, and serve it where the car stood there long enough."""
        lines = self.plan.stop_lines
        while self._served < len(lines):
            line = lines[self._served]
            bumper = self._station + self.profile.front_overhang
            if bumper > line.far_edge + 1.0 or self._has_stood(truth, line.station - bumper):
                self._served += 1
                self._stood_since = None
                continue
            return line
        return None

    def _has_stood(self, truth: GroundTruth, distance: float) -> bool:
        zone = self.plan.scenario.criteria.stop_zone_m - ZONE_MARGIN
        stood_s = 0.0 if self._stood_since is None else truth.time_s - self._stood_since
        if truth.ego.speed >= STANDING or distance > zone:
            self._stood_since = None
            return stood_s >= FULL_STOP_S
        if self._stood_since is None:
            self._stood_since = truth.time_s
        return stood_s >= HOLD_S
