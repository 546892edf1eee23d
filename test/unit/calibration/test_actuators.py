"""Delay and lag of actuators, from made-up reports with known truth and from the embedded world's car."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_drives import COMMAND_S, SALOON, TICK_S, answer, commanded_drive, jumps, spoilt, wavy

from sim2real_ad.calibration.actuators import calibrate_actuator
from sim2real_ad.calibration.response import Response
from sim2real_ad.calibration.signals import Series, Signals
from sim2real_ad.errors import CalibrationError
from sim2real_ad.vehicle.profile import FirstOrderActuator, VehicleProfile
from sim2real_ad.world.randomization import DynamicsScale


def near(value: float) -> object:
    """Within 5 %, or 5 ms where that is more."""
    return pytest.approx(value, rel=0.05, abs=0.005)


def steering_drive(delay: float, lag: float, seed: int = 0, seconds: float = 60.0, **faults: float) -> Signals:
    rng = np.random.default_rng(seed)
    command = jumps(rng, seconds, 0.2)
    report = answer(command, FirstOrderActuator(delay_s=delay, lag_s=lag))
    return Signals({"steering_command": command, "steering_tire_angle": spoilt(rng, report, **faults)})


@settings(max_examples=12)
@given(st.floats(0.0, 0.4), st.floats(0.03, 0.4), st.integers(0, 10**6))
def test_delay_and_lag_come_back_through_noise_outliers_and_missing_reports(delay, lag, seed):
    found = calibrate_actuator(
        steering_drive(delay, lag, seed, noise=0.004, missing=0.2, outliers=0.02, outlier=0.5), "steering"
    )
    assert found.delay.value == near(delay)
    assert found.lag.value == near(lag)
    assert found.gain.value == pytest.approx(1.0, abs=0.02)
    assert found.outliers > 0.005


def test_a_delay_between_two_samples_is_found_to_a_fraction_of_them():
    found = calibrate_actuator(steering_drive(0.1234, 0.2), "steering")
    assert found.delay.value == pytest.approx(0.1234, abs=0.001)
    assert found.lag.value == pytest.approx(0.2, abs=0.001)


def test_the_intervals_hold_the_truth_about_as_often_as_they_say():
    held = 0
    for seed in range(12):
        found = calibrate_actuator(steering_drive(0.15, 0.2, seed, 30.0, noise=0.02), "steering")
        held += found.delay.low <= 0.15 <= found.delay.high
    assert held >= 10


def test_the_model_is_the_profiles_own_at_even_commands():
    command = jumps(np.random.default_rng(1), 10.0, 1.0)
    truth = answer(command, FirstOrderActuator(delay_s=0.0834, lag_s=0.15))
    output = Response.alike(0.0834, 0.15).output(command, truth.times)
    assert output == pytest.approx(truth.values, abs=1e-9)


def test_rising_and_falling_are_told_apart_where_they_differ():
    rng = np.random.default_rng(3)
    command = jumps(rng, 90.0, 1.5)
    times = np.arange(0.0, 90.0, TICK_S)
    values = Response(0.25, 0.3, 0.1, 0.12).output(command, times)
    found = calibrate_actuator(
        Signals({"acceleration_command": command, "acceleration": spoilt(rng, Series(times, values), noise=0.05)}),
        "acceleration",
    )
    assert [estimate.value for estimate in found.rising] == [near(0.25), near(0.3)]
    assert [estimate.value for estimate in found.falling] == [near(0.1), near(0.12)]
    assert 0.22 < found.delay.value + found.lag.value < 0.55


def test_rising_and_falling_are_not_told_apart_where_they_are_alike():
    found = calibrate_actuator(steering_drive(0.2, 0.2, noise=0.01), "steering")
    assert found.rising is None
    assert found.falling is None


@pytest.mark.parametrize("scale", [DynamicsScale(), DynamicsScale(delay=2.5, lag=2.0)], ids=["nominal", "slow"])
def test_the_embedded_cars_own_delays_and_lags_are_found(scale):
    signals = commanded_drive(scale)
    for kind, truth in (("steering", SALOON.steering), ("acceleration", SALOON.acceleration)):
        found = calibrate_actuator(signals, kind)
        assert found.delay.value == near(truth.delay_s * scale.delay)
        assert found.lag.value == near(truth.lag_s * scale.lag)


def test_an_acceleration_that_nobody_reports_is_taken_from_the_speed():
    signals = commanded_drive(DynamicsScale())
    without = Signals({name: series for name, series in signals.series.items() if name != "acceleration"})
    found = calibrate_actuator(without, "acceleration")
    assert found.lag.value == near(SALOON.acceleration.lag_s)
    assert found.delay.value == near(SALOON.acceleration.delay_s)
    assert "taken from the speed" in found.notes[0]


def test_the_result_is_an_entry_of_a_profile():
    found = calibrate_actuator(steering_drive(0.24, 0.27), "steering")
    entry = found.profile()
    assert entry == {"steering": {"delay_s": pytest.approx(0.24, abs=0.002), "lag_s": pytest.approx(0.27, abs=0.002)}}
    assert VehicleProfile.model_validate(SALOON.model_dump() | entry).steering.delay_s == entry["steering"]["delay_s"]
    assert any("residual" in line for line in found.lines())


def test_a_gain_that_is_not_one_is_told():
    rng = np.random.default_rng(0)
    command = jumps(rng, 60.0, 1.5)
    report = answer(command, FirstOrderActuator(delay_s=0.1, lag_s=0.1))
    found = calibrate_actuator(
        Signals({"acceleration_command": command, "acceleration": Series(report.times, 0.6 * report.values)}),
        "acceleration",
    )
    assert found.gain.value == pytest.approx(0.6, abs=0.01)
    assert "0.60 of what is asked" in found.notes[-1]


def changed(signals: Signals, **series: Series) -> Signals:
    return Signals({**signals.series, **series})


def shifted(series: Series, by: float) -> Series:
    return Series(series.times + by, series.values)


GOOD = steering_drive(0.2, 0.2)
COMMAND, REPORT = GOOD.series["steering_command"], GOOD.series["steering_tire_angle"]
STILL = Series(COMMAND.times, np.full(len(COMMAND), 0.05))
SLOW = np.arange(0.0, 60.0, 0.5)


@pytest.mark.parametrize(
    ("signals", "reason"),
    [
        (Signals({"steering_command": COMMAND}), "no steering_tire_angle .* --signal"),
        (steering_drive(0.2, 0.2, seconds=15.0), "too few samples: 13 s"),
        (changed(GOOD, steering_command=STILL), "no excitation: .* varies by 0.0000 rad"),
        (
            changed(GOOD, steering_command=Series(COMMAND.times, 0.1 * (COMMAND.times > 30.0))),
            "no excitation: .* turns 0 times",
        ),
        (changed(GOOD, steering_tire_angle=jumps(np.random.default_rng(9), 60.0, 0.2)), "residual too great"),
        (
            changed(GOOD, steering_tire_angle=Series(REPORT.times, -REPORT.values)),
            "falls as the command rises .gain -1.00",
        ),
        (changed(GOOD, steering_tire_angle=shifted(REPORT, 0.9)), "delay, .* at the end of its range"),
        (changed(GOOD, steering_tire_angle=shifted(REPORT, -0.3)), "answers 0.10 s before the command"),
        (changed(GOOD, steering_tire_angle=Series(SLOW, np.sin(SLOW))), "report comes every 0.50 s"),
        (changed(GOOD, steering_engaged=Series(np.array([0.0, 1.0]), np.zeros(2))), "driven by hand"),
    ],
)
def test_poor_data_are_refused_with_the_reason(signals, reason):
    with pytest.raises(CalibrationError, match=reason):
        calibrate_actuator(signals, "steering")


def test_a_standing_cars_acceleration_is_refused():
    rng = np.random.default_rng(0)
    command = jumps(rng, 60.0, 1.5)
    report = answer(command, FirstOrderActuator(delay_s=0.1, lag_s=0.1))
    standing = Series(report.times, np.zeros(len(report)))
    signals = Signals({"acceleration_command": command, "acceleration": report, "speed": standing})
    with pytest.raises(CalibrationError, match="the car stands"):
        calibrate_actuator(signals, "acceleration")


def test_an_actuator_that_hardly_follows_is_refused():
    rng = np.random.default_rng(0)
    command = jumps(rng, 120.0, 0.2, hold=6.0)
    report = answer(command, FirstOrderActuator(delay_s=0.0, lag_s=2.0))
    longer = answer(Series(report.times[:-1:4], report.values[:-1:4]), FirstOrderActuator(delay_s=0.0, lag_s=2.0))
    with pytest.raises(CalibrationError, match=r"lag, .* at the end of its range|delay, .* at the end"):
        calibrate_actuator(Signals({"steering_command": command, "steering_tire_angle": longer}), "steering")


def test_what_was_driven_by_hand_does_not_count():
    by_hand = spoilt(np.random.default_rng(5), REPORT, noise=0.3)
    mixed = Series(REPORT.times, np.where(REPORT.times > 40.0, by_hand.values, REPORT.values))
    engaged = Series(np.array([0.0, 40.0]), np.array([1.0, 0.0]))
    found = calibrate_actuator(changed(GOOD, steering_tire_angle=mixed, steering_engaged=engaged), "steering")
    assert found.delay.value == near(0.2)


def test_a_pause_of_the_commands_is_left_out():
    kept = (COMMAND.times < 20.0) | (COMMAND.times > 23.0)
    paused = Series(COMMAND.times[kept], COMMAND.values[kept])
    found = calibrate_actuator(changed(GOOD, steering_command=paused), "steering")
    assert (found.delay.value, found.lag.value) == (near(0.2), near(0.2))
    assert found.residual_rms < 1e-4


def test_the_excitation_may_be_smooth():
    times = np.arange(0.0, 60.0, COMMAND_S)
    command = Series(times, 0.1 * wavy(times, 1.1, 2.3, 5.1))
    report = spoilt(np.random.default_rng(2), answer(command, FirstOrderActuator(delay_s=0.15, lag_s=0.2)), noise=0.002)
    found = calibrate_actuator(Signals({"steering_command": command, "steering_tire_angle": report}), "steering")
    assert (found.delay.value, found.lag.value) == (near(0.15), near(0.2))
