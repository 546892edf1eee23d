"""Moves every other road user by the plan. Kinematic, deterministic, and lean: plain floats, no arrays.

Vehicles that share a path form a queue on it and keep their order. Beside its queue a vehicle reacts to whatever
stands or moves in the corridor of its path: the ego, standing actors, pedestrians, vehicles of paths that cross.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sim2real_ad.geometry.frames import wrap_angle
from sim2real_ad.types import EgoState, Pose2
from sim2real_ad.vehicle.profile import VehicleProfile
from sim2real_ad.world.boxes import ego_centre
from sim2real_ad.world.idm import free_acceleration, interaction
from sim2real_ad.world.path import Path, bend_speeds
from sim2real_ad.world.plan import ActorPlan, Driving, EpisodePlan, Standing, Walking
from sim2real_ad.world.protocol import ActorState
from sim2real_ad.world.stop_lines import stops_on

if TYPE_CHECKING:
    from sim2real_ad.world.embedded.roads import RoadNetwork

LATERAL_COMFORT = 2.0
"""Traffic takes bends at this lateral acceleration, m/s^2, and brakes for them at half of it."""
HARDEST_BRAKING = 6.0
CORRIDOR_MARGIN = 0.3
"""A vehicle reacts to what comes this near to its sides, m."""
REACTION_DISTANCE = 60.0
ROOM_TO_STOP = 30.0
"""m before its path ends from which a vehicle stops."""
CROSSING = 2.5
"""Paths that come nearer than this, m, are watched for each other's traffic."""
STOP_HOLD_S = 1.0
"""How long traffic stands at a stop line."""
STOP_REACHED_M = 1.0
STOP_SETBACK = 1.2
"""Where traffic stops: m from its front bumper to the near edge of a stop line."""


@dataclass(slots=True)
class _Body:
    """Anything that can be in the way. half_length, half_width: m; speed: m/s along yaw."""

    x: float
    y: float
    yaw: float
    speed: float
    half_length: float
    half_width: float


@dataclass(slots=True)
class _Vehicle:
    plan: ActorPlan
    drive: Driving
    body: _Body
    station: float
    next_stop: int = 0
    stood_s: float = 0.0


@dataclass(slots=True)
class _Watch:
    """A body that may come into a path's corridor, and where its foot on the path was last."""

    body: _Body
    near: float


@dataclass(slots=True)
class _Track:
    """One path with its vehicles, front first; watched: what is not of this path."""

    path: Path
    limits: list[float]
    stops: tuple[float, ...]
    vehicles: list[_Vehicle]
    watched: list[_Watch] = field(default_factory=list)


@dataclass(slots=True)
class _Walker:
    plan: ActorPlan
    walk: Walking
    body: _Body
    station: float
    direction: float = 1.0


