"""A healthy request held to the envelope of the car's actual state, each change with its reason."""

from __future__ import annotations

import math

from sim2real_ad.control.float32 import FLOAT32_EPSILON, clip_to_float32
from sim2real_ad.control.limits import (
    SPEED_HORIZON_S,
    STANDSTILL_SPEED,
    acceleration_range,
    clip,
    lateral_jerk_reach,
    lateral_steering,
    rising_acceleration,
    speed_limited_acceleration,
    steering_lock,
    steering_reach,
)
from sim2real_ad.safety.limits import SafetyLimits
from sim2real_ad.types import ControlCommand, EgoState
from sim2real_ad.vehicle.profile import VehicleProfile


def limit_command(
    request: ControlCommand, ego: EgoState, profile: VehicleProfile, limits: SafetyLimits, most: float = math.inf
) -> tuple[ControlCommand, tuple[str, ...]]:
    """Return a finite request held to the envelope, and why it was changed (empty where it was not).

    most: the greatest acceleration in m/s^2 that the clearance ahead allows. Reasons: steering_range,
    lateral_acceleration, lateral_jerk, steering_rate, acceleration_range, acceleration_jerk, speed_limit,
    rss_distance, velocity_range. The values are float32; a float32 request inside the envelope comes back as it went
    in.
    """
    angle, reasons = _limit_steering(request.steering_tire_angle, ego, profile, limits)
    rate_limit = profile.limits.max_steering_rate
    if not 0.0 <= request.steering_tire_rotation_rate <= rate_limit and "steering_rate" not in reasons:
        reasons.append("steering_rate")
    too_fast = "lateral_acceleration" in reasons
    acceleration, braking_reasons = _limit_acceleration(request.acceleration, ego, profile, limits, too_fast, most)
    velocity = request.velocity
    if braking_reasons or too_fast:
        velocity = ego.speed + acceleration * SPEED_HORIZON_S
    elif not 0.0 <= velocity <= profile.limits.max_speed:
        braking_reasons.append("velocity_range")
    command = ControlCommand(
        stamp_ns=request.stamp_ns,
        steering_tire_angle=clip_to_float32(angle, *steering_lock(profile)),
        acceleration=clip_to_float32(acceleration, *acceleration_range(profile)),
        velocity=clip_to_float32(velocity, 0.0, profile.limits.max_speed),
        steering_tire_rotation_rate=clip_to_float32(request.steering_tire_rotation_rate, 0.0, rate_limit),
    )
    return command, (*reasons, *braking_reasons)


def _limit_steering(
    angle: float, ego: EgoState, profile: VehicleProfile, limits: SafetyLimits
) -> tuple[float, list[str]]:
    """Apply the steering limits in turn. The reach comes last: no tyre jumps, not even towards a safer angle."""
    reasons = []
    actual, age = ego.steering_tire_angle, limits.freshness.ego_age
    for reason, allowed in (
        ("steering_range", steering_lock(profile)),
        ("lateral_acceleration", lateral_steering(ego.speed, profile)),
        ("lateral_jerk", lateral_jerk_reach(actual, ego.speed, profile, limits.motion.lateral_jerk, age)),
        ("steering_rate", steering_reach(actual, profile, age)),
    ):
        limited = clip(angle, allowed)
        if not math.isclose(limited, angle, rel_tol=FLOAT32_EPSILON):
            reasons.append(reason)
        angle = limited
    return angle, reasons


def _limit_acceleration(
    acceleration: float,
    ego: EgoState,
    profile: VehicleProfile,
    limits: SafetyLimits,
    too_fast_for_curve: bool,
    most: float,
) -> tuple[float, list[str]]:
    """Apply the longitudinal limits in turn. A curve that cannot be followed at this speed asks for less speed."""
    reasons = []
    limited = clip(acceleration, acceleration_range(profile))
    if not math.isclose(limited, acceleration, rel_tol=FLOAT32_EPSILON):
        reasons.append("acceleration_range")
    if too_fast_for_curve:
        limited = min(limited, -profile.limits.comfortable_deceleration)
    rising = rising_acceleration(_felt(ego), profile, limits.motion.rising_jerk, limits.freshness.ego_age)
    for reason, bound in (
        ("acceleration_jerk", max(rising, -profile.limits.max_deceleration)),
        ("speed_limit", speed_limited_acceleration(ego.speed, profile)),
        ("rss_distance", most),
    ):
        if limited > bound:
            reasons.append(reason)
            limited = bound
    return limited, reasons


def _felt(ego: EgoState) -> float:
    """Return the acceleration that a rise starts from: a car that stands has none, whatever holds it."""
    return 0.0 if abs(ego.speed) <= STANDSTILL_SPEED else ego.acceleration
