"""The ego car: what it does with pedals and steering, against formulas and against itself."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.control.pedal_map import PedalMap
from sim2real_ad.control.vehicle_model import curvature_from_tire_angle
from sim2real_ad.geometry.frames import wrap_angle
from sim2real_ad.types import Pose2
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.embedded.dynamics import EgoDynamics
from sim2real_ad.world.randomization import DynamicsScale

SALOON = load_vehicle("saloon")
PEDALS = PedalMap.load(SALOON)
START = Pose2(10.0, -4.0, 0.7)


def car(speed: float, **scale: float) -> EgoDynamics:
    dynamics = EgoDynamics(SALOON, DynamicsScale(**scale), PEDALS)
    dynamics.reset(START, speed)
    return dynamics


def cruise(dynamics: EgoDynamics, steer: float, seconds: float) -> None:
    """Hold the speed by the pedal map itself."""
    for _ in range(round(seconds / 0.05)):
        throttle, brake = PEDALS.pedals(0.0, dynamics.state.speed)
        dynamics.step(throttle, brake, steer, 0.05)


@pytest.mark.parametrize("speed", [1.5, 3.0, 6.0, 9.0])
@pytest.mark.parametrize("angle", [-0.06, 0.04, 0.1])
def test_a_steady_bend_has_the_curvature_of_the_profile(speed: float, angle: float) -> None:
    dynamics = car(speed)
    cruise(dynamics, angle / SALOON.max_steering_tire_angle, 4.0)
    state = dynamics.state
    expected = curvature_from_tire_angle(angle, state.speed, SALOON.wheelbase, SALOON.understeer_gradient)
    if abs(expected) * state.speed**2 < 4.0:
        # Below the blend the car follows its tyres: the profile's understeer is small there.
        assert state.yaw_rate / state.speed == pytest.approx(expected, rel=0.03)


def test_a_steady_bend_is_a_circle_of_the_rear_axle() -> None:
    dynamics = car(5.0)
    cruise(dynamics, 0.15, 3.0)
    before = dynamics.state
    cruise(dynamics, 0.15, 1.0)
    after = dynamics.state
    turn = after.pose.yaw - before.pose.yaw
    chord = math.hypot(after.pose.x - before.pose.x, after.pose.y - before.pose.y)
    assert chord == pytest.approx(2.0 * math.sin(turn / 2.0) / (before.yaw_rate / before.speed), rel=0.02)


def test_the_rear_axle_rolls_along_and_does_not_slip_sideways_when_slow() -> None:
    dynamics = car(1.5)
    cruise(dynamics, 0.8, 2.0)
    before = dynamics.state
    cruise(dynamics, 0.8, 0.05)
    after = dynamics.state
    direction = math.atan2(after.pose.y - before.pose.y, after.pose.x - before.pose.x)
    assert wrap_angle(direction - (before.pose.yaw + after.pose.yaw) / 2.0) == pytest.approx(0.0, abs=1e-3)
    assert after.lateral_speed == pytest.approx(0.0, abs=1e-9)


def test_driving_straight_goes_where_the_car_points() -> None:
    dynamics = car(7.0)
    cruise(dynamics, 0.0, 2.0)
    state = dynamics.state
    distance = math.hypot(state.pose.x - START.x, state.pose.y - START.y)
    assert distance == pytest.approx(14.0, rel=0.02)
    assert state.pose.yaw == pytest.approx(START.yaw)
    assert math.atan2(state.pose.y - START.y, state.pose.x - START.x) == pytest.approx(START.yaw)


def test_full_brake_stops_in_the_distance_of_the_map_and_the_lag_and_holds() -> None:
    dynamics = car(8.0)
    for _ in range(60):
        dynamics.step(0.0, 1.0, 0.0, 0.05)
    state = dynamics.state
    assert state.speed == 0.0
    assert state.acceleration == 0.0
    distance = math.hypot(state.pose.x - START.x, state.pose.y - START.y)
    delayed = 8.0 * (SALOON.acceleration.delay_s + SALOON.acceleration.lag_s)
    assert distance == pytest.approx(64.0 / (2.0 * 8.0) + delayed, abs=0.6)
    dynamics.step(0.0, 1.0, 0.3, 1.0)
    assert dynamics.state.pose == state.pose


def test_nothing_answers_before_its_delay_and_all_of_it_in_the_end() -> None:
    dynamics = car(5.0)
    dynamics.step(0.0, 0.0, 0.5, 0.08)
    assert dynamics.state.tire_angle == 0.0
    dynamics.step(0.0, 0.0, 0.5, 0.1)
    share = dynamics.state.tire_angle / (0.5 * SALOON.max_steering_tire_angle)
    assert share == pytest.approx(1.0 - math.exp(-1.0), abs=0.02)
    dynamics.step(0.0, 0.0, 0.5, 1.0)
    assert dynamics.state.tire_angle == pytest.approx(0.5 * SALOON.max_steering_tire_angle, rel=1e-3)


def test_a_delay_scaled_by_the_domain_takes_that_much_longer() -> None:
    slow = car(5.0, delay=2.0)
    slow.step(0.0, 0.0, 0.5, 0.16)
    assert slow.state.tire_angle == 0.0
    slow.step(0.0, 0.0, 0.5, 0.02)
    assert slow.state.tire_angle > 0.0


def test_no_bend_asks_more_of_the_tyres_than_they_have() -> None:
    dynamics = car(14.0, friction=0.4)
    largest = 0.0
    for _ in range(40):
        dynamics.step(0.3, 0.0, 0.6, 0.05)
        largest = max(largest, abs(dynamics.state.speed * dynamics.state.yaw_rate))
    assert 2.0 < largest < 0.4 * 9.81 * 1.3
    gentle = car(14.0, friction=0.4)
    for _ in range(10):
        gentle.step(0.0, 1.0, 0.0, 0.05)
    assert gentle.state.acceleration >= -0.4 * 9.81 - 1e-9


def test_nothing_jumps_where_the_models_are_blended() -> None:
    dynamics = car(0.0)
    rates, previous = [], 0.0
    for _ in range(200):
        dynamics.step(0.35, 0.0, 0.3, 0.05)
        state = dynamics.state
        rates.append(state.yaw_rate - previous)
        previous = state.yaw_rate
    assert dynamics.state.speed > 5.0
    assert max(map(abs, rates)) < 0.06


@settings(max_examples=30)
@given(
    speed=st.floats(0.0, 16.0),
    controls=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(-1, 1)), min_size=5, max_size=30),
)
def test_whatever_the_controls_it_stays_finite_forward_and_repeatable(
    speed: float, controls: list[tuple[float, float, float]]
) -> None:
    runs = []
    for _ in range(2):
        dynamics = car(speed)
        for throttle, brake, steer in controls:
            dynamics.step(throttle, brake, steer, 0.05)
            state = dynamics.state
            numbers = (state.pose.x, state.pose.y, state.pose.yaw, state.speed, state.lateral_speed, state.yaw_rate)
            assert all(map(math.isfinite, numbers))
            assert state.speed >= 0.0
            assert abs(state.yaw_rate) < 4.0
        runs.append(dynamics.state)
    assert runs[0] == runs[1]