class Director:
    """Every other road user of one episode."""

    def __init__(self, plan: EpisodePlan, network: RoadNetwork) -> None:
        self.time_s = 0.0
        self._standing = {a.actor_id: _state_of_standing(a) for a in plan.actors if isinstance(a.behaviour, Standing)}
        self._walkers = [_walker(a, a.behaviour) for a in plan.actors if isinstance(a.behaviour, Walking)]
        self._tracks = _tracks(plan.actors, network)
        self._ego = _Body(0.0, 0.0, 0.0, 0.0, 1.0, 1.0)
        self._movers: dict[int, tuple[ActorPlan, _Body]] = {w.plan.actor_id: (w.plan, w.body) for w in self._walkers}
        self._movers |= {v.plan.actor_id: (v.plan, v.body) for track in self._tracks for v in track.vehicles}
        self._order = [a.actor_id for a in plan.actors]
        self._watch_everything(plan)

    def states(self) -> tuple[ActorState, ...]:
        """Return every actor's state now, in the plan's order."""
        return tuple(self._standing.get(number) or _state_of_mover(*self._movers[number]) for number in self._order)

    def step(self, dt: float, ego: EgoState, ego_profile: VehicleProfile) -> None:
        """Advance by dt seconds; ego is its state at the start of them."""
        body = self._ego
        body.x, body.y = ego_centre(ego.pose, ego_profile)
        body.yaw, body.speed = ego.pose.yaw, ego.speed
        body.half_length, body.half_width = ego_profile.length / 2.0, ego_profile.width / 2.0
        accelerations = [self._decide(track, dt) for track in self._tracks]
        for track, wanted in zip(self._tracks, accelerations, strict=True):
            for vehicle, acceleration in zip(track.vehicles, wanted, strict=True):
                _drive(vehicle, track.path, acceleration, dt)
        for walker in self._walkers:
            _walk(walker, dt)
        self.time_s += dt

    def _decide(self, track: _Track, dt: float) -> list[float]:
        """Return the acceleration in m/s^2 of every vehicle of a track."""
        strangers = _strangers(track)
        ahead: _Vehicle | None = None
        decided = []
        for vehicle in track.vehicles:
            body, driver = vehicle.body, vehicle.drive.driver
            braking = _for_stop_line(vehicle, track.stops, dt)
            if ahead is not None:
                gap = ahead.station - vehicle.station - ahead.body.half_length - body.half_length
                braking = max(braking, interaction(gap, body.speed, ahead.body.speed, driver))
            for station, lateral, speed, half_length, half_width in strangers:
                gap = station - vehicle.station - half_length - body.half_length
                in_way = abs(lateral) < half_width + body.half_width + CORRIDOR_MARGIN
                if in_way and -body.half_length < gap < REACTION_DISTANCE:
                    braking = max(braking, interaction(gap, body.speed, speed, driver))
            decided.append(max(_free(vehicle, track, self.time_s) - braking, -HARDEST_BRAKING))
            ahead = vehicle
        return decided

    def _watch_everything(self, plan: EpisodePlan) -> None:
        for track in self._tracks:
            bodies = [self._ego, *(_body_of_standing(a) for a in plan.actors if isinstance(a.behaviour, Standing))]
            bodies += [w.body for w in self._walkers if _comes_near(track.path, w.walk.path)]
            for other in self._tracks:
                if other is not track and _comes_near(track.path, other.path):
                    bodies += [vehicle.body for vehicle in other.vehicles]
            track.watched = [_Watch(body, track.path.nearest(body.x, body.y)[0]) for body in bodies]
            track.watched[0].near = track.path.nearest(plan.ego_start.x, plan.ego_start.y)[0]


def travel_time(actor: ActorPlan, station: float, at_most_s: float) -> float:
    """Return when, in s, the rear of a vehicle that nothing hinders has passed a station of its path, or at_most_s."""
    track = _tracks((actor,), None)[0]
    (vehicle,), time_s, dt = track.vehicles, 0.0, 0.05
    while vehicle.station - vehicle.body.half_length < station and time_s < at_most_s:
        _drive(vehicle, track.path, _free(vehicle, track, time_s), dt)
        time_s += dt
    return time_s


def _free(vehicle: _Vehicle, track: _Track, time_s: float) -> float:
    """Return the acceleration in m/s^2 that a vehicle would choose on an empty road at a time in s."""
    desired = vehicle.drive.driver.desired_speed
    for since_s, speed in vehicle.drive.script:
        if since_s > time_s:
            break
        desired = speed
    limits = track.limits
    desired = min(desired, limits[min(int(vehicle.station), len(limits) - 1)])
    if track.path.length - vehicle.station < ROOM_TO_STOP:
        desired = 0.0  # the way ends here: stop rather than leave it
    return free_acceleration(vehicle.body.speed, desired, vehicle.drive.driver)


def _strangers(track: _Track) -> list[tuple[float, float, float, float, float]]:
    """Return (station, lateral, speed along the path, half length along it, half width across) of what is near it."""
    found = []
    for watch in track.watched:
        body = watch.body
        station, lateral = track.path.foot(body.x, body.y, watch.near)
        watch.near = station
        if abs(lateral) > 6.0:
            continue
        turn = body.yaw - track.path.pose(station)[2]
        cos, sin = math.cos(turn), math.sin(turn)
        along = abs(cos) * body.half_length + abs(sin) * body.half_width
        across = abs(sin) * body.half_length + abs(cos) * body.half_width
        found.append((station, lateral, body.speed * cos, along, across))
    return found


