"""What the gate does, and the field failures that it must not repeat (named `field failure` below)."""

import dataclasses
import math
import time

import pytest

from sim2real_ad.config import check_config
from sim2real_ad.control.vehicle_model import curvature_from_tire_angle
from sim2real_ad.errors import ConfigError
from sim2real_ad.safety.gate import Gate, GateConfig
from sim2real_ad.types import ControlCommand, EgoState, Pose2
from sim2real_ad.vehicle.profile import load_vehicle

SALOON = load_vehicle("saloon")
MS = 1_000_000
TICK = 50 * MS


def request(stamp=0, angle=0.0, acceleration=0.0, velocity=8.0, rate=0.0):
    return ControlCommand(stamp, angle, acceleration, velocity, rate)


def ego(stamp=0, speed=8.0, angle=0.0, acceleration=0.0, yaw_rate=0.0):
    return EgoState(stamp, Pose2(0.0, 0.0, 0.0), speed, acceleration, yaw_rate, angle)


def engaged_gate(speed=8.0, angle=0.0, **config):
    """Return a gate that drives since time 0."""
    gate = Gate(SALOON, GateConfig(**config))
    gate.step(request(0, angle), ego(0, speed, angle), 0)
    assert gate.engage(0) == ()
    assert gate.step(request(0, angle), ego(0, speed, angle), 0).state == "engaged"
    return gate


def curvature(command, speed):
    return curvature_from_tire_angle(command.steering_tire_angle, speed, SALOON.wheelbase, SALOON.understeer_gradient)


# Engaging


def test_a_new_gate_commands_a_stop_and_says_why():
    decision = Gate(SALOON).step(None, None, 5)
    assert decision.state == "disengaged"
    assert decision.reasons == ("disengaged", "ego_missing", "request_missing")
    assert decision.command.acceleration == -1.5
    assert decision.command.stamp_ns == 5


def test_healthy_inputs_allow_engaging_and_then_the_request_passes_bit_for_bit():
    gate = engaged_gate()
    asked = request(TICK, angle=0.10000000149011612, acceleration=0.5, velocity=8.5, rate=0.5)
    decision = gate.step(asked, ego(TICK), TICK)
    assert (decision.command, decision.state, decision.reasons) == (asked, "engaged", ())


@pytest.mark.parametrize(
    ("inputs", "refusal"),
    [
        ((None, ego()), "request_missing"),
        ((request(), None), "ego_missing"),
        ((request(angle=math.nan), ego()), "request_not_finite"),
        ((request(), ego(speed=math.inf)), "ego_not_finite"),
        ((request(), ego(speed=150.0)), "ego_implausible"),
    ],
)
def test_engaging_is_refused_with_the_fault_and_changes_nothing(inputs, refusal):
    gate = Gate(SALOON)
    gate.step(*inputs, 0)
    assert gate.engage(0) == (refusal,)
    assert gate.state == "disengaged"


def test_engaging_an_idle_engaged_or_stopping_gate_is_refused():
    assert Gate(SALOON).engage(0) == ("gate_idle",)
    gate = Gate(SALOON)
    gate.step(request(), ego(), 0)
    assert gate.engage(101 * MS) == ("gate_idle",)
    assert gate.engage(100 * MS) == ()
    assert gate.engage(100 * MS) == ("not_disengaged",)


def test_disengaging_returns_authority_from_every_state_without_a_steering_jump():
    gate = engaged_gate(speed=5.0, angle=0.2)
    gate.disengage()
    decision = gate.step(request(TICK, angle=-0.2), ego(TICK, 5.0, 0.15), TICK)
    assert decision.state == "disengaged"
    assert decision.command.steering_tire_angle == pytest.approx(0.15)
    assert decision.command.acceleration < 0.0


def test_auto_engage_drives_from_the_first_healthy_step():
    gate = Gate(SALOON, GateConfig(auto_engage=True))
    assert gate.step(None, ego(0), 0).state == "disengaged"
    decision = gate.step(request(TICK, acceleration=1.0), ego(TICK), TICK)
    assert (decision.state, decision.command.acceleration, decision.reasons) == ("engaged", 1.0, ())


def test_reset_forgets_the_drive():
    gate = engaged_gate()
    gate.reset()
    assert gate.state == "disengaged"
    assert gate.step(request(-1000 * TICK), ego(-1000 * TICK), -1000 * TICK).reasons == ("disengaged",)


# Stopping


