import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.control.action_mapping import LATERAL_JERK, STEERING_AGE_S, ActionMapping
from sim2real_ad.control.limits import lateral_steering
from sim2real_ad.control.vehicle_model import curvature_from_tire_angle
from sim2real_ad.safety.envelope import limit_command
from sim2real_ad.safety.limits import load_safety_limits
from sim2real_ad.types import Action, EgoState, Pose2
from sim2real_ad.vehicle.profile import load_vehicle

SALOON = load_vehicle("saloon")
MAPPING = ActionMapping(SALOON)
LIMITS = load_safety_limits()
shares = st.floats(-1.0, 1.0, width=32)
speeds = st.floats(0.0, 30.0)


def ego(speed=0.0, angle=0.0):
    return EgoState(7, Pose2(0.0, 0.0, 0.0), speed, steering_tire_angle=angle)


def steered(action, speed):
    """The car at a speed, its tyres where the action wants them."""
    return ego(speed, MAPPING.unheld(action, ego(speed)).steering_tire_angle)


def test_standing_curvature_is_the_kinematic_tyre_angle():
    command = MAPPING.unheld(Action(3, 0.5, 0.0), ego())
    assert command.steering_tire_angle == pytest.approx(math.atan(2.85 * 0.1))
    assert command.stamp_ns == 3


def test_at_speed_understeer_adds_to_the_angle():
    standing, moving = (MAPPING.unheld(Action(0, 0.1, 0.0), ego(v)).steering_tire_angle for v in (0.0, 10.0))
    assert moving - standing == pytest.approx(0.0015 * 100.0 * 0.02)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_left_is_positive_and_the_angle_stops_at_the_lock(sign):
    command = MAPPING.unheld(Action(0, sign, 0.0), ego(20.0))
    assert command.steering_tire_angle == pytest.approx(sign * 0.6)
    assert abs(command.steering_tire_angle) <= 0.6


# What the car can follow


def lateral(command, speed):
    angle = command.steering_tire_angle
    return speed**2 * curvature_from_tire_angle(angle, speed, SALOON.wheelbase, SALOON.understeer_gradient)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_curve_too_tight_for_the_speed_becomes_the_tightest_that_the_car_may_drive(sign):
    """0.2 m/s are left for the tenth of a second in which the car may go on accelerating with 2 m/s^2."""
    tightest = lateral_steering(8.0, SALOON)[sign > 0.0]
    command = MAPPING.step(Action(0, sign, 0.0), ego(8.0, tightest))
    assert lateral(command, 8.0) == pytest.approx(sign * 3.0 * (8.0 / 8.2) ** 2)


def test_the_car_slows_down_within_half_a_second_to_the_speed_of_the_curve_that_was_asked_for():
    curvature = 0.05
    share = curvature / SALOON.action.max_curvature
    wanted = (math.sqrt(3.0 / curvature) - 8.0) / 0.5
    assert -2.0 < wanted < 0.0
    assert MAPPING.step(Action(0, share, 1.0), ego(8.0)).acceleration == pytest.approx(wanted)
    assert MAPPING.step(Action(0, share, -1.0), ego(8.0)).acceleration == -5.0


def test_slowing_down_for_a_curve_is_comfortable():
    command = MAPPING.step(Action(0, 1.0, 1.0), ego(20.0))
    assert command.acceleration == -SALOON.limits.comfortable_deceleration
    assert command.velocity == 20.0 - SALOON.limits.comfortable_deceleration


@given(shares, shares, speeds)
def test_what_the_car_can_follow_is_left_as_it_was_asked_for(curvature, acceleration, speed):
    action = Action(0, curvature, acceleration)
    if abs(curvature) * 0.2 * (speed + 0.2) ** 2 <= 3.0:
        assert MAPPING.step(action, steered(action, speed)) == MAPPING.unheld(action, ego(speed))


def test_the_tyres_are_asked_no_farther_from_where_they_stand_than_they_turn_until_they_answer():
    response = SALOON.steering.response_s + STEERING_AGE_S
    command = MAPPING.step(Action(0, 1.0, 0.0), ego(0.0, -0.4))
    assert command.steering_tire_angle == pytest.approx(-0.4 + 0.8 * response)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_lateral_acceleration_is_asked_to_change_no_faster_than_passengers_bear(sign):
    response = SALOON.steering.response_s + STEERING_AGE_S
    command = MAPPING.step(Action(0, sign, 0.0), ego(10.0))
    assert lateral(command, 10.0) == pytest.approx(sign * 5.0 * response)


