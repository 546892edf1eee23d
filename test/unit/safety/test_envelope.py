"""Each limit of a request, with its reason and its edge."""

import math

import numpy as np
import pytest
from gate_drive import LIMITS, SALOON, curvature, ego, limits_with, request

from sim2real_ad.safety.envelope import limit_command
from sim2real_ad.types import ControlCommand

REACH = 0.8 * (0.08 + 0.10 + 0.2)
"""rad that the tyres may be ahead of where they are."""
RISE = 10.0 * (0.05 + 0.15 + 0.2)
"""m/s^2 that the acceleration may be above what it is."""
CHANGE = 5.0 * (0.08 + 0.10 + 0.2)
"""m/s^2 by which the lateral acceleration may differ from what it is."""


def limited(asked, state, limits=LIMITS, profile=SALOON, **most):
    return limit_command(asked, state, profile, limits, **most)


def angle_for(lateral, speed):
    """Return the tyre angle in rad that leads to a lateral acceleration."""
    curve = lateral / speed**2
    return math.atan(2.85 * curve) + 0.0015 * speed**2 * curve


def float32(value):
    return float(np.float32(value))


@pytest.mark.parametrize(
    ("asked", "state"),
    [
        (request(7, angle=float32(0.05), acceleration=0.5, velocity=8.5, rate=0.5), ego()),
        (request(rate=float32(np.nextafter(np.float32(0.8), np.float32(0.0)))), ego()),
        (request(velocity=0.0), ego()),
        (request(velocity=float32(np.nextafter(np.float32(16.7), np.float32(0.0)))), ego()),
        (request(acceleration=2.0), ego()),
        (request(acceleration=-5.0), ego()),
        (request(acceleration=-5.0), ego(acceleration=2.0)),
        (request(acceleration=-1.5), ego(speed=25.0)),
        (request(acceleration=-1.5, velocity=0.0), ego(speed=25.0)),
    ],
)
def test_a_request_inside_the_envelope_comes_back_as_it_went_in(asked, state):
    assert limited(asked, state) == (asked, ())


def test_what_float32_cannot_hold_is_rounded_without_a_reason():
    command, reasons = limited(request(angle=0.07, acceleration=0.3, velocity=8.1, rate=0.2), ego())
    assert command == request(0, *map(float32, (0.07, 0.3, 8.1, 0.2)))
    assert reasons == ()


@pytest.mark.parametrize(("value", "reasons"), [(1.100000023841858, ()), (1.1000003, ("acceleration_range",))])
def test_a_limit_that_float32_cannot_hold_is_no_reason_to_step_in(value, reasons):
    profile = SALOON.model_copy(update={"limits": SALOON.limits.model_copy(update={"max_acceleration": 1.1})})
    command, why = limited(request(acceleration=value), ego(), profile=profile)
    assert why == reasons
    assert 1.0999999 < command.acceleration <= 1.1


@pytest.mark.parametrize(("value", "reasons"), [(float32(0.6), ()), (0.6000002, ("steering_range",))])
def test_a_lock_that_float32_cannot_hold_is_no_reason_to_step_in(value, reasons):
    assert value > 0.6
    command, why = limited(request(angle=value), ego(speed=1.0, angle=0.55))
    assert why == reasons
    assert 0.6 - 1e-7 < command.steering_tire_angle <= 0.6


# Steering


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_lock_is_the_end(sign):
    command, reasons = limited(request(angle=sign * 0.9), ego(speed=1.0, angle=sign * 0.55))
    assert reasons == ("steering_range",)
    assert 0.6 - 1e-7 < sign * command.steering_tire_angle <= 0.6


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_tyres_are_led_no_further_than_they_can_follow(sign):
    command, reasons = limited(request(angle=sign * 0.5), ego(speed=1.0, angle=sign * 0.1))
    assert reasons == ("steering_rate",)
    assert command.steering_tire_angle == pytest.approx(sign * (0.1 + REACH))


