import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.control.vehicle_model import (
    SLIP_SPEED,
    DelayedLag,
    KinematicState,
    SingleTrackParameters,
    SlipState,
    axle_force,
    curvature_from_tire_angle,
    kinematic_inverse,
    kinematic_step,
    slip_derivatives,
    tire_angle_from_curvature,
)
from sim2real_ad.types import Pose2
from sim2real_ad.vehicle.profile import FirstOrderActuator, load_vehicle

SALOON = load_vehicle("saloon")
CAR = SingleTrackParameters.from_profile(SALOON)
curvatures = st.floats(-0.2, 0.2)


@given(curvatures, st.floats(0.0, 40.0), st.floats(0.0, 0.02))
def test_curvature_to_angle_and_back_is_the_identity(curvature, speed, understeer):
    angle = tire_angle_from_curvature(curvature, speed, 2.85, understeer)
    assert curvature_from_tire_angle(angle, speed, 2.85, understeer) == pytest.approx(curvature, abs=1e-12)


@given(st.floats(-1.5, 1.5), st.floats(0.0, 40.0))
def test_angle_to_curvature_and_back_is_the_identity(angle, speed):
    curvature = curvature_from_tire_angle(angle, speed, 2.85, 0.0015)
    assert tire_angle_from_curvature(curvature, speed, 2.85, 0.0015) == pytest.approx(angle, abs=1e-9)


@given(
    st.lists(st.tuples(curvatures, st.floats(-3.0, 2.0)), min_size=1, max_size=30),
    st.floats(-3.0, 3.0),
    st.floats(1.0, 20.0),
)
def test_a_drive_replays_from_its_inverted_inputs(inputs, yaw, speed):
    states = [KinematicState(Pose2(3.0, -2.0, yaw), speed)]
    for curvature, acceleration in inputs:
        if states[-1].speed + acceleration * 0.1 > 0.1:
            states.append(kinematic_step(states[-1], curvature, acceleration, 0.1))
    replayed = states[0]
    for before, after in pairwise(states):
        replayed = kinematic_step(replayed, *kinematic_inverse(before, after, 0.1), 0.1)
    assert (replayed.pose.x, replayed.pose.y, replayed.speed) == pytest.approx(
        (states[-1].pose.x, states[-1].pose.y, states[-1].speed), abs=1e-6
    )


def test_a_quarter_circle_ends_where_geometry_says_whatever_the_step():
    for steps in (1, 50):
        state = KinematicState(Pose2(0.0, 0.0, 0.0), 5.0)
        for _ in range(steps):
            state = kinematic_step(state, 0.1, 0.0, math.pi / steps)
        assert (state.pose.x, state.pose.y, state.pose.yaw) == pytest.approx((10.0, 10.0, math.pi / 2))


def test_braking_ends_at_standstill_after_the_textbook_distance():
    state = kinematic_step(KinematicState(Pose2(0.0, 0.0, 0.0), 10.0), 0.0, -5.0, 60.0)
    assert (state.speed, state.pose.x) == (0.0, pytest.approx(10.0))
    assert kinematic_step(state, 0.1, -5.0, 1.0) == state
    assert kinematic_inverse(state, state, 1.0) == (0.0, 0.0)


def settle(tire_angle, speed, car=CAR, duration=4.0, dt=0.001):
    state = SlipState(speed, 0.0, 0.0)
    for _ in range(int(duration / dt)):
        _, lateral, yaw = slip_derivatives(state, tire_angle, 0.0, car)
        state = SlipState(speed, state.lateral + lateral * dt, state.yaw_rate + yaw * dt)
    return state


@pytest.mark.parametrize("speed", [5.0, 10.0, 15.0])
def test_the_slip_model_settles_at_the_curvature_that_the_action_mapping_counts_on(speed):
    curvature = 1.0 / speed**2  # 1 m/s^2 of lateral acceleration
    angle = tire_angle_from_curvature(curvature, speed, SALOON.wheelbase, SALOON.understeer_gradient)
    assert settle(angle, speed).yaw_rate / speed == pytest.approx(curvature, rel=0.02)


def test_the_slip_model_is_symmetric_and_straight_ahead_is_at_rest():
    left = slip_derivatives(SlipState(10.0, 0.2, 0.1), 0.05, 1.5, CAR)
    right = slip_derivatives(SlipState(10.0, -0.2, -0.1), -0.05, 1.5, CAR)
    assert left[0] == right[0] == 1.5
    assert left[1:] == pytest.approx((-right[1], -right[2]))
    assert slip_derivatives(SlipState(10.0, 0.0, 0.0), 0.0, 0.0, CAR) == (0.0, 0.0, 0.0)


