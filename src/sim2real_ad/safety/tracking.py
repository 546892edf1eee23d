"""Does the car do what it was told? What its actuators should be doing follows from the profile's delay and lag."""

from __future__ import annotations

from sim2real_ad.control.vehicle_model import DelayedLag
from sim2real_ad.safety.findings import Finding, Persistence, Severity
from sim2real_ad.safety.limits import TrackingLimits
from sim2real_ad.types import ControlCommand, EgoState, ns_from_seconds, seconds_from_ns
from sim2real_ad.vehicle.profile import VehicleProfile

STEP_S = 0.01
ROUNDING_S = 1e-9
"""So that whole steps are whole whatever a float makes of them."""
LONGEST_GAP_S = 0.5
"""s between two decisions after which what the actuators do is not known any more."""
SLOWEST = 0.5
"""m/s below which the acceleration is not compared: brakes hold a standing car with a deceleration of 0."""


class TrackingMonitor:
    """Follows the commands that went out through a model of each actuator, and compares with the car's reports."""

    _rest_s: float
    """Of the time since the last whole step; of a first command there is none."""

    def __init__(self, limits: TrackingLimits, profile: VehicleProfile) -> None:
        self._limits = limits
        self._steering = DelayedLag(profile.steering, STEP_S)
        self._drive = DelayedLag(profile.acceleration, STEP_S)
        hold_ns = ns_from_seconds(limits.hold)
        self._steering_off, self._drive_off = Persistence(hold_ns), Persistence(hold_ns)
        self._now_ns: int | None = None

    def sent(self, command: ControlCommand, ego: EgoState, now_ns: int) -> None:
        """Note the command that goes out now, whose values are finite, to a car in a plausible state."""
        elapsed = None if self._now_ns is None else seconds_from_ns(now_ns - self._now_ns)
        self._now_ns = now_ns
        if elapsed is None or not 0.0 <= elapsed <= LONGEST_GAP_S:
            self._steering.reset(ego.steering_tire_angle)
            self._drive.reset(ego.acceleration)
            self._rest_s = 0.0
            self._steering_off.forget()
            self._drive_off.forget()
            return
        steps, self._rest_s = divmod(self._rest_s + elapsed + ROUNDING_S, STEP_S)
        for _ in range(int(steps)):
            self._steering.step(command.steering_tire_angle)
            self._drive.step(command.acceleration)

    def step(self, ego: EgoState, now_ns: int) -> list[Finding]:
        """Compare a plausible state of the car with what it should be by what was sent until now."""
        if self._now_ns is None:
            return []
        found = []
        steering = ego.steering_tire_angle - self._steering.value
        if self._steering_off.step(now_ns, holds=abs(steering) > self._limits.steering):
            found.append(_finding("steering_not_followed", steering, "rad", self._limits.steering))
        drive = ego.acceleration - self._drive.value if abs(ego.speed) > SLOWEST else 0.0
        if self._drive_off.step(now_ns, holds=abs(drive) > self._limits.acceleration):
            found.append(_finding("acceleration_not_followed", drive, "m/s^2", self._limits.acceleration))
        return found

    def forget(self) -> None:
        """Start anew."""
        self._now_ns = None
        self._steering_off.forget()
        self._drive_off.forget()


def _finding(reason: str, error: float, unit: str, limit: float) -> Finding:
    return Finding("tracking", reason, Severity.STOP, f"off by {error:.2f} {unit}, allowed {limit:g}")
