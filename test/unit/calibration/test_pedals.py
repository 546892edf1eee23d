"""Accel and brake maps, from the embedded world's car and from maps of another shape, slopes and poor data."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_drives import SALOON, TICK_S, pedal_drive, spoilt

from sim2real_ad.calibration.pedal_grid import PedalGrid, rising
from sim2real_ad.calibration.pedals import PedalCalibration, PedalTableEstimate, calibrate_pedals
from sim2real_ad.calibration.signals import Series, Signals
from sim2real_ad.control.pedal_map import PedalMap, PedalTable, read_pedal_table
from sim2real_ad.control.powertrain import GRAVITY
from sim2real_ad.errors import CalibrationError
from sim2real_ad.vehicle.profile import FirstOrderActuator
from sim2real_ad.world.randomization import DynamicsScale

NAMES = ("throttle", "brake", "speed", "acceleration")


def noisy(signals: Signals, seed: int = 1, level: float = 1.0) -> Signals:
    rng = np.random.default_rng(seed)
    spoils = {"acceleration": {"noise": 0.15 * level, "missing": 0.1, "outliers": 0.01 * level, "outlier": 5.0}}
    return Signals({n: spoilt(rng, s, **spoils.get(n, {"noise": 0.002})) for n, s in signals.series.items()})


@pytest.fixture(scope="module")
def drive() -> Signals:
    return noisy(pedal_drive(DynamicsScale(), 600.0))


@pytest.fixture(scope="module")
def calibrated(drive) -> PedalCalibration:
    return calibrate_pedals(drive, SALOON.acceleration)


def errors(table: PedalTableEstimate, truth: PedalTable, mass: float = 1.0) -> np.ndarray:
    """Error of every measured cell above walking pace, over what is tolerated: 5 %, or 0.05 m/s^2 if that is more."""
    found = []
    for column, speed in enumerate(table.speeds):
        exact = np.interp(table.pedals, truth.pedals, truth.column(speed)) / mass
        for row in range(len(table.pedals)):
            if table.measured[row][column] and speed >= 1.0:
                missing = table.accelerations[row][column] - exact[row]
                found.append(abs(missing) / max(0.05 * abs(exact[row]), 0.05))
    return np.array(found)


def test_the_embedded_cars_own_maps_come_back(calibrated):
    maps = PedalMap.load(SALOON)
    for table, truth in ((calibrated.accel, maps.accel), (calibrated.brake, maps.brake)):
        wrong = errors(table, truth)
        assert len(wrong) > 40
        assert np.mean(wrong < 1.0) > 0.95
        assert wrong.max() < 2.0


def test_a_loaded_car_with_slow_actuators_has_its_own_maps():
    scale = DynamicsScale(mass=1.3, delay=2.0, lag=2.0)
    response = FirstOrderActuator(
        delay_s=SALOON.acceleration.delay_s * scale.delay, lag_s=SALOON.acceleration.lag_s * scale.lag
    )
    found = calibrate_pedals(noisy(pedal_drive(scale, 300.0), level=0.3), response)
    maps = PedalMap.load(SALOON)
    assert errors(found.accel, maps.accel, 1.3).max() < 1.0
    assert errors(found.brake, maps.brake, 1.3).max() < 1.0


def test_the_maps_are_read_by_the_project_both_ways(calibrated, tmp_path: Path):
    for name, table in (("accel", calibrated.accel), ("brake", calibrated.brake)):
        (tmp_path / f"{name}.csv").write_text(table.csv(), encoding="utf-8")
    maps = PedalMap(
        read_pedal_table(tmp_path / "accel.csv", rising=True), read_pedal_table(tmp_path / "brake.csv", rising=False)
    )
    for speed in (1.0, 7.3, 14.0):
        for wanted in (-3.0, -1.0, 0.5, 1.5):
            throttle, brake = maps.pedals(wanted, speed)
            assert maps.acceleration(throttle, brake, speed) == pytest.approx(wanted, abs=1e-6)


def test_both_maps_coast_alike_and_rise_with_the_pedal(calibrated):
    accel, brake = np.array(calibrated.accel.accelerations), np.array(calibrated.brake.accelerations)
    assert accel[0] == pytest.approx(brake[0])
    assert np.all(np.diff(accel, axis=0) > 0.0)
    assert np.all(np.diff(brake, axis=0) < 0.0)


def test_cells_that_were_not_driven_through_are_told(calibrated):
    told = "\n".join(calibrated.lines())
    assert calibrated.accel.share_measured < 1.0
    assert f"from neighbours: {calibrated.accel.guessed()[0]}" in told
    assert "residual" in told
    assert "±" in told


def test_maps_reach_as_far_as_was_driven(calibrated):
    assert calibrated.accel.pedals[-1] == 0.6
    assert calibrated.brake.pedals[-1] == 0.6
    assert 14.0 <= calibrated.accel.speeds[-1] <= 25.0


def test_a_known_slope_is_taken_out(drive):
    times = drive.series["acceleration"].times
    slope = Series(times, 0.06 * np.sin(times / 9.0))
    on_hills = Series(times, drive.series["acceleration"].values - GRAVITY * np.sin(slope.values))
    hilly = Signals({**drive.series, "acceleration": on_hills, "slope": slope})
    found = calibrate_pedals(hilly, SALOON.acceleration)
    assert np.mean(errors(found.accel, PedalMap.load(SALOON).accel) < 1.0) > 0.95
    assert found.notes == ()


def test_an_unknown_slope_is_told(calibrated):
    assert calibrated.notes == ("no slope is known: the road is taken for level",)


def test_an_acceleration_that_nobody_reports_is_taken_from_the_speed():
    clean = pedal_drive(DynamicsScale(), 300.0)
    found = calibrate_pedals(
        Signals({n: s for n, s in clean.series.items() if n != "acceleration"}), SALOON.acceleration
    )
    assert np.mean(errors(found.accel, PedalMap.load(SALOON).accel) < 1.0) > 0.9
    assert "taken from the speed" in found.notes[0]


def changed(drive: Signals, **series: Series) -> Signals:
    return Signals({**drive.series, **series})


def scaled(series: Series, by: float) -> Series:
    return Series(series.times, series.values * by)


def until(drive: Signals, seconds: float) -> Signals:
    return Signals(
        {n: Series(s.times[s.times < seconds], s.values[s.times < seconds]) for n, s in drive.series.items()}
    )


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda d: Signals({"speed": d.series["speed"]}), "no throttle .* --signal throttle"),
        (lambda d: until(d, 30.0), "too few samples"),
        (lambda d: changed(d, speed=scaled(d.series["speed"], 0.0)), "too few samples: 0 s of moving"),
        (lambda d: changed(d, throttle=scaled(d.series["throttle"], 100.0)), r"not 0 to 1: give its scale"),
        (lambda d: changed(d, throttle=scaled(d.series["throttle"], 0.05)), "the throttle was hardly pressed"),
        (lambda d: changed(d, brake=scaled(d.series["brake"], 0.0)), "the brake was hardly pressed"),
        (lambda d: changed(d, speed=scaled(d.series["speed"], 0.15)), "driven up to .* m/s"),
        (
            lambda d: changed(d, acceleration=spoilt(np.random.default_rng(0), d.series["acceleration"], noise=4.0)),
            "residual too great",
        ),
    ],
)
def test_poor_data_are_refused_with_the_reason(drive, spoil, reason):
    with pytest.raises(CalibrationError, match=reason):
        calibrate_pedals(spoil(drive), SALOON.acceleration)


def test_pedals_at_few_speeds_are_too_thin():
    times = np.arange(0.0, 300.0, TICK_S)
    # Every pedal has a speed of its own: most cells are never met.
    pedal = 0.6 * np.sin(times / 20.0)
    speed = 1.0 + 14.0 * np.abs(pedal) / 0.6
    signals = Signals(
        {
            "throttle": Series(times, np.maximum(pedal, 0.0)),
            "brake": Series(times, np.maximum(-pedal, 0.0)),
            "speed": Series(times, speed),
            "acceleration": Series(times, 4.0 * pedal),
        }
    )
    with pytest.raises(CalibrationError, match=r"coverage too thin: .* of the accel map's cells"):
        calibrate_pedals(signals, SALOON.acceleration)


GRID = PedalGrid(np.array([0.0, 2.0, 5.0]), np.array([0.0, 0.1, 0.4]), np.array([0.0, 0.3]))


@given(st.floats(-0.3, 0.4), st.floats(0.0, 5.0))
def test_weights_read_the_maps_as_the_project_does(pedal, speed):
    cells = np.array([[-2.0, -2.5, -3.0], [0.0, -0.1, -0.3], [0.5, 0.4, 0.1], [2.0, 1.5, 0.7]])
    maps = PedalMap(
        PedalTable("accel", (0.0, 2.0, 5.0), (0.0, 0.1, 0.4), tuple(map(tuple, GRID.accel_rows(cells)))),
        PedalTable("brake", (0.0, 2.0, 5.0), (0.0, 0.3), tuple(map(tuple, GRID.brake_rows(cells)))),
    )
    found = GRID.weights(np.array([pedal]), np.array([speed]))[0] @ cells.ravel()
    exact = maps.acceleration(max(pedal, 0.0), max(-pedal, 0.0), speed)
    assert found == pytest.approx(exact, abs=1e-9) or (speed <= 0.0 and exact == 0.0)


def test_outside_of_the_maps_nothing_counts():
    outside = GRID.weights(np.array([0.5, 0.2, math.nan]), np.array([1.0, 6.0, 1.0]))
    assert not outside.any()


@given(st.lists(st.tuples(st.floats(-3.0, 3.0), st.floats(0.1, 10.0)), min_size=1, max_size=12))
def test_sorted_values_rise_and_what_rises_already_stays(pairs):
    values, weights = np.array(pairs).T
    found = rising(values, weights, 0.01)
    assert np.all(np.diff(found) >= 0.01 - 1e-9)
    assert rising(found, weights, 0.01) == pytest.approx(found)
    assert np.average(found, weights=weights) == pytest.approx(np.average(values, weights=weights))
