"""The envelope against one that was written a second time; first that one against numbers worked out by hand."""

import math

import numpy as np
import pytest
from gate_drive import LIMITS, SALOON, ego, limits_with, request
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.faults.oracle import Envelope, allowed, any_of, broken_names, survives_the_wire
from sim2real_ad.safety.envelope import limit_command
from sim2real_ad.safety.gate import Gate, GateConfig
from sim2real_ad.safety.inputs import GateInputs
from sim2real_ad.types import ControlCommand, EgoState, Pose2
from sim2real_ad.vehicle.profile import load_vehicle

ENVELOPE = Envelope(SALOON, LIMITS)
OTHER_LIMITS = limits_with(motion={"lateral_jerk": 2.0, "rising_jerk": 3.0}, freshness={"ego_age": 0.05})
ENVELOPES = [
    Envelope(load_vehicle(name), limits)
    for name in ("saloon", "sprinter", "e_transit")
    for limits in (LIMITS, OTHER_LIMITS)
]
REACH = 0.8 * 0.38
"""rad: greatest steering rate times delay, lag and age."""
TURN = math.atan(2.85 * 0.03) + 0.0015 * 3.0
"""rad that lead to 3 m/s^2 at 10 m/s."""


# The oracle


@pytest.mark.parametrize(
    ("command", "state", "broken"),
    [
        (request(), ego(), []),
        (request(angle=0.6), ego(speed=1.0, angle=0.5), []),
        (request(angle=-0.61), ego(speed=1.0, angle=-0.5), ["steering_range"]),
        (request(angle=0.1 + REACH - 1e-6), ego(speed=1.0, angle=0.1), []),
        (request(angle=0.1 + REACH + 1e-6), ego(speed=1.0, angle=0.1), ["steering_rate"]),
        (request(angle=-0.1 - REACH - 1e-6), ego(speed=1.0, angle=-0.1), ["steering_rate"]),
        (request(angle=0.6 - REACH - 1e-6), ego(speed=1.0, angle=0.9), ["steering_rate"]),
        (request(angle=TURN - 1e-6), ego(speed=10.0, angle=TURN), []),
        (request(angle=TURN + 1e-6), ego(speed=10.0, angle=TURN), ["lateral_acceleration"]),
        (request(angle=-TURN - 1e-6), ego(speed=-10.0, angle=-TURN), ["lateral_acceleration"]),
        (request(angle=0.6 - REACH), ego(speed=16.0, angle=0.6), ["lateral_jerk"]),
        (request(angle=0.6), ego(speed=3.0, angle=0.6), []),
        (request(acceleration=2.0), ego(), []),
        (request(acceleration=2.001), ego(), ["acceleration_range"]),
        (request(acceleration=-5.0), ego(acceleration=2.0), []),
        (request(acceleration=-5.001), ego(), ["acceleration_range"]),
        (request(acceleration=1.0), ego(acceleration=-3.0), []),
        (request(acceleration=1.001), ego(acceleration=-3.0), ["acceleration_jerk"]),
        (request(acceleration=2.0), ego(speed=0.1, acceleration=-3.0), []),
        (request(acceleration=2.0), ego(speed=-0.1, acceleration=-3.0), []),
        (request(acceleration=2.0), ego(speed=0.11, acceleration=-3.0), ["acceleration_jerk"]),
        (request(acceleration=-5.0), ego(acceleration=-20.0), []),
        (request(acceleration=0.7), ego(speed=16.0), []),
        (request(acceleration=0.701), ego(speed=16.0), ["speed_limit"]),
        (request(acceleration=-1.5), ego(speed=40.0), []),
        (request(acceleration=-1.499), ego(speed=40.0), ["speed_limit"]),
        (request(velocity=16.7), ego(), []),
        (request(velocity=16.701), ego(), ["velocity_range"]),
        (request(velocity=-0.001), ego(), ["velocity_range"]),
        (request(rate=0.8), ego(), []),
        (request(rate=0.801), ego(), ["rotation_rate"]),
        (request(rate=-0.001), ego(), ["rotation_rate"]),
    ],
)
def test_the_oracle_knows_the_edges(command, state, broken):
    assert broken_names(ENVELOPE.driving([command], [state])) == broken
    assert allowed(command, state, ENVELOPE) == (not broken)


