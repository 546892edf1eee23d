import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.control.limits import (
    acceleration_range,
    clip,
    lateral_jerk_reach,
    lateral_steering,
    rising_acceleration,
    speed_limited_acceleration,
    steering_lock,
    steering_reach,
)
from sim2real_ad.control.vehicle_model import curvature_from_tire_angle
from sim2real_ad.vehicle.profile import load_vehicle

SALOON = load_vehicle("saloon")


@given(st.floats(-100.0, 100.0))
def test_at_the_edge_of_the_steering_the_lateral_acceleration_is_the_limit_or_the_lock_is_reached(speed):
    low, high = lateral_steering(speed, SALOON)
    lateral = speed**2 * curvature_from_tire_angle(high, speed, SALOON.wheelbase, SALOON.understeer_gradient)
    assert low == -high
    assert lateral <= SALOON.limits.max_lateral_acceleration * (1 + 1e-6)
    if high < SALOON.max_steering_tire_angle:
        assert lateral == pytest.approx(SALOON.limits.max_lateral_acceleration, rel=1e-6)


def test_slow_cars_may_steer_to_the_lock_and_fast_ones_less_and_less():
    reach = [lateral_steering(speed, SALOON)[1] for speed in (0.0, 1.0, 3.0, 5.0, 8.0, 12.0, 16.0)]
    assert reach[:2] == [0.6, 0.6]
    assert all(after < before for before, after in pairwise(reach[2:]))
    assert reach[-1] == pytest.approx(math.atan(2.85 * 3.0 / 256) + 0.0015 * 3.0)


def test_the_lateral_limit_is_continuous_where_the_lock_takes_over():
    speed = math.sqrt(SALOON.limits.max_lateral_acceleration * SALOON.wheelbase / math.tan(0.6))
    below, above = lateral_steering(speed - 1e-6, SALOON)[1], lateral_steering(speed + 1e-6, SALOON)[1]
    assert below == pytest.approx(above, abs=1e-5)


def test_the_reach_surrounds_the_actual_angle_by_what_the_actuator_trails():
    assert steering_reach(0.1, SALOON, 0.05) == pytest.approx((0.1 - 0.8 * 0.23, 0.1 + 0.8 * 0.23))


@given(st.floats(-1.5, 1.5), st.floats(0.0, 1.0))
def test_the_reach_is_never_empty_and_stays_within_the_lock(actual, margin):
    low, high = steering_reach(actual, SALOON, margin)
    assert -0.6 <= low < high <= 0.6


@pytest.mark.parametrize(("actual", "reach"), [(0.9, (0.6 - 0.184, 0.6)), (-0.9, (-0.6, -0.6 + 0.184))])
def test_tyres_that_are_said_to_be_beyond_the_lock_count_as_at_the_lock(actual, reach):
    assert steering_reach(actual, SALOON, 0.05) == pytest.approx(reach)


def lateral_of(angle, speed):
    return speed**2 * curvature_from_tire_angle(angle, speed, SALOON.wheelbase, SALOON.understeer_gradient)


@pytest.mark.parametrize("speed", [10.0, -10.0, 14.0])
@pytest.mark.parametrize("actual", [0.0, 0.05, -0.05])
def test_the_jerk_reach_surrounds_what_the_car_feels_by_what_the_jerk_adds(actual, speed):
    low, high = lateral_jerk_reach(actual, speed, SALOON, 4.0, 0.07)
    assert lateral_of(high, speed) == pytest.approx(lateral_of(actual, speed) + 4.0 * 0.25)
    assert lateral_of(low, speed) == pytest.approx(lateral_of(actual, speed) - 4.0 * 0.25)


def test_the_jerk_reach_of_a_straight_car_is_worked_out_by_hand():
    curve = 5.0 * 0.38 / 100.0
    angle = math.atan(2.85 * curve) + 0.0015 * 100.0 * curve
    assert lateral_jerk_reach(0.0, 10.0, SALOON, 5.0, 0.2) == pytest.approx((-angle, angle))


