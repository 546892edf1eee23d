"""What no car may be asked for, whatever its protocol. Nothing is clipped: it is refused with a reason."""

from __future__ import annotations

import math

from sim2real_ad.dbw.settings import SteeringSettings
from sim2real_ad.errors import DbwError
from sim2real_ad.types import ControlCommand
from sim2real_ad.vehicle.profile import VehicleProfile

FLOAT32_SLACK = 1e-6
"""The relative error of a full-lock angle that travelled as float32."""


class CommandCheck:
    """Checks commands against one car. acceleration_range: m/s^2, what the protocol can ask for."""

    def __init__(
        self, profile: VehicleProfile, steering: SteeringSettings, acceleration_range: tuple[float, float]
    ) -> None:
        """Raise DbwError where the profile's full lock is more than the settings say that the wheel can turn."""
        wheel_lock = profile.max_steering_tire_angle * steering.ratio + abs(steering.offset)
        if wheel_lock > steering.max_wheel_angle:
            raise DbwError(
                f"{profile.name}: full lock is {wheel_lock:.2f} rad at the wheel (max_steering_tire_angle times "
                f"steering.ratio, plus steering.offset), over steering.max_wheel_angle {steering.max_wheel_angle}"
            )
        self._lock = profile.max_steering_tire_angle
        self._steering_rate = profile.limits.max_steering_rate
        self._steering = steering
        self._acceleration_range = acceleration_range

    def refusal(self, command: ControlCommand) -> str:
        """Return why a command cannot be sent, empty where it can."""
        angle, acceleration = command.steering_tire_angle, command.acceleration
        rate = command.steering_tire_rotation_rate
        low, high = self._acceleration_range
        if not all(map(math.isfinite, (angle, acceleration, rate))):
            return f"angle {angle}, acceleration {acceleration} and rate {rate} must be finite"
        if abs(angle) > self._lock * (1.0 + FLOAT32_SLACK):
            return f"angle {angle} rad exceeds the lock of {self._lock}"
        if rate < 0.0:
            return f"rate {rate} rad/s must not be negative"
        if not low <= acceleration <= high:
            return f"acceleration {acceleration} m/s^2 is outside of {low}..{high}"
        return ""

    def wheel_angle(self, command: ControlCommand) -> float:
        """Return the angle of the steering wheel in rad, left positive."""
        return self._steering.wheel_angle(command.steering_tire_angle)

    def wheel_rate(self, command: ControlCommand) -> float:
        """Return how fast the wheel may turn, rad/s: the command's limit where it has one, at most the profile's."""
        rate = command.steering_tire_rotation_rate
        return (min(rate, self._steering_rate) if rate > 0.0 else self._steering_rate) * self._steering.ratio