@pytest.mark.parametrize(("angle", "reasons"), [(0.1 + REACH - 1e-6, ()), (0.1 + REACH + 1e-6, ("steering_rate",))])
def test_the_edge_of_the_reach(angle, reasons):
    assert limited(request(angle=angle), ego(speed=1.0, angle=0.1))[1] == reasons


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_lateral_acceleration_ends_at_its_limit_and_the_car_slows(sign):
    asked = request(angle=sign * 0.2, acceleration=1.0, velocity=11.0)
    command, reasons = limited(asked, ego(speed=10.0, angle=sign * angle_for(2.5, 10.0)))
    assert reasons == ("lateral_acceleration",)
    assert 100.0 * curvature(command, 10.0) == pytest.approx(sign * 3.0, rel=1e-6)
    assert (command.acceleration, command.velocity) == (-1.5, 8.5)


def test_a_curve_too_tight_does_not_soften_a_harder_braking():
    state = ego(speed=10.0, angle=angle_for(2.5, 10.0))
    command, _ = limited(request(angle=0.2, acceleration=-3.0, velocity=7.0), state)
    assert (command.acceleration, command.velocity) == (-3.0, 7.0)


@pytest.mark.parametrize(("lateral", "reasons"), [(3.0 - 1e-4, ()), (3.0 + 1e-4, ("lateral_acceleration",))])
def test_the_edge_of_the_lateral_acceleration(lateral, reasons):
    state = ego(speed=10.0, angle=angle_for(2.5, 10.0))
    assert limited(request(angle=angle_for(lateral, 10.0)), state)[1] == reasons


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(("start", "lateral"), [(0.0, CHANGE), (1.0, 1.0 - CHANGE), (-1.0, -1.0 + CHANGE)])
def test_the_lateral_acceleration_changes_no_faster_than_its_jerk(start, lateral, sign):
    asked = request(angle=sign * math.copysign(angle_for(2.9, 10.0), lateral), acceleration=1.0)
    command, reasons = limited(asked, ego(speed=10.0, angle=sign * angle_for(start, 10.0)))
    assert reasons == ("lateral_jerk",)
    assert 100.0 * curvature(command, 10.0) == pytest.approx(sign * lateral, rel=1e-6)
    assert (command.acceleration, command.velocity) == (1.0, 8.0)


@pytest.mark.parametrize(("lateral", "reasons"), [(0.5 + CHANGE - 1e-4, ()), (0.5 + CHANGE + 1e-4, ("lateral_jerk",))])
def test_the_edge_of_the_lateral_jerk(lateral, reasons):
    state = ego(speed=10.0, angle=angle_for(0.5, 10.0))
    assert limited(request(angle=angle_for(lateral, 10.0)), state)[1] == reasons


def test_towards_a_safer_angle_the_tyres_do_not_jump_either():
    command, reasons = limited(request(angle=0.0), ego(speed=10.0, angle=angle_for(6.0, 10.0)))
    assert reasons == ("lateral_jerk",)
    assert 100.0 * curvature(command, 10.0) == pytest.approx(6.0 - CHANGE, rel=1e-6)
    command, reasons = limited(request(angle=-0.5), ego(speed=1.5, angle=0.5))
    assert reasons == ("steering_rate",)
    assert command.steering_tire_angle == pytest.approx(0.5 - REACH)


def test_all_that_holds_the_steering_back_is_named_in_its_order():
    command, reasons = limited(request(angle=0.9), ego(speed=4.0))
    assert reasons == ("steering_range", "lateral_acceleration", "lateral_jerk", "steering_rate")
    assert command.steering_tire_angle == pytest.approx(REACH)


def test_age_jerk_and_rate_are_those_of_the_limits():
    limits = limits_with(freshness={"ego_age": 0.05}, motion={"lateral_jerk": 2.0, "rising_jerk": 4.0})
    command, _ = limited(request(angle=0.5), ego(speed=1.0), limits)
    assert command.steering_tire_angle == pytest.approx(0.8 * 0.23)
    command, _ = limited(request(angle=0.2), ego(speed=10.0), limits)
    assert 100.0 * curvature(command, 10.0) == pytest.approx(2.0 * 0.23, rel=1e-6)
    command, _ = limited(request(acceleration=2.0), ego(acceleration=-1.0), limits)
    assert command.acceleration == pytest.approx(-1.0 + 4.0 * 0.25)