def _for_stop_line(vehicle: _Vehicle, stops: tuple[float, ...], dt: float) -> float:
    """Return by how much the next stop line slows the vehicle, m/s^2, and count how long it has stood there."""
    if vehicle.next_stop >= len(stops):
        return 0.0
    gap = stops[vehicle.next_stop] - vehicle.station - vehicle.body.half_length
    if gap < -STOP_REACHED_M:
        vehicle.next_stop += 1
        return 0.0
    driver = vehicle.drive.driver
    if vehicle.body.speed < 0.05 and gap < STOP_REACHED_M:
        vehicle.stood_s += dt
        if vehicle.stood_s >= STOP_HOLD_S:
            vehicle.next_stop += 1
            vehicle.stood_s = 0.0
            return 0.0
    # IDM stops its minimum gap short of an obstacle, so the line is one that much farther on.
    return interaction(gap + driver.min_gap, vehicle.body.speed, 0.0, driver)


def _drive(vehicle: _Vehicle, path: Path, acceleration: float, dt: float) -> None:
    body = vehicle.body
    speed = max(0.0, body.speed + acceleration * dt)
    vehicle.station += 0.5 * (body.speed + speed) * dt
    body.speed = speed if speed > 0.02 or acceleration > 0.0 else 0.0
    body.x, body.y, body.yaw = path.pose(vehicle.station)


def _walk(walker: _Walker, dt: float) -> None:
    path = walker.walk.path
    walker.station += walker.direction * walker.walk.speed * dt
    if not 0.0 <= walker.station <= path.length:
        walker.station = min(max(walker.station, 0.0), path.length)
        walker.direction = -walker.direction
    body = walker.body
    body.x, body.y, yaw = path.pose(walker.station)
    body.yaw = yaw if walker.direction > 0.0 else yaw + math.pi


def _tracks(actors: Iterable[ActorPlan], network: RoadNetwork | None) -> list[_Track]:
    tracks: dict[int, _Track] = {}
    for actor in actors:
        drive = actor.behaviour
        if not isinstance(drive, Driving):
            continue
        body = _body(actor, drive.path.pose(drive.station), drive.speed)
        if id(drive.path) not in tracks:
            limits = bend_speeds(drive.path, LATERAL_COMFORT, LATERAL_COMFORT / 2.0)
            lines = stops_on(network, drive.path) if network is not None else ()
            stops = tuple(line.near_edge - STOP_SETBACK for line in lines)
            tracks[id(drive.path)] = _Track(drive.path, limits, stops, [])
        tracks[id(drive.path)].vehicles.append(_Vehicle(actor, drive, body, drive.station))
    for track in tracks.values():
        track.vehicles.sort(key=lambda vehicle: -vehicle.station)
    return list(tracks.values())


def _walker(actor: ActorPlan, walk: Walking) -> _Walker:
    return _Walker(actor, walk, _body(actor, walk.path.pose(walk.station), walk.speed), walk.station)


def _body(actor: ActorPlan, pose: tuple[float, float, float], speed: float) -> _Body:
    return _Body(*pose, speed, actor.size[0] / 2.0, actor.size[1] / 2.0)


def _body_of_standing(actor: ActorPlan) -> _Body:
    pose = _state_of_standing(actor).pose
    return _body(actor, (pose.x, pose.y, pose.yaw), 0.0)


def _state_of_standing(actor: ActorPlan) -> ActorState:
    assert isinstance(actor.behaviour, Standing)
    return ActorState(actor.actor_id, actor.kind, actor.blueprint, actor.behaviour.pose, actor.size, 0.0, actor.colour)


def _state_of_mover(actor: ActorPlan, body: _Body) -> ActorState:
    pose = Pose2(body.x, body.y, wrap_angle(body.yaw))
    return ActorState(actor.actor_id, actor.kind, actor.blueprint, pose, actor.size, body.speed, actor.colour)


def _comes_near(path: Path, other: Path) -> bool:
    gaps = path.points[::2, None, :] - other.points[None, ::2, :]
    return bool((np.hypot(gaps[..., 0], gaps[..., 1]) < CROSSING).any())