def test_a_slow_car_may_turn_from_lock_to_lock():
    """At full lock both ways the lateral acceleration differs by 2 v^2 tan(0.6) / 2.85, here by jerk 5 in 0.38 s."""
    edge = math.sqrt(5.0 * 0.38 * 2.85 / (2.0 * math.tan(0.6)))
    for actual in (0.6, 0.0, -0.6):
        assert lateral_jerk_reach(actual, edge - 1e-6, SALOON, 5.0, 0.2) == (-0.6, 0.6)
    assert lateral_jerk_reach(0.6, 0.0, SALOON, 5.0, 0.2) == (-0.6, 0.6)
    stiff = SALOON.model_copy(update={"understeer_gradient": 0.0})
    low, high = lateral_jerk_reach(0.6, edge + 1e-3, stiff, 5.0, 0.2)
    assert (-0.6 < low < -0.599, high) == (True, 0.6)
    low, high = lateral_jerk_reach(-0.6, edge + 1e-3, stiff, 5.0, 0.2)
    assert (low, 0.599 < high < 0.6) == (-0.6, True)


@given(st.floats(-1.5, 1.5), st.floats(-100.0, 100.0), st.floats(0.01, 20.0), st.floats(0.0, 1.0))
def test_the_jerk_reach_holds_the_actual_angle_and_stays_within_the_lock(actual, speed, jerk, margin):
    low, high = lateral_jerk_reach(actual, speed, SALOON, jerk, margin)
    assert -0.6 <= low <= min(max(actual, -0.6), 0.6) <= high <= 0.6


@given(st.floats(-0.6, 0.6), st.floats(-100.0, 100.0))
def test_the_jerk_reach_is_the_same_to_the_left_and_to_the_right(actual, speed):
    low, high = lateral_jerk_reach(actual, speed, SALOON, 5.0, 0.2)
    assert lateral_jerk_reach(-actual, speed, SALOON, 5.0, 0.2) == pytest.approx((-high, -low))
    assert lateral_jerk_reach(actual, -speed, SALOON, 5.0, 0.2) == (low, high)


def test_tyres_beyond_the_lock_change_what_the_car_feels_from_the_lock_on():
    assert lateral_jerk_reach(0.9, 10.0, SALOON, 5.0, 0.2) == lateral_jerk_reach(0.6, 10.0, SALOON, 5.0, 0.2)
    assert lateral_jerk_reach(-0.9, 10.0, SALOON, 5.0, 0.2) == lateral_jerk_reach(-0.6, 10.0, SALOON, 5.0, 0.2)


@pytest.mark.parametrize("actual", [0.0, 1.5, -3.0])
def test_an_acceleration_may_rise_for_as_long_as_the_drive_takes_to_answer(actual):
    assert rising_acceleration(actual, SALOON, 10.0, 0.2) == pytest.approx(actual + 10.0 * (0.05 + 0.15 + 0.2))
    assert rising_acceleration(actual, SALOON, 3.0, 0.0) == pytest.approx(actual + 3.0 * 0.2)


def test_the_lock_and_the_accelerations_are_the_profiles():
    assert steering_lock(SALOON) == (-0.6, 0.6)
    assert acceleration_range(SALOON) == (-5.0, 2.0)


def test_the_speed_limit_lets_the_car_come_close_and_brakes_it_gently_above():
    assert speed_limited_acceleration(10.0, SALOON) == pytest.approx(6.7)
    assert speed_limited_acceleration(16.2, SALOON) == pytest.approx(0.5)
    assert speed_limited_acceleration(16.7, SALOON) == 0.0
    assert speed_limited_acceleration(17.2, SALOON) == pytest.approx(-0.5)
    assert speed_limited_acceleration(40.0, SALOON) == -1.5


@given(st.floats(-9.0, 9.0))
def test_clip_returns_the_nearest_allowed_value(value):
    clipped = clip(value, (-1.0, 2.0))
    assert -1.0 <= clipped <= 2.0
    assert abs(clipped - value) == min(abs(x - value) for x in (-1.0, 2.0, clipped))
