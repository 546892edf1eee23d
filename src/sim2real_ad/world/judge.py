"""Judges an episode by the ground truth: strict success, and what was done wrong.

- collision: the ego's box, bumper to bumper, overlaps another's.
- off_road: a corner of the box has been off the lanes and junctions for longer than `off_road_s`.
- stop_line_run: the front bumper passes a stop line's far edge without a stop. A stop is standing for `stop_hold_s`
  with the bumper at most `stop_zone_m` before the line's middle and not past its far edge.
- standing_still: the car has stood for `standing_still_s` with no reason for it. A reason is a vehicle, a pedestrian
  or a stop line not yet served, within `standing_reason_m` ahead of the bumper. What stands the whole episode (an
  obstacle, a parked car) is none: the scenario asks to pass it.
- timeout: the time limit has passed.
The first infraction ends the episode. Success is base_link at the goal's station or beyond, within `goal_lateral_m` of
the lane's centre, and no infraction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from sim2real_ad.vehicle.profile import VehicleProfile
from sim2real_ad.world.boxes import ego_corners, touched_actor
from sim2real_ad.world.plan import EpisodePlan, RouteStop, Standing
from sim2real_ad.world.protocol import ActorState, GroundTruth

if TYPE_CHECKING:
    from sim2real_ad.world.embedded.roads import RoadNetwork

InfractionKind = Literal["collision", "off_road", "stop_line_run", "timeout", "standing_still"]

STANDING_SPEED = 0.1
"""Below this, m/s, the car stands."""
ON_ROUTE = 3.0
"""A stop line binds whoever is nearer than this to the lane's centre, m."""
ROUNDING_S = 1e-9
"""By which sums of ticks miss the time that they stand for."""


@dataclass(frozen=True)
class Infraction:
    """A rule broken. time_s: since the episode's start; detail: for a reader, with the numbers."""

    kind: InfractionKind
    time_s: float
    detail: str


@dataclass(frozen=True)
class Verdict:
    """What is known of an episode so far. progress: the share of the way to the goal, 0..1."""

    done: bool = False
    success: bool = False
    infractions: tuple[Infraction, ...] = ()
    progress: float = 0.0


class StopWatch:
    """Which stop lines of a route the car has served, from where it stood and how long."""

    def __init__(self, stops: tuple[RouteStop, ...], zone_m: float, hold_s: float) -> None:
        self._stops = stops
        self._zone_m = zone_m
        self._hold_s = hold_s
        self._next = 0
        self.held_s = 0.0
        self.served = False

    @property
    def next_line(self) -> RouteStop | None:
        """The first line that the bumper has not passed."""
        return self._stops[self._next] if self._next < len(self._stops) else None

    def step(self, bumper: float, speed: float, elapsed_s: float) -> RouteStop | None:
        """Account for a tick with the bumper at a station in m; return the line that it ran, or None."""
        line = self.next_line
        if line is None:
            return None
        if bumper > line.far_edge:
            ran = None if self.served else line
            self._next, self.held_s, self.served = self._next + 1, 0.0, False
            return ran
        in_zone = bumper >= line.station - self._zone_m
        self.held_s = self.held_s + elapsed_s if in_zone and speed < STANDING_SPEED else 0.0
        self.served = self.served or (in_zone and speed < STANDING_SPEED and self.held_s >= self._hold_s - ROUNDING_S)
        return None


