"""The envelope: what a command may ask for in the car's actual state. Pure floats, SI; the numbers are the profile's.

Where the profiles' numbers come from: lateral acceleration 3.0 m/s^2, ISO 11270 (lane keeping); acceleration, ISO
15622 (adaptive cruise control), +2.0 and -3.5 m/s^2 above 20 m/s, up to +4.0 and -5.0 below 5 m/s; steering rate below
the 1.0 rad/s of Autoware's defaults.
"""

from __future__ import annotations

from sim2real_ad.control.vehicle_model import curvature_from_tire_angle, tire_angle_from_curvature
from sim2real_ad.vehicle.profile import VehicleProfile

STANDSTILL_SPEED = 0.1
"""m/s below which the car counts as standing; Autoware's calibrator uses the same bound."""

SLOWEST_SQUARED = STANDSTILL_SPEED * STANDSTILL_SPEED
"""m^2/s^2; slower cars count as this fast, at which every angle within the lock is far from any lateral limit."""

SPEED_HORIZON_S = 1.0
"""Look-ahead of the speed limit, s: at least the delay and lag between a command and the car's answer."""

Range = tuple[float, float]
"""(low, high), both allowed."""


def clip(value: float, allowed: Range) -> float:
    """Return the value of a range that is nearest to a finite value."""
    return min(max(value, allowed[0]), allowed[1])


def steering_lock(profile: VehicleProfile) -> Range:
    """Return the tyre angles in rad that the steering can reach."""
    return -profile.max_steering_tire_angle, profile.max_steering_tire_angle


def steering_reach(actual_angle: float, profile: VehicleProfile, margin_s: float) -> Range:
    """Return the tyre angles in rad that may be commanded while the tyres stand at actual_angle (rad).

    Steering that turns at its greatest rate trails its command by rate * (delay + lag), so that far ahead of the
    ACTUAL angle is what a healthy command looks like; margin_s adds the age of the measurement. Measuring from the
    previous command instead would jump on taking over from a driver. An actual angle beyond the lock counts as the
    lock, so that the range is never empty.
    """
    response = profile.steering.response_s + margin_s
    reach = profile.limits.max_steering_rate * response
    low, high = steering_lock(profile)
    start = clip(actual_angle, (low, high))
    return max(start - reach, low), min(start + reach, high)


def lateral_curvature(speed: float, profile: VehicleProfile) -> float:
    """Return the tightest curvature in 1/m whose lateral acceleration v^2 * curvature stays within the limit.

    speed: m/s.
    """
    return profile.limits.max_lateral_acceleration / max(speed * speed, SLOWEST_SQUARED)


def lateral_steering(speed: float, profile: VehicleProfile) -> Range:
    """Return the tyre angles in rad whose steady lateral acceleration v^2 * curvature stays within the limit.

    speed: m/s. At any speed the range holds 0 and is symmetric; near standstill it is the lock.
    """
    low, high = steering_lock(profile)
    curvature = lateral_curvature(speed, profile)
    angle = tire_angle_from_curvature(curvature, speed, profile.wheelbase, profile.understeer_gradient)
    return max(low, -angle), min(high, angle)


def lateral_jerk_reach(
    actual_angle: float, speed: float, profile: VehicleProfile, jerk: float, margin_s: float
) -> Range:
    """Return the tyre angles in rad whose lateral acceleration the car may reach from the one it has, at a jerk.

    actual_angle: rad, where the tyres stand; speed: m/s; jerk: m/s^3, which acts for as long as the steering takes to
    answer, as in `steering_reach`. The range always holds the actual angle, within the lock; when slow it is the lock.
    """
    low, high = steering_lock(profile)
    start = clip(actual_angle, (low, high))
    squared = max(speed * speed, SLOWEST_SQUARED)
    change = jerk * (profile.steering.response_s + margin_s)
    now = squared * curvature_from_tire_angle(start, speed, profile.wheelbase, profile.understeer_gradient)
    left, right = (
        tire_angle_from_curvature(lateral / squared, speed, profile.wheelbase, profile.understeer_gradient)
        for lateral in (now + change, now - change)
    )
    return max(low, min(right, start)), min(high, max(left, start))


def rising_acceleration(actual: float, profile: VehicleProfile, jerk: float, margin_s: float) -> float:
    """Return the greatest acceleration in m/s^2 that may be commanded while the car accelerates with actual (m/s^2).

    jerk: m/s^3, which acts for as long as the drive takes to answer; margin_s: how old the measurement may be. There is
    no counterpart for braking, which is never limited in rate.
    """
    return actual + jerk * (profile.acceleration.response_s + margin_s)


def acceleration_range(profile: VehicleProfile) -> Range:
    """Return the accelerations in m/s^2 that normal driving may ask for."""
    return -profile.limits.max_deceleration, profile.limits.max_acceleration


def speed_limited_acceleration(speed: float, profile: VehicleProfile) -> float:
    """Return the greatest acceleration in m/s^2 at which the car keeps below its speed limit for SPEED_HORIZON_S.

    Above the limit it is a braking, no harder than comfortable: too fast is not an emergency.
    """
    room = (profile.limits.max_speed - speed) / SPEED_HORIZON_S
    return max(room, -profile.limits.comfortable_deceleration)
