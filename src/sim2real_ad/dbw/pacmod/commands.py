"""A control command in the words of PACMod3: pedals by the car's measured maps, and the angle of the wheel."""

from __future__ import annotations

from dataclasses import dataclass

from sim2real_ad.control.pedal_map import PedalMap, pedals_from_command
from sim2real_ad.dbw.command_check import CommandCheck
from sim2real_ad.dbw.pacmod.messages import pacmod_codec
from sim2real_ad.dbw.settings import PacmodSettings
from sim2real_ad.types import ControlCommand
from sim2real_ad.vehicle.profile import VehicleProfile

ACCELERATION_RANGE = (-10.0, 6.0)
"""m/s^2: the most that a profile's limits may hold. What the pedals give at their ends is the car's business."""


@dataclass(frozen=True)
class Wanted:
    """A command as signals. throttle, brake: 0..1; wheel_angle: rad, left positive; wheel_rate: rad/s, the most."""

    throttle: float
    brake: float
    wheel_angle: float
    wheel_rate: float


class CommandTranslator:
    """Turns commands into signals for one car."""

    def __init__(self, profile: VehicleProfile, settings: PacmodSettings) -> None:
        """Raise DbwError where the profile asks for more than the wheel can turn, ConfigError where a map is wrong."""
        self._check = CommandCheck(profile, settings.steering, ACCELERATION_RANGE)
        self._profile, self._map = profile, PedalMap.load(profile)
        self._most_rate = pacmod_codec().limits("STEERING_CMD", "RATE_LIMIT")[1]

    def wanted(self, command: ControlCommand, speed: float | None) -> Wanted | str:
        """Return the signals of a command at a speed in m/s, or why there are none."""
        refusal = self._check.refusal(command)
        if refusal or speed is None:
            return refusal or "pedals need a speed, which is unknown"
        pedals = pedals_from_command(command, speed, self._profile, self._map)
        rate = min(self._check.wheel_rate(command), self._most_rate)
        return Wanted(pedals.throttle, pedals.brake, self._check.wheel_angle(command), rate)
