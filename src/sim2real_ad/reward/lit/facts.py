"""What is true of one moment of a drive, from the ground truth: the source of the captions and of the label "unsafe".

Unsafe is what can be seen in one picture with speed and steering drawn in: the car, going on along its present arc at
its present speed, reaches what now stands there within UNSAFE_S (or touches it already); or a corner of it is off the
road or will be within LEAVING_S; or it runs a stop line that it has not served: it would take more than
STOP_DECELERATION to halt before the line, or the bumper has passed it. The others are taken where they stand, since
one picture does not show how they move: driving closer than UNSAFE_S to the car in front is unsafe even at equal speed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim2real_ad.control.vehicle_model import curvature_from_tire_angle
from sim2real_ad.types import EgoState, Pose2
from sim2real_ad.vehicle.profile import VehicleProfile
from sim2real_ad.world.boxes import ego_corners, touched_actor
from sim2real_ad.world.embedded.roads import RoadNetwork
from sim2real_ad.world.judge import ON_ROUTE, StopWatch
from sim2real_ad.world.plan import EpisodePlan, RouteStop
from sim2real_ad.world.protocol import ActorState, GroundTruth

UNSAFE_S = 1.0
LEAVING_S = 0.8
STOP_DECELERATION = 4.0
"""m/s^2 above which a halt before the line is no longer believed."""
LOOK_S = 2.0
"""How far ahead along the arc things are looked for, s."""
STEP_S = 0.1
PAST_LINE = 1.5
"""A car whose bumper is this far past an unserved line, m, is still running it; beyond, one cannot tell by looking."""
VIEW_AHEAD, VIEW_ASIDE = 30.0, 10.0
"""What the picture shows of the surroundings, m from base_link."""


@dataclass(frozen=True)
class Facts:
    """One moment. SI, left positive; infinity for what is not there.

    lateral_offset, heading_error: of base_link to the route; gap: bumper to the nearest thing on the car's lane ahead,
    `ahead` its kind; meets_s: until the car touches something along its present arc; leaves_road_s: until a corner is
    off the road, 0 where one is; corners_off: 0..4; line_distance: bumper to the next line on the route, served or not,
    negative while it is under the car; runs_line: see above, None where the car stands astride a line and nobody can
    tell; bend: mean curvature of the route over the next 20 m; vehicles, pedestrians, obstacles: in the picture.
    """

    speed: float
    curvature: float
    lateral_offset: float
    heading_error: float
    gap: float
    ahead: str
    meets_s: float
    leaves_road_s: float
    corners_off: int
    line_distance: float
    runs_line: bool | None
    bend: float
    vehicles: int
    pedestrians: int
    obstacles: int
    pedestrian_distance: float

    @property
    def hits(self) -> bool:
        """A collision is imminent or there."""
        return self.meets_s < UNSAFE_S

    @property
    def leaves(self) -> bool:
        """The car is off the road or about to leave it."""
        return self.leaves_road_s < LEAVING_S

    @property
    def unsafe(self) -> bool | None:
        """Whether the moment is unsafe, None where it depends on a line of which nobody can tell."""
        if self.hits or self.leaves or self.runs_line:
            return True
        return None if self.runs_line is None else False


class FactFinder:
    """Watches one episode: `watch` every tick, `facts` where they are wanted."""

    def __init__(self, plan: EpisodePlan, network: RoadNetwork, profile: VehicleProfile) -> None:
        criteria = plan.scenario.criteria
        self._plan, self._network, self._profile = plan, network, profile
        self._stops = StopWatch(plan.stop_lines, criteria.stop_zone_m, criteria.stop_hold_s)
        self._bends = plan.path.curvature(1.0)
        self._ran: RouteStop | None = None
        self._station = 0.0
        self._lateral = 0.0
        self._last_s = 0.0

    def watch(self, truth: GroundTruth) -> None:
        """Account for one tick: where the car is on its route and which stop lines it has served."""
        pose = truth.ego.pose
        self._station, self._lateral = self._plan.path.foot(pose.x, pose.y, self._station)
        elapsed, self._last_s = truth.time_s - self._last_s, truth.time_s
        ran = self._stops.step(self._bumper, truth.ego.speed, elapsed)
        self._ran = ran or self._ran

    def facts(self, truth: GroundTruth) -> Facts:
        """Return what is true of the tick last watched."""
        ego, plan = truth.ego, self._plan
        gap, ahead = self._gap(truth)
        leaves_road_s, corners_off = self._leaves_road(ego)
        seen = [actor for actor in truth.actors if _in_view(actor, ego.pose)]
        walkers = [_distance(actor, ego.pose) for actor in seen if actor.kind == "pedestrian"]
        turn = ego.pose.yaw - plan.path.pose(self._station)[2]
        first = min(max(int(self._station), 0), len(self._bends) - 1)
        return Facts(
            speed=ego.speed,
            curvature=steered_curvature(ego, self._profile),
            lateral_offset=self._lateral,
            heading_error=math.remainder(turn, 2.0 * math.pi),
            gap=gap,
            ahead=ahead,
            meets_s=self._meets(truth),
            leaves_road_s=leaves_road_s,
            corners_off=corners_off,
            line_distance=self._line_distance(),
            runs_line=self._runs_line(ego.speed),
            bend=float(np.mean(self._bends[first : first + 20])),
            vehicles=sum(actor.kind == "vehicle" for actor in seen),
            pedestrians=len(walkers),
            obstacles=sum(actor.kind == "obstacle" for actor in seen),
            pedestrian_distance=min(walkers, default=math.inf),
        )

    @property
    def _bumper(self) -> float:
        return self._station + self._profile.front_overhang

    def _gap(self, truth: GroundTruth) -> tuple[float, str]:
        """Return (gap in m, kind) of the nearest thing on the car's lane ahead, in the picture."""
        nearest, kind = math.inf, ""
        for actor in truth.actors:
            station, lateral = self._plan.path.foot(actor.pose.x, actor.pose.y, self._station + 10.0)
            gap = station - actor.size[0] / 2.0 - self._bumper
            beside = abs(lateral - self._lateral) > (actor.size[1] + self._profile.width) / 2.0 + 0.2
            if not beside and -actor.size[0] < gap < min(nearest, VIEW_AHEAD) and _in_view(actor, truth.ego.pose):
                nearest, kind = max(gap, 0.0), actor.kind
        return nearest, kind

    def _meets(self, truth: GroundTruth) -> float:
        """Return s until the car's box touches something that stands where it now is, along the present arc."""
        ego, curvature = truth.ego, steered_curvature(truth.ego, self._profile)
        if touched_actor(ego.pose, self._profile, truth.actors) is not None:
            return 0.0
        seen = [actor for actor in truth.actors if _in_view(actor, ego.pose)]
        for step in range(1, round(LOOK_S / STEP_S) + 1 if ego.speed > 0.1 else 0):
            pose = along_arc(ego.pose, ego.speed * step * STEP_S, curvature)
            if touched_actor(pose, self._profile, seen) is not None:
                return step * STEP_S
        return math.inf

    def _leaves_road(self, ego: EgoState) -> tuple[float, int]:
        """Return (s until a corner is off the road, corners off now)."""
        curvature = steered_curvature(ego, self._profile)
        steps = np.arange(round(LOOK_S / STEP_S) + 1 if ego.speed > 0.1 else 1)
        poses = [along_arc(ego.pose, ego.speed * float(step) * STEP_S, curvature) for step in steps]
        corners = np.array([ego_corners(pose, self._profile) for pose in poses])
        off = ~self._network.on_drivable(corners.reshape(-1, 2)).reshape(-1, 4)
        when = np.flatnonzero(off.any(axis=1))
        return (float(when[0]) * STEP_S if len(when) else math.inf), int(off[0].sum())

    def _line_distance(self) -> float:
        """Return m from the bumper to the next line's near edge; negative while the car is over it."""
        rear = self._station - self._profile.rear_overhang
        ahead = [line.near_edge - self._bumper for line in self._plan.stop_lines if line.far_edge > rear]
        distance = min(ahead, default=math.inf)
        return distance if distance < VIEW_AHEAD - self._profile.front_overhang else math.inf

    def _runs_line(self, speed: float) -> bool | None:
        if abs(self._lateral) > ON_ROUTE:
            return False
        if self._ran is not None and self._station - self._profile.rear_overhang < self._ran.far_edge:
            return True if self._bumper < self._ran.far_edge + PAST_LINE else None
        line = self._stops.next_line
        if line is None or self._stops.served or speed < 0.5:
            return False
        distance = line.near_edge - self._bumper
        return distance <= 0.0 or speed * speed / (2.0 * distance) > STOP_DECELERATION