def test_the_oracle_knows_the_lateral_jerk():
    start = math.atan(2.85 * 0.01) + 0.0015
    edges = [math.atan(2.85 * k) + 0.0015 * 100.0 * k for k in (0.01 + 0.019, 0.01 - 0.019)]
    for edge, outwards in zip(edges, (1.0, -1.0), strict=True):
        state = ego(speed=10.0, angle=start)
        assert allowed(request(angle=edge - outwards * 1e-6), state, ENVELOPE)
        assert broken_names(ENVELOPE.driving([request(angle=edge + outwards * 1e-6)], [state])) == ["lateral_jerk"]


def test_the_oracle_excuses_what_the_tyres_cannot_undo_at_once():
    state = ego(speed=9.0, angle=0.6)
    requests = [request(angle=angle) for angle in np.linspace(0.0, 0.6, 601)]
    assert any_of(ENVELOPE.driving(requests, [state] * 601)).all()
    assert allowed(limit_command(request(angle=0.0), state, SALOON, LIMITS)[0], state, ENVELOPE)


def test_the_oracle_judges_stops():
    stop = request(acceleration=-1.5, velocity=0.0)
    for command, broken in (
        (stop, []),
        (request(acceleration=-6.0, velocity=0.0), []),
        (request(acceleration=-6.001, velocity=0.0), ["too_hard"]),
        (request(acceleration=-1.499, velocity=0.0), ["too_soft"]),
        (request(acceleration=-1.5, velocity=0.1), ["no_stop"]),
        (request(acceleration=-1.5, velocity=0.0, rate=0.9), ["rotation_rate"]),
        (request(acceleration=-1.5, velocity=0.0, angle=0.4), ["steering_rate"]),
        (request(acceleration=-1.5, velocity=0.0, angle=0.2), ["lateral_acceleration"]),
    ):
        assert broken_names(ENVELOPE.stopping([command], [ego()], np.array([True]))) == broken
    unknown = np.array([False])
    assert broken_names(ENVELOPE.stopping([request(0, 0.4, -6.0, 0.0)], [ego()], unknown)) == []
    assert broken_names(ENVELOPE.stopping([request(0, 0.61, -6.0, 0.0)], [ego()], unknown)) == ["steering_range"]


def test_the_oracle_knows_what_survives_the_wire():
    commands = [request(angle=0.5), request(angle=0.1), request(velocity=math.nan), request(acceleration=1e39)]
    assert survives_the_wire(commands).tolist() == [True, False, False, False]


# The envelope against it


def scattered(count, envelope, seed, fastest):
    """Return requests and states, dense about the edges: an actual angle or acceleration and what it may rise to."""
    rng = np.random.default_rng(seed)
    car = envelope.car
    speed = np.where(rng.random(count) < 0.1, rng.normal(0.0, 0.1, count), rng.uniform(-3.0, fastest, count))
    tame = rng.uniform(-1.2, 1.2, count) * np.minimum(car.max_steering_tire_angle, 12.0 / np.maximum(speed**2, 1.0))
    start = np.where(rng.random(count) < 0.2, rng.uniform(-1.5, 1.5, count), tame)
    angle = np.where(rng.random(count) < 0.3, start + rng.normal(0.0, 0.2, count), rng.uniform(-0.8, 0.8, count))
    angle = np.where(rng.random(count) < 0.4, 0.7 * start, angle)
    columns = (angle, rng.uniform(-6.0, 3.0, count), rng.uniform(-0.5, 1.02 * car.limits.max_speed, count))
    rate = rng.uniform(-0.05, 1.05 * car.limits.max_steering_rate, count)
    wishes = np.column_stack((*columns, rate)).astype(np.float32).astype(float)
    actual = np.where(rng.random(count) < 0.5, rng.uniform(-6.0, 3.0, count), rng.uniform(-30.0, 30.0, count))
    requests = [ControlCommand(0, *row) for row in wishes.tolist()]
    states = zip(speed.tolist(), actual.tolist(), start.tolist(), strict=True)
    return requests, [EgoState(0, Pose2(0.0, 0.0, 0.0), v, a, 0.0, angle) for v, a, angle in states]


