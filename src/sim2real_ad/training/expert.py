"""The rule-based expert with privileged state: what the first student imitates.

IDM behind whatever is ahead on its path, pure pursuit along the route or the detour round what stands on it, a full
stop at stop lines. It acts on what a camera could see soon enough, so that a student without privilege can follow it.
"""

from __future__ import annotations

import math

from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.observation.history import FULL_STOP_S, STANDSTILL_SPEED
from sim2real_ad.training.detour import Detour
from sim2real_ad.types import Action, EgoState
from sim2real_ad.vehicle.profile import VehicleProfile
from sim2real_ad.world.idm import free_acceleration, interaction
from sim2real_ad.world.path import bend_speeds
from sim2real_ad.world.plan import Driver, EpisodePlan, RouteStop, Standing
from sim2real_ad.world.protocol import ActorState, GroundTruth

LATERAL_COMFORT = 1.9
"""m/s^2 in bends; braked for at APPROACH_DECELERATION."""
APPROACH_DECELERATION = 1.2
STOP_DECELERATION = 1.6
"""m/s^2 towards a stop line."""
STOP_SHORT = 2.0
"""m between bumper and stop line: the middle of where a stop counts, and the camera still sees the line."""
HOLD_S = 1.0
"""The expert stands this long at a stop line; the judge asks for less."""
HOLD_ACCELERATION = -1.0
STOP_REACH = 3.5
"""m before a stop line from which the expert only brakes, wherever it then stands: a creep at walking pace that ends
within centimetres is more than a student without privilege can tell apart, and the judge does not ask for it."""
LEAST_BRAKING = 0.7
"""m/s^2 within STOP_REACH."""
STANDING = STANDSTILL_SPEED
"""m/s below which the car stands, by the same measure as the student's features."""
SIDE_MARGIN = 0.35
"""m beside the car's corridor within which something is ahead of it."""
LOOK_AHEAD = 45.0
HARDEST_BRAKING = 4.5
PREDICTION_S = 0.15
"""Pure pursuit aims from where the car will be when the steering answers."""