@pytest.mark.parametrize(
    ("asked", "state", "reason", "deceleration"),
    [
        (None, ego(TICK), "request_missing", 1.5),
        (request(-1), ego(TICK), "request_stamp_back", 1.5),
        (request(TICK + 51 * MS), ego(TICK), "request_from_future", 1.5),
        (request(TICK, angle=math.nan), ego(TICK), "request_not_finite", 1.5),
        (request(TICK, acceleration=math.inf), ego(TICK), "request_not_finite", 1.5),
        (request(TICK, velocity=math.nan), ego(TICK), "request_not_finite", 1.5),
        (request(TICK, rate=-math.inf), ego(TICK), "request_not_finite", 1.5),
        (request(TICK), None, "ego_missing", 6.0),
        (request(TICK), ego(-1), "ego_stamp_back", 6.0),
        (request(TICK), ego(TICK + 51 * MS), "ego_from_future", 6.0),
        (request(TICK), ego(TICK, speed=math.nan), "ego_not_finite", 6.0),
        (request(TICK), ego(TICK, acceleration=math.nan), "ego_not_finite", 6.0),
        (request(TICK), ego(TICK, yaw_rate=math.inf), "ego_not_finite", 6.0),
        (request(TICK), ego(TICK, angle=math.nan), "ego_not_finite", 6.0),
        (request(TICK), ego(TICK, speed=-101.0), "ego_implausible", 6.0),
        (request(TICK), ego(TICK, angle=1.6), "ego_implausible", 6.0),
    ],
)
def test_every_fault_stops_the_car_at_once_and_is_named(asked, state, reason, deceleration):
    decision = engaged_gate().step(asked, state, TICK)
    assert decision.state == "stopping"
    assert decision.reasons == (reason,)
    assert decision.command.acceleration == -deceleration
    assert decision.command.velocity == 0.0


def test_both_inputs_failing_are_both_named_and_the_harder_stop_wins():
    decision = engaged_gate().step(None, None, TICK)
    assert decision.reasons == ("ego_missing", "request_missing")
    assert decision.command.acceleration == -6.0


def test_silence_of_more_than_100_ms_requests_a_stop_not_only_a_state():
    """Field failure: a timeout changed the fallback's state but requested no stop."""
    gate = engaged_gate()
    last = request(0, acceleration=1.0)
    assert gate.step(last, ego(100 * MS), 100 * MS).state == "engaged"
    decision = gate.step(last, ego(100 * MS), 100 * MS + 1)
    assert (decision.state, decision.reasons) == ("stopping", ("request_stale",))
    assert decision.command.acceleration == -1.5


def test_a_silent_ego_is_an_emergency_after_100_ms():
    gate = engaged_gate()
    assert gate.step(request(100 * MS), ego(0), 100 * MS).state == "engaged"
    decision = gate.step(request(101 * MS), ego(0), 101 * MS)
    assert (decision.reasons, decision.command.acceleration) == (("ego_stale",), -6.0)