@pytest.mark.parametrize(("rate", "sent"), [(2.0, 0.8), (-0.1, 0.0), (0.81, 0.8), (-1e-6, 0.0)])
def test_a_rotation_rate_that_no_steering_has_is_limited(rate, sent):
    command, reasons = limited(request(rate=rate, acceleration=1.0), ego())
    assert reasons == ("steering_rate",)
    assert command.steering_tire_rotation_rate == pytest.approx(sent)
    assert 0.0 <= command.steering_tire_rotation_rate <= 0.8
    assert (command.acceleration, command.velocity) == (1.0, 8.0)


@pytest.mark.parametrize("rate", [0.0, 0.8])
def test_a_rotation_rate_at_its_limits_is_no_reason(rate):
    assert limited(request(rate=rate), ego())[1] == ()


def test_a_steering_rate_too_high_in_both_ways_is_named_once():
    assert limited(request(angle=0.5, rate=2.0), ego(speed=1.0))[1] == ("steering_rate",)


# Speed


@pytest.mark.parametrize(("asked", "sent"), [(2.5, 2.0), (2.0001, 2.0), (-5.5, -5.0), (-5.0001, -5.0), (1e308, 2.0)])
def test_an_acceleration_beyond_normal_driving_is_limited(asked, sent):
    command, reasons = limited(request(acceleration=asked), ego())
    assert reasons == ("acceleration_range",)
    assert (command.acceleration, command.velocity) == (sent, 8.0 + sent)


def test_an_acceleration_rises_no_faster_than_its_jerk():
    command, reasons = limited(request(acceleration=2.0), ego(acceleration=-3.0))
    assert reasons == ("acceleration_jerk",)
    assert command.acceleration == pytest.approx(-3.0 + RISE)
    assert command.velocity == pytest.approx(8.0 - 3.0 + RISE)


@pytest.mark.parametrize(("asked", "reasons"), [(0.9999, ()), (1.0001, ("acceleration_jerk",))])
def test_the_edge_of_a_rise(asked, reasons):
    assert limited(request(acceleration=asked), ego(acceleration=1.0 - RISE))[1] == reasons


@pytest.mark.parametrize("actual", [2.0, 0.0, -9.0, -30.0, 30.0])
def test_braking_is_never_limited_in_rate(actual):
    """Field failure: braking was rate-clamped in the emergency path."""
    command, reasons = limited(request(acceleration=-5.0), ego(acceleration=actual))
    assert (command.acceleration, reasons) == (-5.0, ())


def test_a_rise_from_an_impossible_braking_begins_at_the_hardest_of_normal_driving():
    command, reasons = limited(request(acceleration=2.0), ego(acceleration=-30.0))
    assert (command.acceleration, reasons) == (-5.0, ("acceleration_jerk",))


@pytest.mark.parametrize(("speed", "sent"), [(0.0, 2.0), (0.1, 2.0), (-0.1, 2.0), (0.11, 0.0), (-0.11, 0.0)])
def test_a_standing_car_starts_from_nothing_whatever_holds_it(speed, sent):
    """Field failure: a jerk filter delayed the restart."""
    command, _ = limited(request(acceleration=2.0), ego(speed=speed, acceleration=-RISE))
    assert command.acceleration == pytest.approx(sent, abs=1e-6)


def test_a_standing_car_may_take_hold_as_fast_as_the_jerk_allows_and_no_faster():
    limits = limits_with(motion={"rising_jerk": 3.0})
    command, reasons = limited(request(acceleration=2.0), ego(speed=0.0, acceleration=-4.0), limits)
    assert reasons == ("acceleration_jerk",)
    assert command.acceleration == pytest.approx(3.0 * 0.4)


