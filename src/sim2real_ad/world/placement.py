"""Places a scenario's actors: one function a type of actor, all drawing from the same random numbers in turn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sim2real_ad.geometry.frames import base_from_map, wrap_angle
from sim2real_ad.types import Pose2
from sim2real_ad.world import scenario_model as model
from sim2real_ad.world.catalogue import Blueprint, draw_blueprint, draw_colour
from sim2real_ad.world.obstructions import Thing, obstruction
from sim2real_ad.world.path import Path
from sim2real_ad.world.plan import ActorPlan, Behaviour, Driver, Driving, RouteStop, Standing, Walking

if TYPE_CHECKING:
    from sim2real_ad.world.embedded.roads import RoadNetwork

FIRST_ACTOR_ID = 1
EGO_LENGTH = 5.0
"""m from the ego's base_link either way that no gap at the start may fall short of, whatever the car."""
LINE_SETBACK = 1.2
"""Where a vehicle waits: m from its front bumper to the near edge of a stop line."""


class DoesNotFit(Exception):  # noqa: N818 - not an error of the user's: another place is tried
    """This place on the map does not suit the scenario."""


@dataclass(frozen=True, eq=False)
class Site:
    """Where actors are placed. lane: the ego's lane, from before its start to beyond its goal; ego_at: its station
    on the lane; length: m to the goal; route: the lane from the ego on; limit: m/s."""

    scenario: model.Scenario
    network: RoadNetwork
    rng: np.random.Generator
    lane: Path
    ego_at: float
    length: int
    route: Path
    stops: tuple[RouteStop, ...]
    limit: float
    ego_speed: float

    def draw(self, span: tuple[float, float]) -> float:
        """Draw from a range."""
        return float(self.rng.uniform(*span))

    def count(self, layout: model.ActorLayout) -> int:
        """Draw how many there are: none where the layout's probability says so."""
        number = int(self.rng.integers(layout.count[0], layout.count[1] + 1))
        return number if self.rng.uniform() < layout.probability else 0


def place_actors(site: Site) -> tuple[ActorPlan, ...]:
    """Place every actor of the scenario. Raises DoesNotFit where there is no room."""
    placed: list[ActorPlan] = []
    for layout in site.scenario.actors:
        for blueprint, colour, behaviour in _PLACERS[layout.type](site, layout):
            if blueprint.kind == "pedestrian" and _in_a_vehicle(behaviour, placed):
                continue
            number = FIRST_ACTOR_ID + len(placed)
            placed.append(ActorPlan(number, blueprint.kind, blueprint.name, blueprint.size, colour, behaviour))
    return tuple(placed)


def _in_a_vehicle(behaviour: Behaviour, placed: list[ActorPlan]) -> bool:
    """Tell whether a pedestrian would stand in or walk through a standing vehicle."""
    if isinstance(behaviour, Standing):
        points = np.array([(behaviour.pose.x, behaviour.pose.y)])
    else:
        points = behaviour.path.points
    for other in placed:
        if other.kind == "vehicle" and isinstance(other.behaviour, Standing):
            offset = base_from_map(points, other.behaviour.pose)
            length, width, _ = other.size
            if ((np.abs(offset[:, 0]) < length / 2.0 + 0.6) & (np.abs(offset[:, 1]) < width / 2.0 + 0.35)).any():
                return True
    return False


Placed = Iterator[tuple[Blueprint, tuple[int, int, int], Behaviour]]


def _lead(site: Site, layout: model.Lead) -> Placed:
    station = site.ego_at + EGO_LENGTH
    for _ in range(site.count(layout)):
        blueprint = draw_blueprint(site.rng, "car", "car", "van")
        station += site.draw(layout.gap) + blueprint.size[0] / 2.0
        cruise = site.limit * site.draw(layout.speed_share)
        driver = Driver(cruise, acceleration=site.draw((1.0, 1.8)), deceleration=site.draw((1.5, 2.5)))
        speed = min(cruise, site.ego_speed)
        behaviour = Driving(site.lane, station, speed, driver, _script(site, layout, cruise))
        _check_before_line(site, behaviour, blueprint)
        yield blueprint, draw_colour(site.rng, "car"), behaviour
        station += blueprint.size[0] / 2.0


