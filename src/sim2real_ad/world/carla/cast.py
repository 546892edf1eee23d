"""The actors of one episode on a CARLA server: the ego with its camera, and the road users that the Director moves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import carla

from sim2real_ad.control.pedal_map import Pedals
from sim2real_ad.errors import WorldError
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.types import EgoState, Pose2
from sim2real_ad.vehicle.profile import VehicleProfile
from sim2real_ad.world.carla.blueprints import PROFILE_ATTRIBUTE
from sim2real_ad.world.carla.conversions import (
    Transform,
    carla_from_mount,
    carla_from_pose,
    moved_along,
    pose_from_carla,
    steer_from_carla,
    tire_angle_from_carla,
    vector_from_carla,
    yaw_rate_from_carla,
)
from sim2real_ad.world.carla.inbox import CollisionInbox, FrameInbox
from sim2real_ad.world.carla.session import CarlaSession
from sim2real_ad.world.protocol import ActorState

SPAWN_HEIGHT_M = 0.3
"""Above the ground, so that a server does not refuse a vehicle for touching the road."""
WAITING_STOREY_M = 10.0
"""The road users are spawned above one another and then put in place: a server refuses to spawn what touches something,
as cones and barriers that stand close together do."""
_SMALLEST_LOCK = 0.05


class Ego:
    """The ego vehicle, its camera and its collision sensor. Created standing still with its physics off."""

    def __init__(self, session: CarlaSession, profile: VehicleProfile, camera: CameraModel, base: Pose2) -> None:
        """Spawn them with base_link at a pose. Raises WorldError where the server lacks or refuses one."""
        self._session = session
        self._sensors: list[Any] = []
        self.frames, self.collisions = FrameInbox(), CollisionInbox()
        with session.reported("set up the ego car"):
            self._actor = self._spawn_car(profile, moved_along(base, -_axle_from_middle(profile)))
        try:
            with session.reported("set up the ego car"):
                self._measure(profile)
                self._actor.set_transform(_carla_transform(carla_from_pose(moved_along(base, -self.base_x))))
                self._spawn_sensors(camera)
        except WorldError:
            self.destroy()
            raise

    @property
    def actor_id(self) -> int:
        """The vehicle's id on the server."""
        return int(self._actor.id)

    def release(self, speed: float) -> None:
        """Hand the car over to the server's physics, rolling at a speed in m/s."""
        forward = self._actor.get_transform().get_forward_vector()
        velocity = carla.Vector3D(forward.x * speed, forward.y * speed, 0.0)
        physics = carla.command.SetSimulatePhysics(self.actor_id, True)
        self._session.send_and_wait([physics, carla.command.ApplyTargetVelocity(self.actor_id, velocity)])

    def command(self, pedals: Pedals, speed: float) -> Any:
        """Return the batch command that presses the pedals and steers, at a speed in m/s."""
        steer = steer_from_carla(pedals.steer) * self._lock_share(speed)
        control = carla.VehicleControl(pedals.throttle, min(max(steer, -1.0), 1.0), pedals.brake)
        return carla.command.ApplyVehicleControl(self.actor_id, control)

    def state(self, snapshot: Any, stamp_ns: int) -> EgoState:
        """Return the car's state in a snapshot. Raises WorldError where it is gone."""
        own = snapshot.find(self.actor_id)
        if own is None:
            raise WorldError(f"CARLA server {self._session.host}:{self._session.port}: the ego car is gone")
        pose = moved_along(pose_from_carla(_transform(own.get_transform())), self.base_x)
        velocity, acceleration = own.get_velocity(), own.get_acceleration()
        turn = yaw_rate_from_carla(own.get_angular_velocity().z)
        with self._session.reported("read the steering"):
            angle = self._tire_angle()
        return EgoState(stamp_ns, pose, _along(velocity, pose), _along(acceleration, pose), turn, angle)

    def destroy(self) -> None:
        """Stop and remove everything. Sensors are stopped first, or the client aborts the process at its end."""
        for sensor in self._sensors:
            with suppress(RuntimeError):
                sensor.stop()
        for actor in (*self._sensors, self._actor):
            if self._session.alive:
                with suppress(WorldError), self._session.reported("remove an actor"):
                    actor.destroy()
        self._sensors.clear()

    def _spawn_car(self, profile: VehicleProfile, centre: Pose2) -> Any:
        blueprint = _blueprint(self._session, profile.blueprint)
        blueprint.set_attribute("role_name", "hero")
        if blueprint.has_attribute(PROFILE_ATTRIBUTE):
            blueprint.set_attribute(PROFILE_ATTRIBUTE, profile.model_dump_json())
        place = _carla_transform(carla_from_pose(centre, SPAWN_HEIGHT_M))
        actor = self._session.world.spawn_actor(blueprint, place)
        actor.set_simulate_physics(False)
        return actor

    def _measure(self, profile: VehicleProfile) -> None:
        """Read where the rear axle lies on the actor's x, and how far its wheels turn at which speed."""
        self.base_x = self._actor.bounding_box.location.x + _axle_from_middle(profile)
        physics = self._actor.get_physics_control()
        lock = math.radians(max((wheel.max_steer_angle for wheel in physics.wheels), default=0.0))
        if lock < _SMALLEST_LOCK:
            raise WorldError(f"{profile.blueprint} does not steer: its wheels turn {lock:.3f} rad at most")
        self._lock_ratio = profile.max_steering_tire_angle / lock
        if abs(self._lock_ratio - 1.0) < 1e-6:
            self._lock_ratio = 1.0
        self._curve = sorted((point.x, point.y) for point in physics.steering_curve)

    def _lock_share(self, speed: float) -> float:
        """Return the server's steer for the profile's full lock: a server turns the wheels less at speed (km/h)."""
        return self._lock_ratio / max(_interpolate(speed * 3.6, self._curve), 0.05)

    def _spawn_sensors(self, camera: CameraModel) -> None:
        eye = _blueprint(self._session, "sensor.camera.rgb")
        for name, value in (("image_size_x", camera.width), ("image_size_y", camera.height), ("fov", camera.fov_deg)):
            eye.set_attribute(name, str(value))
        place = _carla_transform(carla_from_mount(camera.mount, self.base_x))
        self._attach(eye, place, self.frames.put)
        self._attach(_blueprint(self._session, "sensor.other.collision"), carla.Transform(), self.collisions.put)

    def _attach(self, blueprint: Any, place: Any, listener: Any) -> None:
        sensor = self._session.world.spawn_actor(blueprint, place, attach_to=self._actor)
        self._sensors.append(sensor)
        sensor.listen(listener)

    def _tire_angle(self) -> float:
        left = self._actor.get_wheel_steer_angle(carla.VehicleWheelLocation.FL_Wheel)
        return tire_angle_from_carla(left)