@pytest.mark.parametrize(
    ("speed", "asked", "sent", "reasons"),
    [
        (16.0, 0.6, 0.6, ()),
        (16.0, 1.0, 0.7, ("speed_limit",)),
        (16.7, 0.5, 0.0, ("speed_limit",)),
        (17.7, 0.0, -1.0, ("speed_limit",)),
        (25.0, 0.0, -1.5, ("speed_limit",)),
        (25.0, -1.4, -1.5, ("speed_limit",)),
        (25.0, -4.0, -4.0, ()),
    ],
)
def test_the_car_stays_below_its_greatest_speed_and_is_braked_gently_above(speed, asked, sent, reasons):
    command, why = limited(request(acceleration=asked), ego(speed=speed))
    assert why == reasons
    assert command.acceleration == pytest.approx(sent, abs=1e-6)


@pytest.mark.parametrize(
    ("asked", "most", "sent", "reasons"),
    [
        (1.0, -2.0, -2.0, ("rss_distance",)),
        (-2.0, -2.0, -2.0, ()),
        (-1.9, -2.0, -2.0, ("rss_distance",)),
        (-3.0, -2.0, -3.0, ()),
        (2.0, math.inf, 2.0, ()),
    ],
)
def test_the_clearance_ahead_holds_back(asked, most, sent, reasons):
    command, why = limited(request(acceleration=asked), ego(), most=most)
    assert (command.acceleration, why) == (sent, reasons)
    assert command.velocity == (8.0 + sent if reasons else 8.0)


def test_all_that_holds_the_speed_back_is_named_in_its_order():
    _, reasons = limited(request(acceleration=9.0), ego(speed=16.0, acceleration=-3.0), most=-2.0)
    assert reasons == ("acceleration_range", "acceleration_jerk", "speed_limit", "rss_distance")


def test_a_bound_that_does_not_bind_is_not_named():
    _, reasons = limited(request(acceleration=1.5), ego(speed=16.0, acceleration=-3.5), most=0.6)
    assert reasons == ("acceleration_jerk",)


@pytest.mark.parametrize(("velocity", "sent"), [(-1.0, 0.0), (17.0, 16.7), (-1e-6, 0.0), (16.71, 16.7)])
def test_a_velocity_that_the_car_may_not_have_is_limited(velocity, sent):
    command, reasons = limited(request(velocity=velocity, acceleration=0.5), ego())
    assert reasons == ("velocity_range",)
    assert command.velocity == pytest.approx(sent)
    assert 0.0 <= command.velocity <= 16.7
    assert command.acceleration == 0.5


@pytest.mark.parametrize("velocity", [0.0, 16.7])
def test_a_velocity_at_its_limits_is_no_reason(velocity):
    assert limited(request(velocity=velocity), ego())[1] == ()


@pytest.mark.parametrize(("speed", "sent"), [(0.5, 0.0), (-3.0, 0.0), (40.0, 16.7)])
def test_the_velocity_that_braking_leads_to_is_one_that_the_car_may_have(speed, sent):
    command, reasons = limited(request(acceleration=-9.0, velocity=-5.0), ego(speed=speed))
    assert reasons == ("acceleration_range",)
    assert command.velocity == pytest.approx(sent)


def test_steering_and_speed_are_named_together_steering_first():
    state = ego(speed=10.0, angle=angle_for(2.5, 10.0))
    _, reasons = limited(request(angle=0.2, acceleration=9.0), state)
    assert reasons == ("lateral_acceleration", "acceleration_range")


def test_a_request_of_huge_numbers_is_limited_to_finite_ones():
    command, _ = limited(
        ControlCommand(7, 1e308, -1e308, 1e308, -1e308), ego(speed=100.0, angle=1.5, acceleration=30.0)
    )
    values = (command.steering_tire_angle, command.acceleration, command.velocity, command.steering_tire_rotation_rate)
    assert all(map(math.isfinite, values))
    assert command.stamp_ns == 7