class Expert:
    """Drives one episode by its plan. Knows where it has stopped: make a new one for every episode."""

    def __init__(self, plan: EpisodePlan, profile: VehicleProfile) -> None:
        self._plan = plan
        self._profile = profile
        self._mapping = ActionMapping(profile)
        self._driver = Driver(plan.speed_limit * 0.97, time_headway=1.3, min_gap=3.0)
        self._bends = bend_speeds(plan.path, LATERAL_COMFORT, APPROACH_DECELERATION)
        self._detour = Detour(plan.path, plan.actors, profile)
        self._standing = {a.actor_id for a in plan.actors if isinstance(a.behaviour, Standing)}
        self._station = 0.0
        self._served = 0
        self._stood_since: float | None = None

    def act(self, truth: GroundTruth) -> Action:
        """Decide for the state of one tick; to be called for every tick in order, whoever drives."""
        ego = truth.ego
        self._station, _ = self._plan.path.foot(ego.pose.x, ego.pose.y, self._station)
        acceleration = min(self._cruise(ego.speed), self._follow(truth), self._stop(truth))
        return self._mapping.action_from_physical(
            self._pursue(ego), max(acceleration, -HARDEST_BRAKING), stamp_ns=ego.stamp_ns
        )

    def _cruise(self, speed: float) -> float:
        """Return the acceleration in m/s^2 on an empty road."""
        bend = self._bends[min(max(int(self._station + 0.3 * speed), 0), len(self._bends) - 1)]
        desired = min(self._driver.desired_speed, bend, self._detour.speed_limit(self._station))
        return max(free_acceleration(speed, desired, self._driver), -2.0)

    def _follow(self, truth: GroundTruth) -> float:
        """Return the acceleration in m/s^2 behind the nearest thing ahead on the path, infinity where none is."""
        speed = truth.ego.speed
        wanted = math.inf
        for actor in truth.actors:
            ahead = self._ahead(actor)
            if ahead is not None:
                gap, speed_ahead = ahead
                free = free_acceleration(speed, self._driver.desired_speed, self._driver)
                wanted = min(wanted, free - interaction(gap, speed, speed_ahead, self._driver))
        return wanted

    def _ahead(self, actor: ActorState) -> tuple[float, float] | None:
        """Return (gap in m, speed along the path in m/s) of an actor in the car's corridor ahead, or None."""
        path = self._plan.path
        station, lateral = path.foot(actor.pose.x, actor.pose.y, self._station + 10.0)
        x, y, yaw = path.pose(station)
        if math.hypot(actor.pose.x - x, actor.pose.y - y) > 6.0 or not 0.0 < station - self._station < LOOK_AHEAD:
            return None
        turn = actor.pose.yaw - yaw
        along = (abs(math.cos(turn)) * actor.size[0] + abs(math.sin(turn)) * actor.size[1]) / 2.0
        across = (abs(math.sin(turn)) * actor.size[0] + abs(math.cos(turn)) * actor.size[1]) / 2.0
        margin = 0.0 if actor.actor_id in self._standing else SIDE_MARGIN
        reach = self._profile.width / 2.0 + across + margin
        nearest = station - along - self._profile.front_overhang
        offset = self._detour.offset(nearest) if actor.actor_id in self._standing else 0.0
        gap = station - self._station - along - self._profile.front_overhang
        if abs(lateral - offset) > reach or gap < -along:
            return None
        return gap, actor.speed * math.cos(turn)

    def _stop(self, truth: GroundTruth) -> float:
        """Return the acceleration in m/s^2 towards the next stop line, infinity where none is to be served."""
        stop = self._next_stop(truth)
        if stop is None:
            return math.inf
        speed = truth.ego.speed
        distance = stop.near_edge - STOP_SHORT - self._profile.front_overhang - self._station
        if distance < 0.25 or (speed < STANDING and distance < STOP_REACH - STOP_SHORT):
            return HOLD_ACCELERATION - speed
        needed = speed * speed / (2.0 * distance)
        if distance < STOP_REACH - STOP_SHORT:
            return -max(needed, LEAST_BRAKING)
        if needed < 0.75 * STOP_DECELERATION:
            creeping = math.sqrt(2.0 * STOP_DECELERATION * distance)
            return (creeping - speed) * 1.5 if speed < 2.0 or needed > 0.5 * STOP_DECELERATION else math.inf
        return -needed

    def _next_stop(self, truth: GroundTruth) -> RouteStop | None:
        """Return the stop line ahead that has not been served, and serve it where the car stood there long enough."""
        lines = self._plan.stop_lines
        while self._served < len(lines):
            line = lines[self._served]
            bumper = self._station + self._profile.front_overhang
            if bumper > line.far_edge + 1.0 or self._has_stood(truth, line.station - bumper):
                self._served += 1
                self._stood_since = None
                continue
            return line
        return None

    def _has_stood(self, truth: GroundTruth, distance: float) -> bool:
        zone = self._plan.scenario.criteria.stop_zone_m - 0.4
        stood_s = 0.0 if self._stood_since is None else truth.time_s - self._stood_since
        if truth.ego.speed >= STANDING or distance > zone:
            self._stood_since = None
            return stood_s >= FULL_STOP_S
        if self._stood_since is None:
            self._stood_since = truth.time_s
        return stood_s >= HOLD_S

    def _pursue(self, ego: EgoState) -> float:
        """Return the curvature in 1/m of the arc to a point ahead on the (detoured) path (Coulter 1992)."""
        ahead = ego.speed * PREDICTION_S
        yaw = ego.pose.yaw + ego.yaw_rate * PREDICTION_S
        x, y = ego.pose.x + ahead * math.cos(ego.pose.yaw), ego.pose.y + ahead * math.sin(ego.pose.yaw)
        reach = 3.2 + 0.45 * ego.speed
        station = self._station + ahead + reach
        target_x, target_y, _ = self._plan.path.pose(station, self._detour.offset(station))
        dx, dy = target_x - x, target_y - y
        left = dy * math.cos(yaw) - dx * math.sin(yaw)
        return 2.0 * left / (dx * dx + dy * dy)