def _script(site: Site, layout: model.Lead, cruise: float) -> tuple[tuple[float, float], ...]:
    """Draw (time, desired speed) steps: slow down, hold, drive on at another speed, as often as the layout says."""
    steps = []
    time = site.draw(layout.first_s)
    for _ in range(int(site.rng.integers(layout.slowdowns[0], layout.slowdowns[1] + 1))):
        slow = site.draw(layout.slow_speed)
        braking = (cruise - slow) / 1.5
        steps.append((time, slow if slow > 0.6 else 0.0))
        time += braking + site.draw(layout.hold_s)
        steps.append((time, cruise * site.draw((0.85, 1.0))))
        time += site.draw(layout.between_s)
    return tuple(steps)


def _check_before_line(site: Site, behaviour: Driving, blueprint: Blueprint) -> None:
    front = behaviour.station + blueprint.size[0] / 2.0 - site.ego_at
    if site.stops and front + LINE_SETBACK + 2.0 > site.stops[0].near_edge:
        raise DoesNotFit(
            f"the lead vehicle would start within {site.stops[0].near_edge - front:.1f} m of its stop line"
        )


def _follower(site: Site, layout: model.Follower) -> Placed:
    station = site.ego_at - EGO_LENGTH
    for _ in range(site.count(layout)):
        blueprint = draw_blueprint(site.rng, "car")
        station -= site.draw(layout.gap) + blueprint.size[0] / 2.0
        if station < blueprint.size[0]:
            return
        driver = Driver(site.limit, time_headway=1.8, min_gap=4.0)
        yield blueprint, draw_colour(site.rng, "car"), Driving(site.lane, station, site.ego_speed, driver)
        station -= blueprint.size[0] / 2.0


def _oncoming(site: Site, layout: model.Oncoming) -> Placed:
    count = site.count(layout)
    if not count:
        return
    # Towards a junction only the approach's own lane is used: nobody crosses the ego's way through it.
    first = site.ego_at + (site.stops[0].station - 6.0 if site.stops else site.length + 120.0)
    path = _opposite_lane(site, first)
    station = 5.0 if site.stops else path.nearest(*site.lane.pose(site.ego_at + site.draw((60.0, 160.0)))[:2])[0]
    for _ in range(count):
        blueprint = draw_blueprint(site.rng, "car", "van")
        speed = site.limit * site.draw(layout.speed_share)
        driver = Driver(speed, time_headway=site.draw((1.2, 2.0)))
        yield blueprint, draw_colour(site.rng, "car"), Driving(path, station, 0.8 * speed, driver)
        station += site.draw(layout.gap) if site.stops else -site.draw(layout.gap)
        if not 4.0 < station < path.length:
            return


def _opposite_lane(site: Site, station: float) -> Path:
    """Return the lane on the left from a station of the ego's lane on, against its direction."""
    x, y, yaw = site.lane.pose(station)
    own = site.network.lane_point(x, y)
    beside = own and site.network.lane_point(*site.lane.pose(station, own.width)[:2])
    if beside is None or abs(wrap_angle(beside.pose.yaw - yaw)) < math.pi / 2.0:
        raise DoesNotFit("there is no opposite lane")
    return Path(site.network.route(beside, site.length + 300.0))


def _obstruction(site: Site, layout: model.Obstruction) -> Placed:
    station = site.draw(layout.distance)
    for _ in range(site.count(layout)):
        form = layout.forms[int(site.rng.integers(len(layout.forms)))]
        things = obstruction(form, site.rng)
        if station + 35.0 > site.length:
            return  # no room to get back into the lane before the goal
        for thing in things:
            yield thing.blueprint, thing.colour, Standing(_pose_beside(site.route, station, thing))
        station += max(thing.ahead for thing in things) + site.draw(layout.spacing)


def _pose_beside(path: Path, station: float, thing: Thing) -> Pose2:
    x, y, yaw = path.pose(station + thing.ahead, thing.lateral)
    return Pose2(x, y, wrap_angle(yaw + thing.turn))


