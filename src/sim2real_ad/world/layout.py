"""Lays a scenario out on a map: from ranges to an EpisodePlan, the same for the same seed, bit for bit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim2real_ad.errors import MapError, ScenarioError
from sim2real_ad.geometry.frames import wrap_angle
from sim2real_ad.types import Pose2, Route
from sim2real_ad.world.director import travel_time
from sim2real_ad.world.path import Path
from sim2real_ad.world.placement import DoesNotFit, Site, place_actors
from sim2real_ad.world.plan import ActorPlan, Driving, EpisodePlan
from sim2real_ad.world.scenario_model import Scenario, StopApproach, plan_rng
from sim2real_ad.world.stop_lines import stops_on

if TYPE_CHECKING:
    from sim2real_ad.world.embedded.roads import RoadNetwork

ATTEMPTS = 60
"""How many places on the map are tried before a scenario is given up."""
ROOM_BEHIND = 40
"""m of lane before the ego's start, where the scenario leaves it open."""
ROUTE_BEYOND = 60
"""m of route beyond the goal, so that the way ahead does not end in sight of it."""
LANE_BEYOND = 160
"""m of lane beyond the goal, for traffic to drive on."""
LANE_POINT_SPACING = 5.0


@dataclass(frozen=True)
class _Lane:
    """The lane that the ego drives along: its path, and whole metres on it."""

    path: Path
    start: int
    length: int


def plan_episode(scenario: Scenario, network: RoadNetwork, seed: int) -> EpisodePlan:
    """Turn a scenario into concrete numbers. The same arguments give the same plan, bit for bit.

    Raises ScenarioError where the seed is negative, the map is not the scenario's, or no place on it fits.
    """
    if not scenario.is_on(network.name):
        raise ScenarioError(
            f"scenario '{scenario.name}' is for {', '.join(scenario.maps)}, not for map '{network.name}'"
        )
    reason = ""
    for attempt in range(ATTEMPTS):
        found = _try_plan(scenario, network, seed, plan_rng(scenario, seed, attempt))
        if isinstance(found, EpisodePlan):
            return found
        reason = found
    raise ScenarioError(
        f"scenario '{scenario.name}', seed {seed}: no place on map '{network.name}' fits, "
        f"{ATTEMPTS} tried; the last did not because: {reason}"
    )


def _try_plan(scenario: Scenario, network: RoadNetwork, seed: int, rng: np.random.Generator) -> EpisodePlan | str:
    """Return the plan at a place drawn, or why it does not fit there."""
    try:
        return _plan_once(scenario, network, seed, rng)
    except (DoesNotFit, MapError) as error:
        return str(error)


def _plan_once(scenario: Scenario, network: RoadNetwork, seed: int, rng: np.random.Generator) -> EpisodePlan:
    lane = _draw_lane(scenario, network, rng)
    limit = float(rng.uniform(*scenario.speed_limit))
    ego_speed = limit * float(rng.uniform(*scenario.ego.speed_share))
    points = lane.path.points[lane.start : lane.start + lane.length + ROUTE_BEYOND + 1]
    route = Path(points)
    stops = stops_on(network, route)
    _check_bends(scenario, route, lane.length)
    site = Site(scenario, network, rng, lane.path, float(lane.start), lane.length, route, stops, limit, ego_speed)
    actors = place_actors(site)
    return EpisodePlan(
        scenario=scenario,
        seed=seed,
        map_name=scenario.map_for(seed),
        ego_start=_pose(route, 0.0),
        ego_speed=ego_speed,
        route=Route(0, points, limit),
        goal=_pose(route, float(lane.length)),
        goal_station=float(lane.length),
        stop_lines=stops,
        actors=actors,
        time_limit_s=_time_limit(site, actors),
        path=route,
    )


def _draw_lane(scenario: Scenario, network: RoadNetwork, rng: np.random.Generator) -> _Lane:
    """Draw a place to start and follow the lane from it."""
    candidates = [point for point in network.lane_points(LANE_POINT_SPACING) if not point.in_junction]
    begin = candidates[int(rng.integers(len(candidates)))]
    approach = scenario.route.stop
    if approach is not None:
        turn = approach.turns[int(rng.integers(len(approach.turns)))]
        path = Path(network.route(begin, 140 + approach.beyond[1] + LANE_BEYOND, (turn,)))
        return _lane_to_line(network, path, approach, rng)
    length = round(float(rng.uniform(*scenario.route.length)))
    path = Path(network.route(begin, ROOM_BEHIND + length + LANE_BEYOND))
    inside = path.slice(0.0, ROOM_BEHIND + length + ROUTE_BEYOND, 5.0)
    if any(point is None or point.in_junction for point in (network.lane_point(x, y) for x, y in inside.tolist())):
        raise DoesNotFit("the way leads through a junction")
    return _Lane(path, ROOM_BEHIND, length)


def _lane_to_line(network: RoadNetwork, path: Path, approach: StopApproach, rng: np.random.Generator) -> _Lane:
    stops = stops_on(network, path)
    if not stops:
        raise DoesNotFit("there is no stop line on the way")
    line = stops[0].station
    start = math.floor(line - float(rng.uniform(*approach.approach)))
    if start < 0:
        raise DoesNotFit(f"the stop line is only {line:.0f} m ahead")
    length = round(line + float(rng.uniform(*approach.beyond))) - start
    if len(stops) > 1 and stops[1].station < start + length + 10.0:
        raise DoesNotFit("the next stop line is too near the goal")
    return _Lane(path, start, length)


def _check_bends(scenario: Scenario, route: Path, length: int) -> None:
    sharpest = float(np.abs(route.curvature(2.0)[: length // 2 + 10]).max())
    if scenario.route.min_radius > 0.0 and sharpest * scenario.route.min_radius > 1.0:
        raise DoesNotFit(f"a bend of {1.0 / sharpest:.0f} m is sharper than {scenario.route.min_radius} m")


def _time_limit(site: Site, actors: tuple[ActorPlan, ...]) -> float:
    """Return the scenario's time limit in s, or the one that the lead vehicle sets where that is shorter."""
    criteria = site.scenario.criteria
    leads = [
        a for a in actors if isinstance(a.behaviour, Driving) and a.behaviour.path is site.lane and a.behaviour.script
    ]
    if criteria.behind_lead_s is None or not leads:
        return criteria.time_limit_s
    leaves = travel_time(leads[0], site.ego_at + site.length, criteria.time_limit_s)
    return min(criteria.time_limit_s, leaves + criteria.behind_lead_s)


def _pose(path: Path, station: float) -> Pose2:
    x, y, yaw = path.pose(station)
    return Pose2(x, y, wrap_angle(yaw))