@pytest.mark.parametrize("envelope", ENVELOPES, ids=lambda e: f"{e.car.name}-{e.limits.motion.lateral_jerk}")
def test_thousands_of_limited_requests_are_allowed_in_the_state_that_they_are_for(envelope):
    requests, egos = scattered(3000, envelope, 1, 100.0)
    commands = [limit_command(r, e, envelope.car, envelope.limits)[0] for r, e in zip(requests, egos, strict=True)]
    assert broken_names(envelope.driving(commands, egos)) == []
    assert survives_the_wire(commands).all()


@pytest.mark.parametrize("envelope", ENVELOPES, ids=lambda e: f"{e.car.name}-{e.limits.motion.lateral_jerk}")
def test_of_thousands_of_requests_those_that_are_allowed_pass_untouched_and_no_others(envelope):
    requests, egos = scattered(3000, envelope, 2, 1.1 * envelope.car.limits.max_speed)
    fits = ~any_of(envelope.driving(requests, egos, slack=-2e-6))
    fails = any_of(envelope.driving(requests, egos, slack=2e-6))
    assert fits.sum() > 150
    assert fails.sum() > 1500
    for asked, state, fit, fail in zip(requests, egos, fits, fails, strict=True):
        command, reasons = limit_command(asked, state, envelope.car, envelope.limits)
        if fit:
            assert (command, reasons) == (asked, ())
        elif fail:
            assert reasons
            assert command != asked


def test_thousands_of_commands_of_an_engaged_gate_are_allowed_in_the_state_that_they_are_for():
    requests, egos = scattered(6000, ENVELOPE, 3, 18.7)
    gate = Gate(SALOON, GateConfig(auto_engage=True, limits=LIMITS))
    commands = []
    for asked, state in zip(requests, egos, strict=True):
        gate.reset()
        decision = gate.step(GateInputs(request=asked, ego=state), 0)
        assert decision.state == "engaged"
        commands.append(decision.command)
    assert broken_names(ENVELOPE.driving(commands, egos)) == []
    assert survives_the_wire(commands).all()


def test_thousands_of_stops_are_allowed_in_the_state_that_they_are_for():
    requests, egos = scattered(4000, ENVELOPE, 4, 30.0)
    gate = Gate(SALOON, GateConfig(auto_engage=True, limits=LIMITS))
    commands = []
    for asked, state in zip(requests, egos, strict=True):
        gate.reset()
        gate.step(GateInputs(request=asked, ego=EgoState(0, state.pose, min(state.speed, 18.7))), 0)
        decision = gate.step(GateInputs(ego=state), 0)
        assert decision.state == "minimal_risk_manoeuvre"
        commands.append(decision.command)
    assert broken_names(ENVELOPE.stopping(commands, egos, np.ones(len(egos), bool))) == []


wild = st.one_of(
    st.floats(-2.0, 2.0), st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0.6, -0.6, 0.0])
)


@settings(max_examples=200)
@given(st.tuples(wild, wild, wild, wild), st.floats(-100.0, 100.0), st.floats(-30.0, 30.0), st.floats(-1.57, 1.57))
def test_whatever_finite_is_asked_for_in_any_plausible_state_becomes_allowed(asked, speed, actual, start):
    state = EgoState(0, Pose2(0.0, 0.0, 0.0), speed, actual, 0.0, start)
    for envelope in (ENVELOPES[0], ENVELOPES[3]):
        command, _ = limit_command(ControlCommand(0, *asked), state, envelope.car, envelope.limits)
        assert broken_names(envelope.driving([command], [state])) == []
        assert survives_the_wire([command]).all()