@given(st.floats(SLIP_SPEED, 30.0), st.floats(-5.0, 5.0), st.floats(-1.0, 1.0), st.floats(-0.6, 0.6))
def test_the_road_never_pushes_sideways_harder_than_its_friction(forward, lateral, yaw_rate, angle):
    icy = SingleTrackParameters.from_profile(SALOON, friction=0.1)
    _, lateral_rate, _ = slip_derivatives(SlipState(forward, lateral, yaw_rate), angle, 0.0, icy)
    assert abs(lateral_rate + forward * yaw_rate) <= 0.1 * 9.81 + 1e-9


def test_axle_force_is_linear_at_small_slip_and_saturates():
    assert axle_force(0.001, 80e3, 8e3) == pytest.approx(80.0, rel=1e-3)
    assert 0.99 * 8e3 < axle_force(0.5, 80e3, 8e3) <= 8e3
    assert axle_force(-0.5, 80e3, 8e3) == -axle_force(0.5, 80e3, 8e3)


def test_parameters_give_the_profiles_understeer():
    mass_front = CAR.mass * CAR.to_rear / CAR.wheelbase
    gradient = mass_front / CAR.cornering_front - (CAR.mass - mass_front) / CAR.cornering_rear
    assert gradient == pytest.approx(SALOON.understeer_gradient)
    assert CAR.wheelbase == pytest.approx(SALOON.wheelbase)


def test_the_slip_model_refuses_a_crawling_car():
    with pytest.raises(ValueError, match=f"{SLIP_SPEED}"):
        slip_derivatives(SlipState(SLIP_SPEED - 0.1, 0.0, 0.0), 0.0, 0.0, CAR)


def respond(delay, lag, dt, duration, command=1.0):
    actuator = DelayedLag(FirstOrderActuator(delay_s=delay, lag_s=lag), dt)
    return [actuator.step(command) for _ in range(round(duration / dt))]


@pytest.mark.parametrize(("delay", "lag", "dt"), [(0.08, 0.10, 0.05), (0.05, 0.15, 0.05), (0.24, 0.27, 0.01)])
def test_a_step_response_is_the_analytic_one_at_every_step(delay, lag, dt):
    for step, value in enumerate(respond(delay, lag, dt, 1.0), start=1):
        after = step * dt - delay
        assert value == pytest.approx(1.0 - math.exp(-after / lag) if after > 0.0 else 0.0, abs=1e-9)


@given(st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=10), st.floats(0.0, 0.3), st.floats(0.0, 0.5))
def test_the_response_does_not_depend_on_the_step(commands, delay, lag):
    actuator = FirstOrderActuator(delay_s=delay, lag_s=lag)
    coarse, fine = DelayedLag(actuator, 0.05), DelayedLag(actuator, 0.01)
    for command in commands:
        finely = [fine.step(command) for _ in range(5)][-1]
        if lag > 0.01:  # without lag, rounding of the delay decides on which side of a jump a sample falls
            assert coarse.step(command) == pytest.approx(finely, abs=1e-6)


def test_without_lag_the_output_is_the_delayed_command():
    assert respond(0.1, 0.0, 0.05, 0.25) == [0.0, 0.0, 1.0, 1.0, 1.0]
    assert respond(0.0, 0.0, 0.05, 0.1) == [1.0, 1.0]
    assert respond(0.07, 0.0, 0.05, 0.2) == [0.0, 1.0, 1.0, 1.0]


def test_reset_settles_the_actuator():
    actuator = DelayedLag(FirstOrderActuator(delay_s=0.1, lag_s=0.2), 0.05, initial=0.3)
    assert [actuator.step(0.3) for _ in range(5)] == pytest.approx([0.3] * 5)
    actuator.step(1.0)
    actuator.reset(-0.2)
    assert actuator.value == -0.2
    assert [actuator.step(-0.2) for _ in range(5)] == pytest.approx([-0.2] * 5)


@pytest.mark.parametrize("dt", [0.0, -0.1, math.nan])
def test_a_step_without_duration_is_refused(dt):
    with pytest.raises(ValueError, match="dt"):
        DelayedLag(FirstOrderActuator(delay_s=0.1, lag_s=0.2), dt)