class Troupe:
    """The other road users, without physics, moved to wherever the Director says."""

    def __init__(self, session: CarlaSession, states: Sequence[ActorState]) -> None:
        """Spawn one for each state. Raises WorldError where the server lacks or refuses one."""
        self._session = session
        self._ids: dict[int, int] = {}
        self._boxes: dict[str, tuple[float, float, float]] = {}
        self._last: dict[int, Pose2] = {}
        if states:
            self._spawn(states)

    def moves(self, states: Sequence[ActorState]) -> list[Any]:
        """Return the batch commands that move those whose pose has changed."""
        moved = [state for state in states if self._last.get(state.actor_id) != state.pose]
        self._last.update((state.actor_id, state.pose) for state in moved)
        return [carla.command.ApplyTransform(self._ids[s.actor_id], self._place(s)) for s in moved]

    def planned_id(self, server_id: int) -> int | None:
        """Return the plan's id of an actor on the server, or None where it is none of ours."""
        return next((ours for ours, theirs in self._ids.items() if theirs == server_id), None)

    def destroy(self) -> None:
        """Remove them."""
        if self._session.alive and self._ids:
            with suppress(WorldError):
                self._session.send_and_wait([carla.command.DestroyActor(number) for number in self._ids.values()])
        self._ids.clear()

    def _spawn(self, states: Sequence[ActorState]) -> None:
        future = carla.command.FutureActor
        spawns = []
        with self._session.reported("set up the road users"):
            for storey, state in enumerate(states, start=1):
                blueprint = _blueprint(self._session, state.blueprint)
                if blueprint.has_attribute("color"):
                    blueprint.set_attribute("color", ",".join(map(str, state.colour)))
                place = _carla_transform(carla_from_pose(state.pose, storey * WAITING_STOREY_M))
                spawn = carla.command.SpawnActor(blueprint, place)
                spawns.append(spawn.then(carla.command.SetSimulatePhysics(future, False)))
        numbers = self._session.send_and_wait(spawns)
        self._ids = {state.actor_id: number for state, number in zip(states, numbers, strict=True)}
        with self._session.reported("measure the road users"):
            for state in states:
                self._measure(state)

    def _measure(self, state: ActorState) -> None:
        """Read where a blueprint's origin lies in its box: a vehicle's on the ground, a walker's in the middle."""
        if state.blueprint in self._boxes:
            return
        box = self._session.world.get_actor(self._ids[state.actor_id]).bounding_box
        self._boxes[state.blueprint] = box.location.x, box.location.y, box.extent.z - box.location.z

    def _place(self, state: ActorState) -> Any:
        ahead, right, height = self._boxes[state.blueprint]
        pose = state.pose
        cos, sin = math.cos(pose.yaw), math.sin(pose.yaw)
        origin = Pose2(pose.x - cos * ahead - sin * right, pose.y - sin * ahead + cos * right, pose.yaw)
        return _carla_transform(carla_from_pose(origin, height))


def _blueprint(session: CarlaSession, name: str) -> Any:
    found = session.world.get_blueprint_library().filter(name)
    if not len(found):
        raise WorldError(f"CARLA server {session.host}:{session.port} has no blueprint '{name}'")
    return found[0]


def _carla_transform(transform: Transform) -> Any:
    x, y, z, pitch, yaw, roll = transform
    return carla.Transform(carla.Location(x, y, z), carla.Rotation(pitch, yaw, roll))


def _transform(transform: Any) -> Transform:
    place, turn = transform.location, transform.rotation
    return place.x, place.y, place.z, turn.pitch, turn.yaw, turn.roll


def _along(vector: Any, pose: Pose2) -> float:
    x, y, _ = vector_from_carla((vector.x, vector.y, vector.z))
    return x * math.cos(pose.yaw) + y * math.sin(pose.yaw)


def _axle_from_middle(profile: VehicleProfile) -> float:
    """Return where the rear axle lies from the middle of the car's box, m, negative."""
    return (profile.rear_overhang - profile.front_overhang) / 2.0


def _interpolate(value: float, curve: list[tuple[float, float]]) -> float:
    if not curve or value <= curve[0][0]:
        return curve[0][1] if curve else 1.0
    for (low, at_low), (high, at_high) in pairwise(curve):
        if value <= high:
            return at_low + (at_high - at_low) * (value - low) / (high - low)
    return curve[-1][1]
