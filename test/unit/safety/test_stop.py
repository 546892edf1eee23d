import math

import numpy as np
import pytest
from gate_drive import SALOON, curvature

from sim2real_ad.control.limits import steering_lock
from sim2real_ad.safety.stop import stop_command
from sim2real_ad.types import ControlCommand

LOCK = steering_lock(SALOON)


def stop(curve=0.0, speed=8.0, deceleration=1.5, reach=LOCK, profile=SALOON):
    return stop_command(7, curve, speed, deceleration, reach, profile)


def test_a_stop_brakes_straight_on_at_once_towards_standstill():
    rate = stop().steering_tire_rotation_rate
    assert stop() == ControlCommand(7, 0.0, -1.5, 0.0, rate)
    assert rate == pytest.approx(0.8)
    assert rate <= 0.8


def test_the_tyres_may_turn_as_fast_as_the_car_s_steering_can():
    slow = SALOON.model_copy(update={"limits": SALOON.limits.model_copy(update={"max_steering_rate": 0.5})})
    assert stop(profile=slow).steering_tire_rotation_rate == 0.5


@pytest.mark.parametrize("deceleration", [1.5, 3.25, 6.0])
def test_the_deceleration_is_there_in_full(deceleration):
    assert stop(deceleration=deceleration).acceleration == -deceleration


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("speed", [0.0, 3.0, 8.0, 14.0])
def test_the_angle_is_that_of_the_curve_at_the_speed(speed, sign):
    expected = math.atan(2.85 * 0.015) + 0.0015 * speed**2 * 0.015
    assert stop(sign * 0.015, speed).steering_tire_angle == pytest.approx(sign * expected, rel=1e-6)


def test_a_plan_too_tight_for_the_speed_is_followed_as_far_as_the_tyres_hold():
    assert 100.0 * curvature(stop(0.1, 10.0), 10.0) == pytest.approx(3.0, rel=1e-6)
    assert 100.0 * curvature(stop(-0.1, 10.0), 10.0) == pytest.approx(-3.0, rel=1e-6)


def test_the_tyres_go_no_further_than_they_can_follow_even_towards_a_safer_angle():
    assert stop(0.1, 3.0, reach=(-0.1, 0.05)).steering_tire_angle == pytest.approx(0.05)
    assert stop(-0.1, 3.0, reach=(-0.1, 0.05)).steering_tire_angle == pytest.approx(-0.1)
    assert stop(0.0, 16.0, reach=(0.3, 0.5)).steering_tire_angle == pytest.approx(0.3)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_tyres_never_go_beyond_the_lock(sign):
    angle = sign * stop(sign * 2.0, 0.0, reach=(-9.0, 9.0)).steering_tire_angle
    assert 0.6 - 1e-7 < angle <= 0.6


def test_the_values_survive_the_wire():
    command = stop(0.0123, 7.7, 2.7)
    for value in (command.steering_tire_angle, command.acceleration, command.steering_tire_rotation_rate):
        assert value == float(np.float32(value))