class Judge:
    """Watches one episode, tick by tick."""

    def __init__(self, plan: EpisodePlan, network: RoadNetwork, profile: VehicleProfile) -> None:
        self._plan = plan
        self._network = network
        self._profile = profile
        self._criteria = plan.scenario.criteria
        self._path = plan.path
        self._fixed = {a.actor_id for a in plan.actors if isinstance(a.behaviour, Standing)}
        self._stops = StopWatch(plan.stop_lines, self._criteria.stop_zone_m, self._criteria.stop_hold_s)
        self._station = 0.0
        self._last_s: float | None = None
        self._off_road_s = 0.0
        self._standing_s = 0.0
        self.verdict = Verdict()

    def step(self, truth: GroundTruth) -> Verdict:
        """Judge one tick. After the end the verdict stays as it is."""
        if self.verdict.done:
            return self.verdict
        elapsed = 0.0 if self._last_s is None else truth.time_s - self._last_s
        self._last_s = truth.time_s
        self._station, lateral = self._path.foot(truth.ego.pose.x, truth.ego.pose.y, self._station)
        broken = (
            self._collision(truth)
            or self._off_road(truth, elapsed)
            or self._stop_line(truth, lateral, elapsed)
            or self._standing_still(truth, elapsed)
            or self._timeout(truth)
        )
        infractions = () if broken is None else (Infraction(broken[0], truth.time_s, broken[1]),)
        at_goal = self._station >= self._plan.goal_station and abs(lateral) <= self._criteria.goal_lateral_m
        progress = min(max(self._station / self._plan.goal_station, self.verdict.progress, 0.0), 1.0)
        success = at_goal and not infractions
        self.verdict = Verdict(success or bool(infractions), success, infractions, progress)
        return self.verdict

    def _collision(self, truth: GroundTruth) -> tuple[InfractionKind, str] | None:
        touched = truth.ego_colliding
        if touched is None:
            touched = touched_actor(truth.ego.pose, self._profile, truth.actors)
        if touched is None:
            return None
        blueprint = next((a.blueprint for a in truth.actors if a.actor_id == touched), "something unknown")
        return "collision", f"with actor {touched} ({blueprint}) at {truth.ego.speed:.1f} m/s"

    def _off_road(self, truth: GroundTruth, elapsed: float) -> tuple[InfractionKind, str] | None:
        corners = np.array(ego_corners(truth.ego.pose, self._profile))
        off = not bool(self._network.on_drivable(corners).all())
        self._off_road_s = self._off_road_s + elapsed if off else 0.0
        if not off or self._off_road_s <= self._criteria.off_road_s + ROUNDING_S:
            return None
        limit = self._criteria.off_road_s
        return "off_road", f"a corner of the car off the road for {self._off_road_s:.2f} s, allowed {limit} s"

    def _stop_line(self, truth: GroundTruth, lateral: float, elapsed: float) -> tuple[InfractionKind, str] | None:
        ran = self._stops.step(self._station + self._profile.front_overhang, truth.ego.speed, elapsed)
        if ran is None or abs(lateral) > ON_ROUTE:
            return None
        return "stop_line_run", f"line {ran.line_id} passed at {truth.ego.speed:.1f} m/s without a stop"

    def _standing_still(self, truth: GroundTruth, elapsed: float) -> tuple[InfractionKind, str] | None:
        standing = truth.ego.speed < STANDING_SPEED and not self._has_reason(truth)
        self._standing_s = self._standing_s + elapsed if standing else 0.0
        if self._standing_s <= self._criteria.standing_still_s + ROUNDING_S:
            return None
        return "standing_still", f"stood for {self._standing_s:.1f} s with no vehicle or stop line ahead"

    def _has_reason(self, truth: GroundTruth) -> bool:
        bumper, reach = self._station + self._profile.front_overhang, self._criteria.standing_reason_m
        line = self._stops.next_line
        if line is not None and not self._stops.served and 0.0 <= line.far_edge - bumper <= reach:
            return True
        return any(self._is_ahead(actor, bumper, reach) for actor in truth.actors if actor.actor_id not in self._fixed)

    def _is_ahead(self, actor: ActorState, bumper: float, reach: float) -> bool:
        station, lateral = self._path.nearest(actor.pose.x, actor.pose.y)
        gap = station - actor.size[0] / 2.0 - bumper
        return -actor.size[0] < gap <= reach and abs(lateral) < (actor.size[1] + self._profile.width) / 2.0 + 0.5

    def _timeout(self, truth: GroundTruth) -> tuple[InfractionKind, str] | None:
        limit = self._plan.time_limit_s
        return ("timeout", f"{limit} s passed before the goal") if truth.time_s >= limit - ROUNDING_S else None