def steered_curvature(ego: EgoState, profile: VehicleProfile) -> float:
    """Return the curvature in 1/m of the arc that the car's tyres point along at its speed."""
    return curvature_from_tire_angle(ego.steering_tire_angle, ego.speed, profile.wheelbase, profile.understeer_gradient)


def along_arc(pose: Pose2, distance: float, curvature: float) -> Pose2:
    """Return the pose `distance` m on along an arc."""
    turn = distance * curvature
    chord = distance * (math.sin(turn / 2.0) / (turn / 2.0) if abs(turn) > 1e-9 else 1.0)
    heading = pose.yaw + turn / 2.0
    return Pose2(pose.x + chord * math.cos(heading), pose.y + chord * math.sin(heading), pose.yaw + turn)


def _in_view(actor: ActorState, base: Pose2) -> bool:
    dx, dy = actor.pose.x - base.x, actor.pose.y - base.y
    ahead = dx * math.cos(base.yaw) + dy * math.sin(base.yaw)
    aside = dy * math.cos(base.yaw) - dx * math.sin(base.yaw)
    half = actor.size[0] / 2.0
    return -half < ahead < VIEW_AHEAD + half and abs(aside) < VIEW_ASIDE + actor.size[1] / 2.0


def _distance(actor: ActorState, base: Pose2) -> float:
    return math.hypot(actor.pose.x - base.x, actor.pose.y - base.y)
