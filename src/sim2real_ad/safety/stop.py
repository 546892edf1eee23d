"""The minimal-risk manoeuvre of this step: brake to standstill along the last requested curve, then hold.

The steering PLAN is held, not the tyre angle: a car that slows down with the angle it had turns tighter than it did at
speed, because the tyres slip less, and leaves the road in a bend. So the last requested curvature is followed and the
angle for it is worked out anew for every speed. The curvature does not decay: in a bend that would lead straight off
the road. What the road does after the last request is not known here.
"""

from __future__ import annotations

from sim2real_ad.control.float32 import as_float32, clip_to_float32
from sim2real_ad.control.limits import Range, clip, lateral_steering, steering_lock
from sim2real_ad.control.vehicle_model import tire_angle_from_curvature
from sim2real_ad.types import ControlCommand
from sim2real_ad.vehicle.profile import VehicleProfile


def stop_command(
    stamp_ns: int, curvature: float, speed: float, deceleration: float, reach: Range, profile: VehicleProfile
) -> ControlCommand:
    """Return the command that stops the car, and holds it once it stands.

    curvature: 1/m, the steering plan; speed: m/s, the last known; deceleration: m/s^2, positive, commanded at once:
    braking is never limited in rate; reach: tyre angles in rad that the steering can follow. The angle also keeps the
    lateral acceleration within the profile's limit.
    """
    planned = tire_angle_from_curvature(curvature, speed, profile.wheelbase, profile.understeer_gradient)
    angle = clip(clip(planned, lateral_steering(speed, profile)), reach)
    rate = profile.limits.max_steering_rate
    return ControlCommand(
        stamp_ns=stamp_ns,
        steering_tire_angle=clip_to_float32(angle, *steering_lock(profile)),
        acceleration=as_float32(-deceleration),
        velocity=0.0,
        steering_tire_rotation_rate=clip_to_float32(rate, 0.0, rate),
    )
