"""What the tracker makes of slow actuators, and what it must never make of a command."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from tracking_cars import DRIVE, LIMITS, SAME, STEERING, TICK_S, TRACKING, VAN, Car, slalom, van

from sim2real_ad.config import check_config
from sim2real_ad.control.tracking import Reading, Tracker
from sim2real_ad.control.vehicle_model import DelayedLag
from sim2real_ad.dbw.interface import DbwState
from sim2real_ad.errors import ConfigError
from sim2real_ad.types import ControlCommand, ns_from_seconds
from sim2real_ad.vehicle.profile import VehicleProfile, load_vehicle

TICK_NS = ns_from_seconds(TICK_S)
AT_ONCE = DRIVE.model_copy(update={"delay_s": 0.0, "lag_s": 0.0})


def rms(values) -> float:
    return math.sqrt(sum(value * value for value in values) / len(values))


def promised(profile: VehicleProfile, commands) -> tuple[list[float], list[float]]:
    """What the profile promises to make of commands that go evenly from frame to frame."""
    steering, drive = DelayedLag(profile.steering, TICK_S), DelayedLag(profile.acceleration, TICK_S)
    pairs = [(steering.step(angle), drive.step(acceleration)) for angle, acceleration in commands]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def steps(car: Car) -> list[float]:
    return [abs(b.steering_tire_angle - a.steering_tire_angle) for a, b in pairwise(car.sent)]


def test_a_slow_steering_answers_as_the_profile_promises():
    tracked = Car(VAN).drive(15.0, slalom)
    left_alone = Car(VAN.model_copy(update={"tracking": None})).drive(15.0, slalom)
    wanted, _ = promised(VAN, [slalom((n + 1) * TICK_S) for n in range(1500)])
    errors = [
        rms([got - want for got, want in zip(car.angles[300:], wanted[300:], strict=True)]) / 0.2
        for car in (tracked, left_alone)
    ]
    assert errors[0] < 0.01
    assert errors[1] > 0.14


def test_what_the_profile_promises_already_passes_but_for_the_steps():
    car = Car(SAME).drive(10.0, slalom)
    ahead = [slalom((n + 0) * TICK_S)[0] for n in range(1000)]
    sent = [command.steering_tire_angle for command in car.sent]
    assert rms([a - b for a, b in zip(sent[300:], ahead[300:], strict=True)]) < 0.002


def test_a_steady_trend_goes_to_the_bus_without_steps_and_without_delay():
    car = Car(SAME).drive(4.0, lambda time_s: (0.02 * time_s, 0.1 * time_s))
    # What is sent is held for a tick, so the middle of it is as good as its start.
    for n in range(200, 400):
        assert -1e-6 <= car.sent[n].steering_tire_angle - 0.02 * n * TICK_S <= 0.02 * TICK_S
        assert -1e-6 <= car.sent[n].acceleration - 0.1 * n * TICK_S <= 0.1 * TICK_S
    assert max(steps(car)[200:]) == pytest.approx(0.02 * TICK_S, rel=0.01)


def test_a_surprise_is_complete_one_frame_period_after_it_came():
    car = Car(SAME).hold(1.0).hold(0.06, 0.02, 0.4)
    assert 0.0 < car.sent[102].steering_tire_angle < 0.02
    assert car.sent[105].steering_tire_angle == pytest.approx(0.02, abs=1e-3)
    assert car.sent[105].acceleration == pytest.approx(0.4, abs=0.02)


def test_a_jump_has_no_trend():
    car = Car(SAME).hold(1.0).hold(1.0, 0.0, 1.0)
    assert max(command.acceleration for command in car.sent) < 1.05


def test_a_single_step_that_is_no_jump_has_no_trend_either():
    car = Car(SAME).hold(1.0).hold(1.0, 0.02, 0.4)
    assert max(command.steering_tire_angle for command in car.sent) < 1.06 * 0.02
    assert max(command.acceleration for command in car.sent) < 1.06 * 0.4


@pytest.mark.parametrize("gain", [0.9, 1.0, 1.1])
@pytest.mark.parametrize("offset", [math.radians(-1.0), math.radians(1.0)])
def test_steering_offset_and_gain_are_taken_away(offset, gain):
    car = Car(offset=offset, gain=gain).hold(8.0, 0.1)
    assert car.angles[-1] == pytest.approx(0.1, abs=1e-3)


@pytest.mark.parametrize(("command", "pull"), [(1.0, 0.3), (1.0, -0.3), (-1.0, -0.3), (0.0, -0.3)])
def test_the_grade_of_the_road_is_taken_away(command, pull):
    car = Car(pull=pull).hold(8.0, 0.0, command)
    assert car.accelerations[-1] == pytest.approx(command, abs=0.01)


def test_braking_uphill_stays_as_strong_as_commanded():
    car = Car(pull=0.3).hold(8.0, 0.0, -1.0)
    assert {command.acceleration for command in car.sent[300:]} == {-1.0}


def test_braking_goes_out_at_once_and_as_a_whole():
    car = Car().hold(2.0, 0.0, 1.5).hold(0.01, 0.0, -2.0)
    assert car.sent[-1].acceleration <= -2.0


def test_braking_leads_a_slow_brake_by_more_of_it_within_bounds():
    car = Car().hold(2.0).hold(0.2, 0.0, -1.0)
    hardest = min(command.acceleration for command in car.sent)
    assert -1.0 - TRACKING.acceleration_loop.lead <= hardest < -1.8


def test_an_emergency_passes_unchanged():
    car = Car(pull=-0.3).hold(3.0, 0.0, 1.0).hold(1.0, 0.0, -LIMITS.emergency_deceleration)
    assert {command.acceleration for command in car.sent[300:]} == {-LIMITS.emergency_deceleration}


def test_the_correction_is_bounded_by_the_settings():
    car = Car(offset=0.15).hold(8.0, 0.1)
    assert car.sent[-1].steering_tire_angle == pytest.approx(0.1 - TRACKING.steering_loop.correction, abs=1e-6)


@pytest.mark.parametrize("hands", [0.05, 0.4, -0.4])
def test_nothing_winds_up_while_the_driver_holds_the_wheel(hands):
    car = Car(hands=hands).hold(20.0)
    car.hands = None
    car.hold(3.0)
    assert abs(car.angles[-1]) < 2e-3
    assert max(abs(angle) for angle in car.angles[2000:]) <= TRACKING.steering_loop.correction + 1e-6


def test_hands_far_from_the_command_are_no_fault_of_the_steering():
    car = Car(hands=0.4).hold(20.0)
    assert car.sent[-1].steering_tire_angle == pytest.approx(0.0, abs=1e-6)


def test_a_standing_car_is_forgotten():
    car = Car(pull=-0.3, offset=0.03, speed=8.0).hold(5.0, 0.0, 0.6)
    assert car.sent[-1].acceleration < 0.35
    car.speed = 0.05
    car.hold(1.0, 0.0, 0.6)
    assert car.sent[-1].acceleration == pytest.approx(0.6)
    assert car.sent[-1].steering_tire_angle == pytest.approx(0.0, abs=1e-9)


def test_what_was_sent_before_the_start_is_not_taken_for_an_error_of_the_steering():
    car = Car()
    car.steer_from(0.2, asked_before=0.0)
    car.hold(3.0, 0.2)
    assert min(car.angles) < 0.1
    assert max(abs(command.steering_tire_angle - 0.2) for command in car.sent) < 0.01


def test_a_car_that_sets_off_is_not_taken_for_one_that_does_not_follow():
    car = Car(speed=0.0)
    for command in (-1.5, 1.0):
        car.brakes_hold = command < 0.0
        car.speed = 0.0 if car.brakes_hold else 1.0
        car.hold(4.0, 0.0, command)
    assert car.accelerations[-1] == pytest.approx(1.0, abs=0.01)
    assert min(command.acceleration for command in car.sent[500:]) > 0.9


def test_a_stop_out_of_a_trend_is_no_trend():
    car = Car(SAME).drive(1.0, lambda time_s: (0.3 * time_s, 1.5 * time_s)).hold(1.0, 0.3, -2.0)
    assert min(command.acceleration for command in car.sent) > -2.1


@pytest.mark.parametrize("change", [{"blind": True}, {"speed": None}])
def test_what_is_not_measured_leaves_its_loop_to_feed_forward(change):
    car = Car(pull=-0.3, **change).hold(5.0, 0.0, 1.0)
    assert car.sent[-1].acceleration == pytest.approx(1.0, abs=1e-6)


def test_without_a_speed_the_steering_is_still_corrected():
    car = Car(offset=0.02, speed=None).hold(8.0, 0.1)
    assert car.angles[-1] == pytest.approx(0.1, abs=1e-3)


@pytest.mark.parametrize("again", ["reset", "pause", "clock goes back"])
def test_a_new_start_is_from_where_the_car_is(again):
    tracker, now_ns = Tracker(VAN), 0
    for _ in range(100):
        now_ns += TICK_NS
        tracker.step(now_ns, ControlCommand(now_ns, 0.3, 1.0), Reading(8.0, 0.3, 1.0))
    if again == "reset":
        tracker.reset()
    now_ns += {"reset": TICK_NS, "pause": 51 * TICK_NS, "clock goes back": -1}[again]
    sent = tracker.step(now_ns, ControlCommand(now_ns, 0.0, 0.5), Reading(8.0, -0.2, -0.5))
    assert sent.steering_tire_angle == -0.2
    assert sent.acceleration == -0.5
    after = tracker.step(now_ns + TICK_NS, ControlCommand(now_ns, 0.0, 0.5), Reading(8.0, -0.2, -0.5))
    assert after.steering_tire_angle == pytest.approx(-0.2, abs=LIMITS.max_steering_rate * TICK_S + 1e-9)


def test_a_start_of_which_nothing_is_known_is_at_the_command():
    sent = Tracker(VAN).step(5, ControlCommand(3, 0.1, 0.5), Reading())
    assert (sent.steering_tire_angle, sent.acceleration) == (0.1, 0.5)


def test_a_start_into_braking_brakes_at_once():
    sent = Tracker(VAN).step(5, ControlCommand(3, 0.1, -2.0), Reading(8.0, 0.0, 1.5))
    assert sent.acceleration == -2.0


def test_a_stop_after_driving_starts_from_the_steering_that_the_car_has():
    car = Car().drive(5.0, slalom)
    car.hold(0.5, 0.0, -2.0)
    assert max(steps(car)) <= LIMITS.max_steering_rate * TICK_S + 1e-9


def test_what_belongs_to_the_gate_passes():
    command = ControlCommand(77, 0.0, 0.0, velocity=4.0, steering_tire_rotation_rate=0.3)
    sent = Tracker(VAN).step(100, command, Reading(4.0, 0.0, 0.0))
    assert sent == command


def test_the_drive_by_wires_own_state_is_a_reading():
    state = DbwState(speed=5.0, steering_tire_angle=0.1, acceleration=0.0)
    assert Tracker(VAN).step(0, ControlCommand(0, 0.0, 0.0), state).steering_tire_angle == 0.1


def test_a_command_that_comes_twice_at_one_time_moves_no_tyre():
    tracker = Tracker(VAN)
    tracker.step(0, ControlCommand(0, 0.0, 0.0), Reading(5.0, 0.0, 0.0))
    again = tracker.step(0, ControlCommand(1, 0.3, -3.0), Reading(5.0, 0.0, 0.0))
    assert again.steering_tire_angle == 0.0
    assert again.acceleration <= -3.0


def test_commands_that_stay_the_same_for_long_are_reached():
    tracker, sent = Tracker(VAN), ControlCommand(0, 0.0, 0.0)
    for n in range(300):
        sent = tracker.step(n * TICK_NS, ControlCommand(0, 0.1, 1.0), Reading(8.0, 0.0, 0.0) if n == 0 else Reading())
    assert sent.steering_tire_angle == pytest.approx(0.1, abs=1e-6)
    assert sent.acceleration == pytest.approx(1.0, abs=1e-6)


def test_an_actuator_without_lag_is_led_by_nothing():
    tracking = TRACKING.model_copy(update={"steering": AT_ONCE})
    car = Car(van(steering=AT_ONCE).model_copy(update={"tracking": tracking}), blind=True).hold(1.0, 0.01)
    assert {command.steering_tire_angle for command in car.sent[10:]} == {0.01}


@pytest.mark.parametrize("name", ["steering_tire_angle", "acceleration"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_command_that_is_no_number_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"stamp 9: {name} is {value}, must be finite"):
        Tracker(VAN).step(0, replace(ControlCommand(9, 0.0, 0.0), **{name: value}), Reading())


@pytest.mark.parametrize("profile", [VAN, load_vehicle("e_transit")], ids=["tracked", "without a section"])
def test_a_command_beyond_the_car_is_held_to_what_it_can_do(profile):
    sent = Tracker(profile).step(0, ControlCommand(0, 2.0, 9.0), Reading(5.0, 0.62, 2.0))
    assert (sent.steering_tire_angle, sent.acceleration) == (0.62, 2.0)
    sent = Tracker(profile).step(0, ControlCommand(0, -2.0, -9.0), Reading(5.0, -0.62, 2.0))
    assert (sent.steering_tire_angle, sent.acceleration) == (-0.62, -6.0)


def test_without_a_section_commands_pass():
    car = Car(load_vehicle("e_transit")).drive(3.0, slalom)
    asked = [slalom(command.stamp_ns / 1e9)[0] for command in car.sent]
    assert [command.steering_tire_angle for command in car.sent] == pytest.approx(asked)


def test_a_profile_may_have_a_section_of_what_the_car_is_without_a_tracker():
    section = {"steering": STEERING.model_dump(), "acceleration": DRIVE.model_dump()}
    profile = check_config(load_vehicle("saloon").model_dump() | {"tracking": section}, VehicleProfile, "a test")
    assert profile.tracking == TRACKING
    with pytest.raises(ConfigError, match="wobble"):
        check_config(profile.model_dump() | {"tracking": {**section, "wobble": 1.0}}, VehicleProfile, "a test")


def test_the_same_calls_give_the_same_commands():
    assert Car(offset=0.02).drive(5.0, slalom).sent == Car(offset=0.02).drive(5.0, slalom).sent