def test_an_old_picture_stops_the_car_even_if_it_arrives_on_time():
    gate = engaged_gate()
    for now in range(TICK, 8 * TICK, TICK):
        decision = gate.step(request(now // 10), ego(now), now)
    assert decision.reasons == ("request_stale",)


def test_a_stop_never_accelerates_even_where_the_request_does():
    """Field failure: acceleration went on after STOP."""
    gate = engaged_gate()
    gate.step(None, ego(TICK), TICK)
    for tick in range(2, 10):
        decision = gate.step(request(tick * TICK, acceleration=2.0), ego(tick * TICK), tick * TICK)
        assert decision.state == "stopping"
        assert decision.command.acceleration == -1.5


def test_a_stop_brakes_as_hard_as_a_healthy_request_asks():
    gate = engaged_gate()
    gate.step(None, ego(TICK), TICK)
    assert gate.step(request(2 * TICK, acceleration=-4.0), ego(2 * TICK), 2 * TICK).command.acceleration == -4.0
    assert gate.step(request(3 * TICK, acceleration=-9.0), ego(3 * TICK), 3 * TICK).command.acceleration == -5.0


def test_emergency_braking_is_there_in_full_in_the_first_command():
    """Field failure: braking was rate-clamped in the emergency path."""
    gate = engaged_gate()
    assert gate.step(request(TICK, acceleration=2.0), ego(TICK), TICK).command.acceleration == 2.0
    assert gate.step(request(2 * TICK, acceleration=2.0), None, 2 * TICK).command.acceleration == -6.0


def test_a_stop_in_a_bend_follows_the_curve_and_not_the_angle():
    """Field failure: a stop held the current steering angle and left the road in a bend."""
    gate = engaged_gate(speed=12.0)
    bend = 0.015
    angle = math.atan(SALOON.wheelbase * bend) + SALOON.understeer_gradient * 144.0 * bend
    gate.step(request(TICK, angle=angle), ego(TICK, 12.0, 0.5 * angle), TICK)
    angles = []
    for tick, speed in enumerate((12.0, 9.0, 6.0, 3.0, 0.0), start=2):
        decision = gate.step(None, ego(tick * TICK, speed, 0.5 * angle), tick * TICK)
        assert curvature(decision.command, speed) == pytest.approx(bend, rel=1e-5)
        angles.append(decision.command.steering_tire_angle)
    assert angles == sorted(angles, reverse=True)
    assert angles[0] > angles[-1]


def test_a_stop_follows_a_live_steering_plan_where_only_the_ego_is_lost():
    gate = engaged_gate()
    gate.step(request(TICK), None, TICK)
    decision = gate.step(request(2 * TICK, angle=0.1), None, 2 * TICK)
    assert decision.command.steering_tire_angle == pytest.approx(0.1)


def test_a_stop_asks_no_more_of_the_steering_than_it_can_follow():
    gate = engaged_gate(speed=3.0, angle=0.3)
    decision = gate.step(None, ego(TICK, 3.0, -0.3), TICK)
    assert decision.command.steering_tire_angle == pytest.approx(-0.3 + 0.8 * (0.08 + 0.10 + 0.2))


def test_where_the_ego_is_lost_its_old_tyre_angle_no_longer_limits_the_plan():
    gate = engaged_gate(speed=3.0, angle=-0.3)
    decision = gate.step(request(TICK, angle=0.3), None, TICK)
    assert decision.command.steering_tire_angle == pytest.approx(0.3)


def test_a_plan_that_is_not_finite_does_not_replace_the_last_good_one():
    gate = engaged_gate()
    gate.step(request(TICK, angle=0.1), ego(TICK), TICK)
    decision = gate.step(request(2 * TICK, angle=math.nan), ego(2 * TICK), 2 * TICK)
    assert decision.command.steering_tire_angle == pytest.approx(0.1)


def test_the_car_is_held_at_standstill_for_as_long_as_the_inputs_stay_away():
    gate = engaged_gate()
    for tick in range(1, 1000):
        decision = gate.step(request(0, acceleration=2.0), ego(tick * TICK, speed=0.0), tick * TICK)
    assert decision.state == "stopping"
    assert decision.reasons == ("request_stale",)
    assert decision.command.acceleration == -1.5


def test_a_gate_that_nobody_feeds_commands_on():
    """Field failure: a locked mux stopped publishing, so the actuator kept its last command."""
    gate = engaged_gate()
    stamps = [gate.step(request(0), ego(0), tick * TICK).command.stamp_ns for tick in range(4, 9)]
    assert stamps == [tick * TICK for tick in range(4, 9)]


def test_a_stop_over_a_fresh_request_keeps_its_stamp():
    decision = engaged_gate().step(request(TICK, angle=math.nan), ego(TICK), TICK + 3)
    assert decision.command.stamp_ns == TICK


def test_after_half_a_second_of_health_the_car_drives_on_without_delay():
    """Field failure: a jerk filter delayed the restart."""
    gate = engaged_gate()
    gate.step(None, ego(TICK), TICK)
    for tick in range(2, 12):
        decision = gate.step(request(tick * TICK, acceleration=2.0), ego(tick * TICK), tick * TICK)
        assert (decision.state, decision.reasons) == ("stopping", ("recovering",))
    decision = gate.step(request(12 * TICK, acceleration=2.0), ego(12 * TICK), 12 * TICK)
    assert (decision.state, decision.command.acceleration) == ("engaged", 2.0)


def test_a_fault_during_recovery_starts_it_over():
    gate = engaged_gate()
    gate.step(None, ego(TICK), TICK)
    for tick in range(2, 22):
        asked = None if tick == 11 else request(tick * TICK)
        assert gate.step(asked, ego(tick * TICK), tick * TICK).state == "stopping"
    assert gate.step(request(22 * TICK), ego(22 * TICK), 22 * TICK).state == "engaged"


def test_a_car_that_does_not_stop_is_a_fault_that_brakes_hard_and_latches():
    gate = engaged_gate(max_stop_s=1.0)
    for tick in range(1, 23):
        decision = gate.step(None, ego(tick * TICK), tick * TICK)
        assert decision.state == ("stopping" if tick < 22 else "fault")
    assert decision.reasons == ("stop_failed", "request_missing")
    assert decision.command.acceleration == -6.0
    for tick in range(23, 60):
        assert gate.step(request(tick * TICK), ego(tick * TICK), tick * TICK).state == "fault"
    assert gate.engage(59 * TICK) == ("not_disengaged",)
    gate.disengage()
    assert gate.engage(59 * TICK) == ()


@pytest.mark.parametrize(("speed", "state"), [(0.1, "stopping"), (-0.1, "stopping"), (0.11, "fault")])
def test_a_stop_has_succeeded_at_a_tenth_of_a_metre_per_second(speed, state):
    gate = engaged_gate(max_stop_s=1.0)
    for tick in range(1, 24):
        decision = gate.step(None, ego(tick * TICK, speed), tick * TICK)
    assert decision.state == state


def test_losing_the_ego_for_good_is_a_fault_because_nobody_knows_that_the_car_stands():
    gate = engaged_gate(speed=0.0, max_stop_s=1.0)
    for tick in range(1, 23):
        decision = gate.step(request(tick * TICK), None, tick * TICK)
    assert decision.state == "fault"


# Limiting


@pytest.mark.parametrize(
    ("asked", "state", "reason"),
    [
        (request(TICK, angle=0.9), ego(TICK, 1.0, 0.55), "steering_range"),
        (request(TICK, angle=0.2), ego(TICK, 10.0, 0.0), "lateral_acceleration"),
        (request(TICK, angle=0.5), ego(TICK, 1.0, 0.0), "steering_rate"),
        (request(TICK, rate=2.0), ego(TICK), "steering_rate"),
        (request(TICK, rate=-0.1), ego(TICK), "steering_rate"),
        (request(TICK, acceleration=2.5), ego(TICK), "acceleration_range"),
        (request(TICK, acceleration=-5.5), ego(TICK), "acceleration_range"),
        (request(TICK, acceleration=1.0), ego(TICK, speed=16.0), "speed_limit"),
        (request(TICK, velocity=-1.0), ego(TICK), "velocity_range"),
        (request(TICK, velocity=17.0), ego(TICK), "velocity_range"),
    ],
)
def test_every_limit_is_named_and_the_drive_goes_on(asked, state, reason):
    decision = engaged_gate().step(asked, state, TICK)
    assert decision.state == "engaged"
    assert decision.reasons == (reason,)
    assert decision.command != asked


@pytest.mark.parametrize(
    ("asked", "state"),
    [
        (request(TICK, rate=0.8), ego(TICK)),
        (request(TICK, velocity=0.0), ego(TICK)),
        (request(TICK, velocity=16.7), ego(TICK)),
        (request(TICK, acceleration=2.0), ego(TICK)),
        (request(TICK, acceleration=-5.0), ego(TICK)),
        (request(TICK, acceleration=-1.5), ego(TICK, speed=25.0)),
    ],
)
def test_a_request_at_the_limit_is_no_reason_to_step_in(asked, state):
    assert engaged_gate().step(asked, state, TICK).reasons == ()


def test_a_steering_rate_too_high_in_both_ways_is_named_once():
    decision = engaged_gate().step(request(TICK, angle=0.5, rate=2.0), ego(TICK, 1.0), TICK)
    assert decision.reasons == ("steering_rate",)


def test_the_steering_is_limited_from_the_actual_angle_not_from_the_last_command():
    """Field failure: the filter tracked the previous command, so taking over jumped."""
    gate = engaged_gate(speed=3.0)
    for tick in range(1, 6):
        gate.step(request(tick * TICK, angle=0.3), ego(tick * TICK, 3.0, -0.3), tick * TICK)
    decision = gate.step(request(6 * TICK, angle=0.3), ego(6 * TICK, 3.0, -0.3), 6 * TICK)
    reach = 0.8 * (0.08 + 0.10 + 0.2)
    assert decision.command.steering_tire_angle == pytest.approx(-0.3 + reach)


def test_a_curve_too_tight_for_the_speed_slows_the_car():
    decision = engaged_gate().step(request(TICK, angle=0.2, acceleration=1.0), ego(TICK, 10.0), TICK)
    assert decision.command.acceleration == -1.5
    assert decision.command.velocity == 8.5
    assert 100.0 * curvature(decision.command, 10.0) == pytest.approx(3.0, rel=1e-5)


def test_a_car_above_its_speed_limit_is_braked_gently():
    decision = engaged_gate().step(request(TICK, acceleration=0.0), ego(TICK, speed=25.0), TICK)
    assert decision.reasons == ("speed_limit",)
    assert decision.command.acceleration == -1.5


def test_a_limit_that_float32_cannot_hold_is_no_reason_to_step_in():
    profile = SALOON.model_copy(update={"limits": SALOON.limits.model_copy(update={"max_acceleration": 1.1})})
    gate = Gate(profile, GateConfig(auto_engage=True))
    decision = gate.step(request(0, acceleration=1.100000023841858), ego(0), 0)
    assert decision.reasons == ()
    assert decision.command.acceleration == pytest.approx(1.1)
    assert decision.command.acceleration <= 1.1


# Clock


def test_a_clock_set_back_refuses_old_inputs_and_welcomes_new_ones():
    gate = engaged_gate()
    gate.step(request(100 * TICK), ego(100 * TICK), 100 * TICK)
    old = gate.step(request(100 * TICK), ego(100 * TICK), 0)
    assert old.reasons == ("ego_from_future", "request_from_future")
    assert gate.step(request(TICK), ego(TICK), TICK).reasons == ("recovering",)


def test_a_clock_set_back_under_a_healthy_drive_is_a_new_drive():
    gate = engaged_gate()
    gate.step(request(100 * TICK), ego(100 * TICK), 100 * TICK)
    assert gate.step(request(0), ego(0), 0).state == "engaged"


def test_a_clock_set_back_during_a_stop_starts_its_times_anew():
    gate = engaged_gate()
    gate.step(request(100 * TICK), ego(100 * TICK), 100 * TICK)
    gate.step(None, ego(101 * TICK), 101 * TICK)
    states = [gate.step(request(tick * TICK), ego(tick * TICK), tick * TICK).state for tick in range(11)]
    assert states == ["stopping"] * 10 + ["engaged"]


def test_a_clock_set_back_during_a_recovery_starts_it_anew():
    gate = engaged_gate()
    gate.step(None, ego(100 * TICK), 100 * TICK)
    gate.step(request(101 * TICK), ego(101 * TICK), 101 * TICK)
    states = [gate.step(request(tick * TICK), ego(tick * TICK), tick * TICK).state for tick in range(11)]
    assert states == ["stopping"] * 10 + ["engaged"]


def test_a_clock_set_back_during_a_stop_still_lets_it_fail_in_time():
    gate = engaged_gate(max_stop_s=1.0)
    gate.step(None, ego(100 * TICK), 100 * TICK)
    states = [gate.step(None, ego(tick * TICK), tick * TICK).state for tick in range(22)]
    assert states == ["stopping"] * 21 + ["fault"]


def test_a_clock_that_stands_still_is_not_set_back():
    gate = engaged_gate()
    gate.step(request(TICK), ego(TICK), TICK)
    assert gate.step(request(TICK - 1), ego(TICK), TICK).reasons == ("request_stamp_back",)


def test_in_simulation_a_clock_set_back_starts_as_a_new_gate_does():
    used = Gate(SALOON, GateConfig(auto_engage=True))
    used.step(request(100 * TICK), ego(100 * TICK), 100 * TICK)
    used.step(None, None, 101 * TICK)
    new = Gate(SALOON, GateConfig(auto_engage=True))
    for tick in range(3):
        inputs = (request(tick * TICK, 0.01), ego(tick * TICK), tick * TICK)
        assert used.step(*inputs) == new.step(*inputs)


@pytest.mark.parametrize(
    ("state", "reasons"),
    [
        (ego(TICK, speed=-100.0), ()),
        (ego(TICK, speed=-100.1), ("ego_implausible",)),
        (ego(TICK, speed=1.0, angle=1.57), ()),
        (ego(TICK, speed=1.0, angle=math.pi / 2), ("ego_implausible",)),
    ],
)
def test_the_edges_of_what_an_ego_may_report(state, reasons):
    faults = [r for r in engaged_gate().step(request(TICK), state, TICK).reasons if r.startswith("ego")]
    assert tuple(faults) == reasons


# Config and cost


def test_an_unknown_or_impossible_setting_is_refused_by_name():
    with pytest.raises(ConfigError, match="max_silence"):
        check_config({"max_silence": 1.0}, GateConfig, "gate.yaml")
    with pytest.raises(ConfigError, match="max_request_silence_s"):
        check_config({"max_request_silence_s": 5.0}, GateConfig, "gate.yaml")


def test_a_decision_is_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Gate(SALOON).step(None, None, 0).command.acceleration = 1.0


def test_judging_takes_far_less_than_a_tick():
    gate = engaged_gate()
    best = math.inf
    for tick in range(1, 200):
        inputs = (request(tick * TICK, angle=0.1), ego(tick * TICK), tick * TICK)
        start = time.perf_counter()
        gate.step(*inputs)
        best = min(best, time.perf_counter() - start)
    assert best < 1e-3
