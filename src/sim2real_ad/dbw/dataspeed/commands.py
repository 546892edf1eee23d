"""A control command in the words of DBW2."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sim2real_ad.control.vehicle_model import curvature_from_tire_angle
from sim2real_ad.dbw.command_check import CommandCheck
from sim2real_ad.dbw.dataspeed.messages import (
    MOST_RATE_LIMIT,
    RATE_LIMIT_STEP,
    BrakeType,
    SteerType,
    UlcType,
    dataspeed_codec,
)
from sim2real_ad.dbw.settings import DataspeedSettings
from sim2real_ad.types import ControlCommand
from sim2real_ad.vehicle.profile import VehicleProfile


@dataclass(frozen=True)
class Wanted:
    """A command as signals, without flags. brake: None unless the longitudinal controller may not brake that hard."""

    steer: Mapping[str, float]
    ulc: Mapping[str, float]
    brake: Mapping[str, float] | None


NOTHING = Wanted({"CMD_TYPE": SteerType.NONE}, {"CMD_TYPE": UlcType.NONE}, None)


class CommandTranslator:
    """Turns commands into signals for one car."""

    def __init__(self, profile: VehicleProfile, settings: DataspeedSettings) -> None:
        """Raise DbwError where the profile asks for more than the settings say that the wheel can turn."""
        codec = dataspeed_codec()
        self._profile, self._settings = profile, settings
        self._ulc_range = codec.limits("ULC_CMD", "ACCELERATION")
        self._most_curvature = codec.limits("STEER_CMD", "CURVATURE")[1]
        hardest = codec.limits("BRAKE_CMD", "ACCELERATION")[0]
        self._check = CommandCheck(profile, settings.steering, (hardest, self._ulc_range[1]))

    def wanted(self, command: ControlCommand, speed: float | None) -> Wanted | str:
        """Return the signals of a command at a speed in m/s, or why there are none."""
        refusal = self._check.refusal(command)
        if refusal:
            return refusal
        steer = self._angle(command) if self._settings.steer_by == "angle" else self._curvature(command, speed)
        if isinstance(steer, str):
            return steer
        limits = self._steering_limits(command)
        return Wanted({**steer, **limits}, self._ulc(command.acceleration), self._brake(command.acceleration))

    def ulc_limits(self) -> Mapping[str, float]:
        """Return the limits of the longitudinal controller: m/s^2 for its speed control, m/s^3 for every command."""
        limits = self._profile.limits
        return {
            "ACCEL_LIMIT": min(limits.max_acceleration, self._ulc_range[1]),
            "DECEL_LIMIT": min(limits.emergency_deceleration, -self._ulc_range[0]),
            "JERK_LIMIT_THROTTLE": self._settings.jerk_up,
            "JERK_LIMIT_BRAKE": self._settings.jerk_down,
        }

    def _angle(self, command: ControlCommand) -> Mapping[str, float]:
        return {"CMD_TYPE": SteerType.ANGLE, "ANGLE": math.degrees(self._check.wheel_angle(command))}

    def _curvature(self, command: ControlCommand, speed: float | None) -> Mapping[str, float] | str:
        if speed is None:
            return "curvature needs a speed, which is unknown"
        car = self._profile
        angle = command.steering_tire_angle
        curvature = curvature_from_tire_angle(angle, speed, car.wheelbase, car.understeer_gradient)
        if abs(curvature) > self._most_curvature:
            return f"curvature {curvature} 1/m exceeds {self._most_curvature}"
        return {"CMD_TYPE": SteerType.CURVATURE, "CURVATURE": curvature}

    def _steering_limits(self, command: ControlCommand) -> Mapping[str, float]:
        rate = math.degrees(self._check.wheel_rate(command))
        return {"RATE_LIMIT": min(max(rate, RATE_LIMIT_STEP), MOST_RATE_LIMIT), "ACCEL_LIMIT": 0}

    def _ulc(self, acceleration: float) -> Mapping[str, float]:
        # Below its range the brake command asks for the rest, and preempts it; it stays ready to go on.
        return {"CMD_TYPE": UlcType.ACCELERATION, "ACCELERATION": max(acceleration, self._ulc_range[0])}

    def _brake(self, acceleration: float) -> Mapping[str, float] | None:
        if acceleration >= self._ulc_range[0]:
            return None
        return {"CMD_TYPE": BrakeType.ACCELERATION, "ACCELERATION": acceleration}
