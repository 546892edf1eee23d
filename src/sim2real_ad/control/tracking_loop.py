"""The two loops of the tracker, steering and acceleration, and what holds each of them below the safety gate."""

from __future__ import annotations

from sim2real_ad.control.limits import Range, clip, steering_lock
from sim2real_ad.control.tracking_feed_forward import FeedForward
from sim2real_ad.control.tracking_feedback import Feedback
from sim2real_ad.control.tracking_trend import TrendFit
from sim2real_ad.types import seconds_from_ns
from sim2real_ad.vehicle.actuator import FirstOrderActuator
from sim2real_ad.vehicle.profile import CommandLimits, VehicleProfile
from sim2real_ad.vehicle.tracking_settings import LoopSettings, TrackingSettings

GREATEST_JERK = 10.0
"""m/s^3 up to which an acceleration has a trend: the gate's `rising_jerk`."""
FADE = 0.5
"""m/s^2 of commanded acceleration from which on the drive may be asked for as much more as the settings allow. At 0 and
below it is for no more than commanded; a step between the two would amplify the noise of a policy that coasts."""


class _Loop:
    """Feed-forward and feedback of one quantity."""

    def __init__(
        self, promised: FirstOrderActuator, bare: FirstOrderActuator, settings: LoopSettings, greatest_rate: float
    ) -> None:
        self._forward = FeedForward(promised, bare, settings.smoothing_s, settings.lead, TrendFit(greatest_rate))
        self._back = Feedback(bare, settings.bandwidth, settings.correction)
        self._departure = settings.lead + settings.correction
        self._seen: tuple[int, float] | None = None

    def _restart(self, now_ns: int, stamp_ns: int, command: float, actual: float, sent: float) -> float:
        """Begin with the actuator at actual, and with what is sent first, which is returned."""
        self._seen = stamp_ns, command
        self._forward.restart(now_ns, command, actual)
        self._back.restart(now_ns, actual)
        return self._sent(sent)

    def _ask(self, now_ns: int, stamp_ns: int, command: float) -> float:
        """Return the feed-forward's value. A command with another stamp or value is another frame."""
        fresh, self._seen = (stamp_ns, command) != self._seen, (stamp_ns, command)
        return self._forward.step(now_ns, command, fresh=fresh)

    def _sent(self, value: float) -> float:
        """Note what is sent, after all limits, and return it."""
        self._forward.sent(value - self._back.correction)
        self._back.sent(value)
        return value


class SteeringLoop(_Loop):
    """Tyre angles in rad: within the lock, near the command, and never faster than the steering may turn."""

    def __init__(self, profile: VehicleProfile, settings: TrackingSettings) -> None:
        rate = profile.limits.max_steering_rate
        super().__init__(profile.steering, settings.steering, settings.steering_loop, rate)
        self._lock, self._rate = steering_lock(profile), rate * settings.rate_margin

    def restart(self, now_ns: int, stamp_ns: int, command: float, measured: float | None) -> float:
        """Begin at the measured angle, at the command where it is unknown. Return the angle to send."""
        self._now_ns = now_ns
        actual = clip(command if measured is None else measured, self._lock)
        self._angle = self._restart(now_ns, stamp_ns, command, actual, actual)
        return self._angle

    def step(self, now_ns: int, stamp_ns: int, command: float, measured: float | None, *, stands: bool) -> float:
        """Return the angle to send. stands: whether the car does."""
        reach, self._now_ns = self._rate * seconds_from_ns(now_ns - self._now_ns), now_ns
        asked = self._ask(now_ns, stamp_ns, command)
        if stands:
            self._back.stand(now_ns)
        else:
            asked += self._back.step(now_ns, measured)
        near = clip(clip(asked, (command - self._departure, command + self._departure)), self._lock)
        self._angle = self._sent(clip(near, (self._angle - reach, self._angle + reach)))
        return self._angle


class AccelerationLoop(_Loop):
    """Accelerations in m/s^2: near the command, and never braking less or later than it."""

    def __init__(self, profile: VehicleProfile, settings: TrackingSettings) -> None:
        super().__init__(profile.acceleration, settings.acceleration, settings.acceleration_loop, GREATEST_JERK)
        self._limits = profile.limits

    def restart(self, now_ns: int, stamp_ns: int, command: float, measured: float | None) -> float:
        """Begin at the measured acceleration, as far as the command allows. Return the acceleration to send."""
        reached = -self._limits.emergency_deceleration, self._limits.max_acceleration
        actual = clip(command if measured is None else measured, reached)
        return self._restart(now_ns, stamp_ns, command, actual, clip(actual, self.allowed(command)))

    def step(self, now_ns: int, stamp_ns: int, command: float, measured: float | None, *, stands: bool) -> float:
        """Return the acceleration to send. stands: whether the car does."""
        asked = self._ask(now_ns, stamp_ns, command)
        if stands:
            self._back.stand(now_ns)
        else:
            asked += self._back.step(now_ns, measured)
        return self._sent(clip(asked, self.allowed(command)))

    def allowed(self, command: float) -> Range:
        """Return the accelerations that may be sent for a command within the profile's limits."""
        return braking_kept(command, self._departure, self._limits)


def braking_kept(command: float, departure: float, limits: CommandLimits) -> Range:
    """Return the accelerations in m/s^2 within departure of a command that brake no less than it.

    Beyond the deceleration of normal driving a command passes as it is: an emergency is no matter of tracking.
    """
    if command < -limits.max_deceleration:
        return command, command
    more = departure * clip(command / FADE, (0.0, 1.0))
    return max(command - departure, -limits.max_deceleration), min(command + more, limits.max_acceleration)
