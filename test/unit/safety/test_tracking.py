import math

import numpy as np
import pytest
from gate_drive import LIMITS, MS, SALOON, TICK, ego, limits_with, request

from sim2real_ad.control.vehicle_model import DelayedLag
from sim2real_ad.safety.findings import Finding, Severity
from sim2real_ad.safety.tracking import TrackingMonitor

AT_ONCE = limits_with(tracking={"hold": 0.0}).tracking


def monitor(limits=AT_ONCE, angle=0.0, acceleration=0.0):
    """Return a monitor of a car that settled at an angle and an acceleration at time 0."""
    watched = TrackingMonitor(limits, SALOON)
    watched.sent(request(), ego(angle=angle, acceleration=acceleration), 0)
    return watched


def strict(**changes):
    return limits_with(tracking={"steering": 1e-9, "acceleration": 1e-9, "hold": 0.0, **changes}).tracking


def reasons(findings):
    return [finding.reason for finding in findings]


def test_before_any_command_nothing_is_expected():
    assert TrackingMonitor(AT_ONCE, SALOON).step(ego(angle=0.6, acceleration=9.0), 0) == []


def test_with_the_first_command_the_car_does_what_it_does():
    assert monitor(strict(), angle=0.31, acceleration=-1.7).step(ego(angle=0.31, acceleration=-1.7), TICK) == []


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_edge_of_the_steering_error(sign):
    watched = monitor()
    assert watched.step(ego(angle=sign * 0.12), TICK) == []
    assert reasons(watched.step(ego(angle=sign * math.nextafter(0.12, 1.0)), TICK)) == ["steering_not_followed"]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_edge_of_the_acceleration_error(sign):
    watched = monitor()
    assert watched.step(ego(acceleration=sign * 2.5), TICK) == []
    too_much = ego(acceleration=sign * math.nextafter(2.5, 3.0))
    assert reasons(watched.step(too_much, TICK)) == ["acceleration_not_followed"]


def test_errors_are_measured_from_what_the_actuators_should_be_doing():
    watched = monitor(angle=0.2, acceleration=-3.0)
    assert watched.step(ego(angle=0.31, acceleration=-5.4), TICK) == []
    assert reasons(watched.step(ego(angle=0.33, acceleration=-3.0), TICK)) == ["steering_not_followed"]
    assert reasons(watched.step(ego(angle=0.07, acceleration=-3.0), TICK)) == ["steering_not_followed"]
    assert reasons(watched.step(ego(angle=0.2, acceleration=-0.4), TICK)) == ["acceleration_not_followed"]


def test_the_findings_tell_the_error_and_what_is_allowed():
    assert monitor().step(ego(angle=-0.3, acceleration=4.0), TICK) == [
        Finding("tracking", "steering_not_followed", Severity.STOP, "off by -0.30 rad, allowed 0.12"),
        Finding("tracking", "acceleration_not_followed", Severity.STOP, "off by 4.00 m/s^2, allowed 2.5"),
    ]


@pytest.mark.parametrize(
    ("speed", "compared"), [(0.0, False), (0.5, False), (-0.5, False), (0.501, True), (-0.501, True)]
)
def test_a_car_that_all_but_stands_is_not_asked_for_its_acceleration(speed, compared):
    found = monitor().step(ego(speed=speed, acceleration=5.0), TICK)
    assert reasons(found) == (["acceleration_not_followed"] if compared else [])


def test_a_car_that_all_but_stands_has_no_error_of_its_acceleration():
    assert monitor(strict()).step(ego(speed=0.5, acceleration=5.0), TICK) == []


def test_a_car_that_all_but_stands_is_asked_for_its_angle():
    assert reasons(monitor().step(ego(speed=0.0, angle=0.5), TICK)) == ["steering_not_followed"]


def test_an_error_counts_once_it_has_lasted():
    watched = monitor(LIMITS.tracking)
    wrong = ego(angle=0.5, acceleration=5.0)
    assert watched.step(wrong, 10 * MS) == []
    assert watched.step(wrong, 810 * MS - 1) == []
    assert reasons(watched.step(wrong, 810 * MS)) == ["steering_not_followed", "acceleration_not_followed"]


def test_the_two_errors_last_each_by_itself():
    watched = monitor(LIMITS.tracking)
    watched.step(ego(angle=0.5), 0)
    watched.step(ego(angle=0.5, acceleration=5.0), 400 * MS)
    assert reasons(watched.step(ego(angle=0.5, acceleration=5.0), 800 * MS)) == ["steering_not_followed"]
    assert watched.step(ego(acceleration=5.0), 1000 * MS) == []
    assert reasons(watched.step(ego(angle=0.5, acceleration=5.0), 1200 * MS)) == ["acceleration_not_followed"]


# The model


def expected(target, seconds, delay, lag):
    """Return where an actuator is that stood at 0 and got its first command so long ago."""
    return target * (1.0 - math.exp(-(seconds - delay) / lag)) if seconds > delay else 0.0


