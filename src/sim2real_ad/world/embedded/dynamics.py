"""The ego car of the embedded world: pedals and steering wheel in, pose out, with delay, lag and tyre slip."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim2real_ad.control.pedal_map import PedalMap
from sim2real_ad.control.vehicle_model import (
    SLIP_SPEED,
    DelayedLag,
    SingleTrackParameters,
    SlipState,
    slip_derivatives,
)
from sim2real_ad.geometry.frames import wrap_angle
from sim2real_ad.types import Pose2
from sim2real_ad.vehicle.profile import FirstOrderActuator, VehicleProfile
from sim2real_ad.world.randomization import DynamicsScale

SUBSTEP_S = 0.01
"""Integration step, s. At SLIP_SPEED the slip model is fastest, about 65 1/s: Euler is stable up to 0.03 s."""

FULL_SLIP_SPEED = 2.0 * SLIP_SPEED
"""m/s above which the slip model alone holds; between SLIP_SPEED and this it is blended with the kinematic one."""


@dataclass(frozen=True)
class MotionState:
    """How the ego car moves. pose of base_link; speed, lateral_speed: m/s of base_link in its own frame;
    acceleration: m/s^2 along x; yaw_rate: rad/s; tire_angle: rad, left positive."""

    pose: Pose2
    speed: float
    lateral_speed: float
    acceleration: float
    yaw_rate: float
    tire_angle: float


class EgoDynamics:
    """One car, integrated at 100 Hz. Deterministic; never drives backwards."""

    def __init__(self, profile: VehicleProfile, scale: DynamicsScale, pedal_map: PedalMap) -> None:
        scaled = profile.model_copy(update={"understeer_gradient": profile.understeer_gradient * scale.understeer})
        self._profile = profile
        self._mass_scale = scale.mass
        self._pedal_map = pedal_map
        self._car = SingleTrackParameters.from_profile(scaled, scale.friction)
        self._grip = scale.friction * 9.81
        self._steering = DelayedLag(_scaled(profile.steering, scale), SUBSTEP_S)
        self._drive = DelayedLag(_scaled(profile.acceleration, scale), SUBSTEP_S)
        self.reset(Pose2(0.0, 0.0, 0.0))

    def reset(self, pose: Pose2, speed: float = 0.0) -> None:
        """Place the car at a pose, rolling straight ahead at a speed in m/s, its actuators at rest."""
        self._x, self._y, self._yaw = pose.x, pose.y, pose.yaw
        self._slip = SlipState(speed, 0.0, 0.0)
        self._acceleration = 0.0
        self._steering.reset(0.0)
        self._drive.reset(0.0)

    def step(self, throttle: float, brake: float, steer: float, dt: float) -> None:
        """Hold the controls for dt seconds: throttle and brake 0..1, steer -1..1 of full lock, left positive."""
        wanted_angle = min(max(steer, -1.0), 1.0) * self._profile.max_steering_tire_angle
        for _ in range(max(1, round(dt / SUBSTEP_S))):
            self._substep(wanted_angle, throttle, brake)

    @property
    def state(self) -> MotionState:
        """The motion at the end of the last step."""
        lateral = self._slip.lateral - self._car.to_rear * self._slip.yaw_rate
        pose = Pose2(self._x, self._y, wrap_angle(self._yaw))
        return MotionState(
            pose, self._slip.forward, lateral, self._acceleration, self._slip.yaw_rate, self._steering.value
        )

    def _substep(self, wanted_angle: float, throttle: float, brake: float) -> None:
        speed = self._slip.forward
        angle = self._steering.step(wanted_angle)
        force = self._pedal_map.acceleration(throttle, brake, speed) / self._mass_scale
        drive = min(max(self._drive.step(force), -self._grip), self._grip)
        after = max(0.0, speed + drive * SUBSTEP_S)
        self._acceleration = (after - speed) / SUBSTEP_S
        before = self._slip
        self._slip = self._slipped(angle, after)
        self._move(before)

    def _slipped(self, angle: float, speed: float) -> SlipState:
        """Return the velocities at the end of the substep: kinematic when slow, with tyre slip when fast."""
        kinematic_yaw_rate = speed * math.tan(angle) / self._car.wheelbase
        kinematic_lateral = kinematic_yaw_rate * self._car.to_rear
        if speed < SLIP_SPEED or self._slip.forward < SLIP_SPEED:
            return SlipState(speed, kinematic_lateral, kinematic_yaw_rate)
        _, lateral_rate, yaw_acceleration = slip_derivatives(self._slip, angle, self._acceleration, self._car)
        lateral = self._slip.lateral + lateral_rate * SUBSTEP_S
        yaw_rate = self._slip.yaw_rate + yaw_acceleration * SUBSTEP_S
        share = min((speed - SLIP_SPEED) / (FULL_SLIP_SPEED - SLIP_SPEED), 1.0)
        return SlipState(
            speed,
            kinematic_lateral + share * (lateral - kinematic_lateral),
            kinematic_yaw_rate + share * (yaw_rate - kinematic_yaw_rate),
        )

    def _move(self, before: SlipState) -> None:
        """Advance the pose by the mean velocities over the substep."""
        forward = (before.forward + self._slip.forward) / 2.0
        yaw_rate = (before.yaw_rate + self._slip.yaw_rate) / 2.0
        lateral = (before.lateral + self._slip.lateral) / 2.0 - self._car.to_rear * yaw_rate
        heading = self._yaw + yaw_rate * SUBSTEP_S / 2.0
        self._x += (forward * math.cos(heading) - lateral * math.sin(heading)) * SUBSTEP_S
        self._y += (forward * math.sin(heading) + lateral * math.cos(heading)) * SUBSTEP_S
        self._yaw += yaw_rate * SUBSTEP_S


def _scaled(actuator: FirstOrderActuator, scale: DynamicsScale) -> FirstOrderActuator:
    return FirstOrderActuator(delay_s=actuator.delay_s * scale.delay, lag_s=actuator.lag_s * scale.lag)
