"""What the tracker between gate and bus may do, and the bare actuators that it works against (docs/tracking.md)."""

from __future__ import annotations

from pydantic import Field

from sim2real_ad.config import StrictModel
from sim2real_ad.vehicle.actuator import FirstOrderActuator


class LoopSettings(StrictModel):
    """One loop, in the unit of its command: rad at the tyre, or m/s^2.

    lead: the most that feed-forward departs from the command; correction: the most that feedback adds to it;
    bandwidth: rad/s of the estimate that feedback corrects by, 0 for none; smoothing_s: the lag in s with which a
    command that came as a jump is made for, where the promised lag is shorter: what has none cannot be asked for.
    """

    lead: float = Field(ge=0.0)
    correction: float = Field(ge=0.0)
    bandwidth: float = Field(ge=0.0, le=20.0)
    smoothing_s: float = Field(gt=0.0, le=0.5)


class TrackingSettings(StrictModel):
    """A vehicle profile's section `tracking`.

    steering, acceleration: the bare actuators as `s2r calibrate actuators` finds them, without a tracker; the profile's
    own `steering` and `acceleration` are the answers that the tracker is to make of them. rate_margin: of the profile's
    max_steering_rate, how fast the tracker may turn the steering.
    """

    steering: FirstOrderActuator
    acceleration: FirstOrderActuator
    steering_loop: LoopSettings = LoopSettings(lead=0.10, correction=0.06, bandwidth=3.0, smoothing_s=0.08)
    acceleration_loop: LoopSettings = LoopSettings(lead=1.5, correction=0.8, bandwidth=3.0, smoothing_s=0.08)
    rate_margin: float = Field(default=1.0, gt=0.0, le=1.5)