@pytest.mark.parametrize("ticks", range(1, 9))
def test_a_command_is_expected_to_be_followed_after_the_delay_and_with_the_lag(ticks):
    watched = monitor(strict())
    for tick in range(1, ticks + 1):
        watched.sent(request(angle=0.3, acceleration=-4.0), ego(), tick * TICK)
    seconds = 0.05 * ticks
    angle, braking = expected(0.3, seconds, 0.08, 0.10), expected(-4.0, seconds, 0.05, 0.15)
    now = (ticks + 1) * TICK
    for error, found in ((0.0, []), (2e-9, ["steering_not_followed", "acceleration_not_followed"])):
        assert reasons(watched.step(ego(angle=angle + error, acceleration=braking + error), now)) == found


def test_time_passes_by_the_clock_and_not_by_the_tick():
    one, other = monitor(strict()), monitor(strict())
    one.sent(request(angle=0.3), ego(), 200 * MS)
    for tick in range(1, 21):
        other.sent(request(angle=0.3), ego(), tick * 10 * MS)
    state = ego(angle=expected(0.3, 0.2, 0.08, 0.10))
    assert one.step(state, 250 * MS) == other.step(state, 250 * MS) == []


def test_a_car_that_follows_is_never_found():
    rng = np.random.default_rng(1)
    watched = TrackingMonitor(strict(), SALOON)
    steering, drive = DelayedLag(SALOON.steering, 0.05), DelayedLag(SALOON.acceleration, 0.05)
    for tick in range(400):
        state = ego(angle=steering.value, acceleration=drive.value)
        assert watched.step(state, tick * TICK) == []
        command = request(angle=rng.uniform(-0.6, 0.6), acceleration=rng.uniform(-5.0, 2.0)) if tick else request()
        watched.sent(command, state, tick * TICK)
        steering.step(command.steering_tire_angle)
        drive.step(command.acceleration)


def test_a_car_whose_steering_does_not_move_is_found_in_the_time_allowed():
    watched, found = monitor(LIMITS.tracking), {}
    for tick in range(1, 30):
        found[tick * 50] = reasons(watched.step(ego(), tick * TICK))
        watched.sent(request(angle=0.3), ego(), tick * TICK)
    moved_ms = 150  # 0.3 * (1 - exp(-0.07 / 0.1)) = 0.151 rad is the first beyond 0.12, and seen at the next step
    assert next(ms for ms, reason in found.items() if reason) == moved_ms + 50 + 800


# Gaps


def test_after_a_gap_the_car_does_again_what_it_does():
    watched = monitor(strict())
    watched.sent(request(angle=0.6, acceleration=-5.0), ego(angle=0.1, acceleration=1.0), 500 * MS + 1)
    assert watched.step(ego(angle=0.1, acceleration=1.0), 550 * MS) == []


def test_half_a_second_is_no_gap_yet():
    watched = monitor(strict())
    watched.sent(request(angle=0.6), ego(angle=0.1), 500 * MS)
    assert watched.step(ego(angle=expected(0.6, 0.5, 0.08, 0.10)), 550 * MS) == []


def test_a_gap_starts_the_time_of_an_error_anew():
    watched = monitor(LIMITS.tracking)
    wrong = ego(angle=0.5, acceleration=9.0)
    watched.step(wrong, 0)
    watched.sent(request(), ego(), 600 * MS)
    assert watched.step(wrong, 800 * MS) == []
    assert reasons(watched.step(wrong, 1600 * MS)) == ["steering_not_followed", "acceleration_not_followed"]


def test_a_clock_that_goes_back_is_a_gap():
    watched = monitor(strict())
    watched.sent(request(angle=0.6), ego(angle=0.1), -1)
    assert watched.step(ego(angle=0.1), TICK) == []


def test_a_clock_that_stands_still_is_none():
    watched = monitor(strict())
    watched.sent(request(angle=0.6), ego(angle=0.1), 0)
    assert watched.step(ego(), TICK) == []
    assert reasons(watched.step(ego(angle=0.1), TICK)) == ["steering_not_followed"]


def test_after_forgetting_nothing_is_expected_until_the_next_command():
    watched = monitor()
    wrong = ego(angle=0.5, acceleration=9.0)
    watched.forget()
    assert watched.step(wrong, TICK) == []
    watched.sent(request(), wrong, 2 * TICK)
    assert watched.step(wrong, 3 * TICK) == []
    assert reasons(watched.step(ego(), 3 * TICK)) == ["steering_not_followed", "acceleration_not_followed"]


def test_an_error_that_lasted_is_forgotten():
    watched = monitor(LIMITS.tracking)
    wrong = ego(angle=0.5, acceleration=9.0)
    watched.step(wrong, 0)
    watched.forget()
    watched.sent(request(), ego(), 400 * MS)
    assert watched.step(wrong, 800 * MS) == []


def test_decisions_that_come_faster_than_the_model_steps_are_followed_all_the_same():
    monitor = TrackingMonitor(LIMITS.tracking, SALOON)
    steering = DelayedLag(SALOON.steering, 0.004)
    found = []
    for step in range(500):
        now = step * 4 * MS
        car = ego(speed=5.0, angle=steering.value)
        found += monitor.step(car, now)
        monitor.sent(request(angle=0.3), car, now)
        steering.step(0.3)
    assert found == []