@given(shares, shares, speeds, st.floats(-1.0, 1.0))
def test_the_gate_has_nothing_to_say_about_how_fast_the_steering_turns(curvature, share, speed, part):
    car = ego(speed, part * lateral_steering(speed + 0.2, SALOON)[1])
    _, reasons = limit_command(MAPPING.step(Action(0, curvature, share), car), car, SALOON, LIMITS)
    assert not {"lateral_jerk", "steering_rate", "steering_range"} & set(reasons)


def test_the_mapping_holds_to_the_gates_own_limits():
    assert LIMITS.motion.lateral_jerk == LATERAL_JERK
    assert LIMITS.freshness.ego_age > STEERING_AGE_S


@pytest.mark.parametrize("angle", [math.nan, math.inf])
def test_where_the_tyres_stand_at_no_angle_the_steering_is_left_to_the_gate(angle):
    assert MAPPING.step(Action(0, 0.5, 0.0), ego(0.0, angle)) == MAPPING.unheld(Action(0, 0.5, 0.0), ego())


@given(shares, shares, speeds, st.floats(-1.0, 0.2))
def test_the_gate_has_nothing_to_say_about_the_curve_while_the_car_is_about_as_fast(curvature, share, speed, change):
    command = MAPPING.step(Action(0, curvature, share), ego(speed))
    low, high = lateral_steering(max(speed + change, 0.0), SALOON)
    assert low <= command.steering_tire_angle <= high


def test_acceleration_is_scaled_by_its_sign():
    assert MAPPING.step(Action(0, 0.0, 1.0), ego()).acceleration == 2.0
    assert MAPPING.step(Action(0, 0.0, -1.0), ego()).acceleration == -5.0
    assert MAPPING.step(Action(0, 0.0, 0.0), ego()).acceleration == 0.0


def test_velocity_is_where_the_acceleration_leads_in_a_second_and_never_backwards():
    assert MAPPING.step(Action(0, 0.0, 0.5), ego(8.0)).velocity == 9.0
    assert MAPPING.step(Action(0, 0.0, -1.0), ego(2.0)).velocity == 0.0


def test_the_steering_rate_of_the_profile_goes_with_the_command():
    assert MAPPING.step(Action(0, 0.0, 0.0), ego()).steering_tire_rotation_rate == pytest.approx(0.8)


@given(shares, shares, speeds)
def test_every_value_is_float32_and_inside_the_profile(curvature, acceleration, speed):
    command = MAPPING.step(Action(0, curvature, acceleration), ego(speed))
    values = (
        command.steering_tire_angle,
        command.acceleration,
        command.velocity,
        command.steering_tire_rotation_rate,
    )
    assert all(float(np.float32(value)) == value for value in values)
    assert abs(command.steering_tire_angle) <= SALOON.max_steering_tire_angle
    assert -5.0 <= command.acceleration <= 2.0
    assert 0.0 <= command.steering_tire_rotation_rate <= 0.8


@given(st.floats(-0.2, 0.2), st.floats(-5.0, 2.0), st.floats(0.0, 12.0))
def test_the_inverse_action_maps_back_to_the_same_physics(curvature, acceleration, speed):
    command = MAPPING.unheld(MAPPING.action_from_physical(curvature, acceleration), ego(speed))
    back = curvature_from_tire_angle(command.steering_tire_angle, speed, 2.85, 0.0015)
    if abs(command.steering_tire_angle) < 0.599:
        assert back == pytest.approx(curvature, abs=1e-6)
    assert command.acceleration == pytest.approx(acceleration, abs=1e-6)


def test_the_inverse_saturates_and_keeps_the_stamp():
    assert MAPPING.action_from_physical(9.0, 9.0, 5) == Action(5, 1.0, 1.0)
    assert MAPPING.action_from_physical(-9.0, -9.0) == Action(0, -1.0, -1.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1.0001, -1.0001])
def test_an_action_out_of_range_is_refused_by_name(bad):
    with pytest.raises(ValueError, match=r"action\.curvature"):
        MAPPING.step(Action(0, bad, 0.0), ego())
    with pytest.raises(ValueError, match=r"action\.acceleration"):
        MAPPING.step(Action(0, 0.0, bad), ego())


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_speed_or_physical_wish_that_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match=r"ego\.speed"):
        MAPPING.step(Action(0, 0.0, 0.0), ego(bad))
    with pytest.raises(ValueError, match="finite"):
        MAPPING.action_from_physical(bad, 0.0)
    with pytest.raises(ValueError, match="finite"):
        MAPPING.action_from_physical(0.0, bad)