def _roadside(site: Site, layout: model.Roadside) -> Placed:
    taken: list[tuple[str, float]] = []
    for _ in range(site.count(layout)):
        side = layout.sides[int(site.rng.integers(len(layout.sides)))]
        blueprint, colour = draw_blueprint(site.rng, "car"), draw_colour(site.rng, "car")
        station = site.draw((-5.0, site.length + 20.0))
        lateral = _beyond_edge(site, station, side, site.draw(layout.clearance) + blueprint.size[1] / 2.0)
        turn = (0.0 if side == "right" else math.pi) + site.rng.normal(0.0, 0.01)
        if lateral is None or any(s == side and abs(at - station) < 9.0 for s, at in taken):
            continue
        pose = _pose_beside(site.route, station, Thing(blueprint, colour, 0.0, lateral, turn))
        if _clear_of_road(site, pose, blueprint):
            taken.append((side, station))
            yield blueprint, colour, Standing(pose)


def _pedestrians(site: Site, layout: model.Pedestrians) -> Placed:
    for _ in range(site.count(layout)):
        side = layout.sides[int(site.rng.integers(len(layout.sides)))]
        blueprint, colour = draw_blueprint(site.rng, "pedestrian"), draw_colour(site.rng, "pedestrian")
        station, clearance = site.draw((10.0, site.length + 10.0)), site.draw(layout.clearance)
        speed, reach, turn = site.draw((0.8, 1.6)), site.draw((8.0, 25.0)), site.draw((-math.pi, math.pi))
        lateral = _beyond_edge(site, station, side, clearance)
        if lateral is None:
            continue
        pose = _pose_beside(site.route, station, Thing(blueprint, colour, 0.0, lateral, turn))
        if not _clear_of_road(site, pose, blueprint):
            continue
        walk = _walk(site, side, (station, station + reach), clearance) if layout.walking else None
        yield blueprint, colour, Standing(pose) if walk is None else Walking(walk, 0.0, speed)


def _walk(site: Site, side: Literal["left", "right"], span: tuple[float, float], clearance: float) -> Path | None:
    """Return a path beside the road, or None where a junction or a bend interrupts it."""
    points = []
    for station in np.arange(*span, 1.0).tolist():
        lateral = _beyond_edge(site, station, side, clearance)
        if lateral is None:
            return None
        points.append(site.route.pose(station, lateral)[:2])
    if site.network.on_drivable(np.array(points)).any():
        return None
    return Path(np.array(points if site.rng.uniform() < 0.5 else points[::-1]))


def _waiting(site: Site, layout: model.Waiting) -> Placed:
    x, y, _ = site.route.pose(site.stops[0].station + 10.0)
    near = [
        line.centre
        for line in site.network.stop_lines
        if math.hypot(line.centre.x - x, line.centre.y - y) < 30.0
        and abs(site.route.nearest(line.centre.x, line.centre.y)[1]) > 3.0
    ]
    for index in site.rng.permutation(len(near))[: site.count(layout)].tolist():
        blueprint, line = draw_blueprint(site.rng, "car", "van"), near[index]
        back = 0.2 + LINE_SETBACK + site.draw((0.0, 1.0)) + blueprint.size[0] / 2.0
        pose = Pose2(line.x - back * math.cos(line.yaw), line.y - back * math.sin(line.yaw), line.yaw)
        yield blueprint, draw_colour(site.rng, "car"), Standing(pose)


def _beyond_edge(site: Site, station: float, side: str, distance: float) -> float | None:
    """Return the lateral of a point beside the road, `distance` m outside of its edge; None in a junction."""
    x, y, _ = site.route.pose(station)
    own = site.network.lane_point(x, y)
    if own is None or own.in_junction:
        return None
    if side == "right":
        return -own.width / 2.0 - distance
    beside = site.network.lane_point(*site.route.pose(station, own.width)[:2])
    return own.width / 2.0 + beside.width + distance if beside is not None else None


def _clear_of_road(site: Site, pose: Pose2, blueprint: Blueprint) -> bool:
    """Tell whether a box keeps off every lane."""
    half = np.array([blueprint.size[0], blueprint.size[1]]) / 2.0
    local = np.array([(1, 1), (1, -1), (-1, -1), (-1, 1), (0, 1), (0, -1)]) * half
    cos, sin = math.cos(pose.yaw), math.sin(pose.yaw)
    corners = local @ np.array([[cos, sin], [-sin, cos]]) + (pose.x, pose.y)
    return not site.network.on_drivable(corners).any()


_PLACERS: dict[str, Callable[[Site, Any], Placed]] = {
    "lead": _lead,
    "follower": _follower,
    "oncoming": _oncoming,
    "obstruction": _obstruction,
    "roadside": _roadside,
    "pedestrians": _pedestrians,
    "waiting": _waiting,
}
