"""What holds for the gate whatever comes in: random and adversarial sequences, and normal driving in a closed loop."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.control.limits import lateral_steering, steering_reach
from sim2real_ad.control.vehicle_model import (
    DelayedLag,
    KinematicState,
    curvature_from_tire_angle,
    kinematic_step,
)
from sim2real_ad.safety.gate import Gate, GateConfig
from sim2real_ad.types import ControlCommand, EgoState, Pose2
from sim2real_ad.vehicle.profile import load_vehicle

SALOON = load_vehicle("saloon")
MS = 1_000_000
TICK = 50 * MS
numbers = st.one_of(st.floats(-20.0, 40.0), st.floats(), st.sampled_from([0.0, 0.6, -0.6, 3e38, 1e308, 5e-324]))
lags = st.one_of(st.just(0), st.integers(-400 * MS, 400 * MS), st.integers(-(2**62), 2**62))
requests = st.one_of(st.none(), st.tuples(lags, numbers, numbers, numbers, numbers))
egos = st.one_of(st.none(), st.tuples(lags, numbers, numbers, numbers, numbers))
steps = st.tuples(st.one_of(st.just(TICK), st.integers(-TICK, 20 * TICK)), requests, egos)
calls = st.lists(st.one_of(steps, st.sampled_from(["engage", "disengage"])), max_size=30)


def run(script, auto_engage):
    """Feed a script to a gate and yield every (request, ego, now, decision)."""
    gate, now = Gate(SALOON, GateConfig(auto_engage=auto_engage)), 0
    for entry in script:
        if isinstance(entry, str):
            gate.engage(now) if entry == "engage" else gate.disengage()
            continue
        advance, asked, state = entry
        now += advance
        asked = asked and ControlCommand(now - asked[0], *asked[1:])
        state = state and EgoState(now - state[0], Pose2(0.0, 0.0, 0.0), *state[1:])
        yield asked, state, now, gate.step(asked, state, now)


@settings(max_examples=300)
@given(calls, st.booleans())
def test_whatever_comes_in_the_command_is_finite_float32_and_inside_the_hard_limits(script, auto_engage):
    for _, _, _, decision in run(script, auto_engage):
        command = decision.command
        values = (
            command.steering_tire_angle,
            command.acceleration,
            command.velocity,
            command.steering_tire_rotation_rate,
        )
        assert all(map(math.isfinite, values))
        assert all(float(np.float32(value)) == value for value in values)
        assert abs(command.steering_tire_angle) <= SALOON.max_steering_tire_angle
        assert -SALOON.limits.emergency_deceleration <= command.acceleration <= SALOON.limits.max_acceleration
        assert 0.0 <= command.velocity <= SALOON.limits.max_speed
        assert 0.0 <= command.steering_tire_rotation_rate <= SALOON.limits.max_steering_rate


@settings(max_examples=300)
@given(calls, st.booleans())
def test_only_an_engaged_gate_lets_go_of_the_brake_and_every_change_has_a_reason(script, auto_engage):
    for asked, _, _, decision in run(script, auto_engage):
        if decision.state == "engaged":
            assert asked is not None
            if not decision.reasons:
                wanted = (asked.steering_tire_angle, asked.acceleration, asked.velocity)
                got = decision.command
                assert (got.steering_tire_angle, got.acceleration, got.velocity) == pytest.approx(
                    tuple(map(np.float32, wanted)), rel=1e-6, abs=1e-30
                )
        else:
            assert decision.reasons
            assert decision.command.acceleration <= -SALOON.limits.comfortable_deceleration
            assert decision.command.velocity == 0.0


@settings(max_examples=200)
@given(calls)
def test_the_same_calls_give_the_same_decisions(script):
    assert repr(list(run(script, True))) == repr(list(run(script, True)))


@given(st.floats(-1.0, 1.0), st.floats(-9.0, 9.0), st.floats(-2.0, 30.0), st.floats(-0.6, 0.6))
def test_an_engaged_gate_keeps_within_the_reach_and_where_that_allows_the_lateral_limit(angle, wish, speed, actual):
    gate = Gate(SALOON, GateConfig(auto_engage=True))
    state = EgoState(0, Pose2(0.0, 0.0, 0.0), speed, 0.0, 0.0, actual)
    decision = gate.step(ControlCommand(0, angle, wish, 5.0), state, 0)
    assert decision.state == "engaged"
    got = decision.command.steering_tire_angle
    low, high = steering_reach(actual, SALOON, 0.2)
    assert low - 1e-7 <= got <= high + 1e-7
    safe_low, safe_high = lateral_steering(speed, SALOON)
    assert max(safe_low, low) - 1e-7 <= got <= min(safe_high, high) + 1e-7 or got in (
        pytest.approx(low),
        pytest.approx(high),
    )
    assert -5.0 <= decision.command.acceleration <= 2.0


@given(st.integers(0, 3), st.integers(1, 40), st.booleans())
def test_once_the_inputs_stop_every_command_is_a_stop_within_the_bar(before, silent_ticks, ego_too):
    gate, now = Gate(SALOON, GateConfig(auto_engage=True)), 0
    for _ in range(before + 1):
        now += TICK
        last = ControlCommand(now, 0.0, 2.0, 8.0), EgoState(now, Pose2(0.0, 0.0, 0.0), 8.0)
        gate.step(*last, now)
    for quiet in range(1, silent_ticks + 1):
        at = now + quiet * 10 * MS
        state = last[1] if ego_too else EgoState(at, Pose2(0.0, 0.0, 0.0), 8.0)
        decision = gate.step(last[0], state, at)
        if quiet > 10:
            assert decision.command.acceleration == (-6.0 if ego_too else -1.5)


def drive(route_curvature, speed_limit, seconds):
    """Drive a curvature profile (of the distance) through mapping, gate and actuators; yield every decision."""
    mapping, gate = ActionMapping(SALOON), Gate(SALOON, GateConfig(auto_engage=True))
    steering, drivetrain = DelayedLag(SALOON.steering, 0.05), DelayedLag(SALOON.acceleration, 0.05)
    car, travelled = KinematicState(Pose2(0.0, 0.0, 0.0), 0.0), 0.0
    for tick in range(int(seconds / 0.05)):
        now = tick * TICK
        ego = EgoState(now, car.pose, car.speed, drivetrain.value, 0.0, steering.value)
        ahead = route_curvature(travelled + 0.3 * car.speed)
        slow = min(math.sqrt(2.0 / max(abs(route_curvature(travelled + d)), 1e-6)) for d in range(0, 40, 4))
        wish = min(max(min(slow, speed_limit) - car.speed, -2.5), 1.5)
        decision = gate.step(mapping.step(mapping.action_from_physical(ahead, wish, now), ego), ego, now)
        yield decision
        tire_angle = steering.step(decision.command.steering_tire_angle)
        acceleration = drivetrain.step(decision.command.acceleration)
        curvature = curvature_from_tire_angle(tire_angle, car.speed, SALOON.wheelbase, SALOON.understeer_gradient)
        travelled += car.speed * 0.05
        car = kinematic_step(car, curvature, acceleration, 0.05)


def junction(distance):
    """A right turn of 8 m radius, with 6 m of transition on either side."""
    return -0.125 * min(max((distance - 40.0) / 6.0, 0.0), 1.0) * min(max((64.0 - distance) / 6.0, 0.0), 1.0)


@pytest.mark.parametrize(
    ("route", "speed_limit"),
    [
        (lambda distance: 0.02 * math.sin(distance / 25.0), 13.9),
        (junction, 8.3),
        (lambda distance: 0.0, 16.0),
    ],
    ids=["country road", "junction", "straight"],
)
def test_in_normal_driving_the_gate_never_steps_in(route, speed_limit):
    decisions = list(drive(route, speed_limit, 30.0))
    assert {decision.state for decision in decisions} == {"engaged"}
    assert {decision.reasons for decision in decisions} == {()}
