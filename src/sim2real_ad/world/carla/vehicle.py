"""A vehicle that the wire server drives: the embedded world's car behind CARLA's pedals, frame and physics control."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sim2real_ad.control.pedal_map import PedalMap
from sim2real_ad.types import Pose2
from sim2real_ad.vehicle.profile import VehicleProfile
from sim2real_ad.world.carla.conversions import (
    Transform,
    Vector,
    carla_from_pose,
    carla_from_tire_angle,
    carla_from_yaw_rate,
    moved_along,
    pose_from_carla,
    steer_from_carla,
)
from sim2real_ad.world.embedded.dynamics import EgoDynamics
from sim2real_ad.world.embedded.suspension import body_bank
from sim2real_ad.world.randomization import DynamicsScale

if TYPE_CHECKING:
    from sim2real_ad.world.carla.actors import VehicleControl

WHEEL_RADIUS_M = 0.33
_TRACK_SHARE = 0.84
"""Track width over body width."""


@dataclass(frozen=True)
class CarlaMotion:
    """A motion in CARLA's frame: m, deg, m/s, deg/s, m/s^2; of the vehicle actor's origin, its box's centre."""

    transform: Transform
    velocity: Vector
    angular_velocity: Vector
    acceleration: Vector


class DrivenVehicle:
    """Turns a vehicle actor's controls into its motion."""

    def __init__(self, profile: VehicleProfile, scale: DynamicsScale, transform: Transform) -> None:
        self.profile = profile
        self._dynamics = EgoDynamics(profile, scale, _pedal_map(profile))
        self.place(transform, 0.0)

    @property
    def speed(self) -> float:
        """Forward speed, m/s."""
        return self._dynamics.state.speed

    @property
    def wheel_angle_deg(self) -> float:
        """The front tyres' angle as CARLA gives it, deg, right positive."""
        return carla_from_tire_angle(self._dynamics.state.tire_angle)

    @property
    def lean(self) -> tuple[float, float]:
        """How the body leans on its springs: (pitch, roll) in rad, nose down and right side down positive."""
        state = self._dynamics.state
        return body_bank(state.acceleration, state.speed, state.yaw_rate)

    def place(self, transform: Transform, speed: float) -> None:
        """Put the vehicle somewhere, rolling straight ahead at a speed in m/s; it never rolls backwards."""
        self._z = transform[2]
        centre = pose_from_carla(transform)
        self._dynamics.reset(moved_along(centre, base_x(self.profile)), max(speed, 0.0))

    def step(self, control: VehicleControl, dt: float) -> CarlaMotion:
        """Hold a control for dt seconds. The hand brake is a full brake; there is no reverse: such a throttle rests."""
        throttle = 0.0 if control.reverse else control.throttle
        brake = 1.0 if control.hand_brake else control.brake
        self._dynamics.step(throttle, brake, steer_from_carla(control.steer), dt)
        return self.motion()

    def motion(self) -> CarlaMotion:
        """Return the motion of the box's centre."""
        state = self._dynamics.state
        ahead = -base_x(self.profile)
        cos, sin = math.cos(state.pose.yaw), math.sin(state.pose.yaw)
        lateral = state.lateral_speed + state.yaw_rate * ahead
        side = state.speed * state.yaw_rate
        return CarlaMotion(
            carla_from_pose(moved_along(state.pose, ahead), self._z),
            (state.speed * cos - lateral * sin, -(state.speed * sin + lateral * cos), 0.0),
            (0.0, 0.0, carla_from_yaw_rate(state.yaw_rate)),
            (state.acceleration * cos - side * sin, -(state.acceleration * sin + side * cos), 0.0),
        )

    def physics_control(self, transform: Transform) -> list[Any]:
        """Return the vehicle's VehiclePhysicsControl as the wire holds it; wheels in world coordinates, cm."""
        profile = self.profile
        origin = pose_from_carla(transform)
        half_track = _TRACK_SHARE * profile.width / 2.0
        wheels = []
        for x, steers in ((base_x(profile) + profile.wheelbase, True), (base_x(profile), False)):
            for y in (half_track, -half_track):
                place = _offset(origin, x, y)
                angle = math.degrees(profile.max_steering_tire_angle) if steers else 0.0
                position = [100.0 * place[0], -100.0 * place[1], 100.0 * (transform[2] + WHEEL_RADIUS_M)]
                wheels.append([3.5, 0.25, angle, 100.0 * WHEEL_RADIUS_M, 1500.0, 0.0, 2.0, 17.0, 1000.0, position])
        flat_curve = [[0.0, 1.0], [120.0, 1.0]]
        engine = [[[0.0, 400.0], [5000.0, 400.0]], 5800.0, 1.0, 0.15, 2.0, 0.35]
        gears = [True, 0.5, 10.0, 4.0, [[1.0, 0.5, 1.0]]]
        body = [profile.mass, 0.3, [0.0, 0.0, 0.0]]
        return [*engine, *gears, *body, flat_curve, wheels, False]


def base_x(profile: VehicleProfile) -> float:
    """Return where the rear axle lies on the actor's x, m, negative: the actor's origin is its box's centre."""
    return (profile.rear_overhang - profile.front_overhang) / 2.0


def _offset(pose: Pose2, x: float, y: float) -> tuple[float, float]:
    cos, sin = math.cos(pose.yaw), math.sin(pose.yaw)
    return pose.x + cos * x - sin * y, pose.y + sin * x + cos * y


@lru_cache(maxsize=8)
def _pedal_map(profile: VehicleProfile) -> PedalMap:
    return PedalMap.load(profile)
