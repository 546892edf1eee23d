"""The tracker between the safety gate and the bus: it makes the bare actuators answer as the profile promises.

The profile's `steering` and `acceleration` are the answers that policy, training and gate count on; its section
`tracking` holds the actuators as they are (docs/tracking.md). It stands below the gate, so every departure from the
gate's command is bounded by configuration, and braking is never weaker nor later than commanded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

from sim2real_ad.control.limits import STANDSTILL_SPEED, clip, steering_lock
from sim2real_ad.control.tracking_loop import AccelerationLoop, SteeringLoop
from sim2real_ad.types import ControlCommand, ns_from_seconds
from sim2real_ad.vehicle.profile import VehicleProfile

LONGEST_PAUSE_NS = ns_from_seconds(0.5)
"""Between two steps; after a longer one nothing is known of what the actuators do, as in `safety.tracking`."""


class Measured(Protocol):
    """What the car reports, as `dbw.interface.DbwState` does; None is unknown.

    speed: m/s along base_link x; steering_tire_angle: rad, left positive; acceleration: m/s^2, of the speed and not of
    an accelerometer, which feels slopes.
    """

    @property
    def speed(self) -> float | None:
        """m/s along base_link x."""

    @property
    def steering_tire_angle(self) -> float | None:
        """rad, left positive."""

    @property
    def acceleration(self) -> float | None:
        """m/s^2 along base_link x."""


@dataclass(frozen=True)
class Reading:
    """Measured values by themselves, see `Measured`."""

    speed: float | None = None
    steering_tire_angle: float | None = None
    acceleration: float | None = None


class Tracker:
    """Tracks one car's commands at the bus's rate. Pure: no clock, the same calls give the same commands.

    Without a section `tracking` in the profile the commands pass, held to the lock and to the profile's limits.
    """

    def __init__(self, profile: VehicleProfile) -> None:
        self._profile = profile
        self._loops: tuple[SteeringLoop, AccelerationLoop] | None = None
        if profile.tracking is not None:
            self._loops = SteeringLoop(profile, profile.tracking), AccelerationLoop(profile, profile.tracking)
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next step starts from where the car is.

        To be called at every step at which the car does not follow, or before the first at which it follows again.
        """
        self._now_ns: int | None = None

    def step(self, now_ns: int, command: ControlCommand, measured: Measured) -> ControlCommand:
        """Return what to send at now_ns for the gate's newest command and the car's newest reports.

        To be called at 50 Hz or more; stale reports are to be given as None. What is unknown or not finite leaves its
        loop to feed-forward, the acceleration's where the speed is. A clock that goes back, or a pause of more than
        0.5 s, is a reset. Angle and acceleration differ from the command; its stamp and other values pass.

        Raises ValueError for a command that is not finite.
        """
        asked = _within_limits(command, self._profile)
        if self._loops is None:
            return asked
        elapsed_ns = -1 if self._now_ns is None else now_ns - self._now_ns
        self._now_ns = now_ns
        steering, drive = self._loops
        speed, angle, acceleration = map(_finite, (measured.speed, measured.steering_tire_angle, measured.acceleration))
        frame = now_ns, asked.stamp_ns
        if not 0 <= elapsed_ns <= LONGEST_PAUSE_NS:
            sent = (
                steering.restart(*frame, asked.steering_tire_angle, angle),
                drive.restart(*frame, asked.acceleration, acceleration),
            )
        else:
            stands = speed is not None and abs(speed) <= STANDSTILL_SPEED
            felt = None if speed is None else acceleration
            sent = (
                steering.step(*frame, asked.steering_tire_angle, angle, stands=stands),
                drive.step(*frame, asked.acceleration, felt, stands=stands),
            )
        return replace(asked, steering_tire_angle=sent[0], acceleration=sent[1])


def _within_limits(command: ControlCommand, profile: VehicleProfile) -> ControlCommand:
    """Return a command held to the lock, the greatest acceleration and the emergency deceleration of a profile."""
    angle, acceleration = command.steering_tire_angle, command.acceleration
    for name, value in (("steering_tire_angle", angle), ("acceleration", acceleration)):
        if not math.isfinite(value):
            raise ValueError(f"command of stamp {command.stamp_ns}: {name} is {value}, must be finite")
    drive = -profile.limits.emergency_deceleration, profile.limits.max_acceleration
    return replace(
        command, steering_tire_angle=clip(angle, steering_lock(profile)), acceleration=clip(acceleration, drive)
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
