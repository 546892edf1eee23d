"""What every calibration is made of: intervals, robust fits, series with gaps and spikes, files."""

import math

import numpy as np
import pytest
import yaml
from made_up_drives import SALOON, wavy

from sim2real_ad.calibration.estimate import Estimate, blocks_of, mean_of_blocks, student_95
from sim2real_ad.calibration.fragments import camera_text, check_new, profile_text, write_new
from sim2real_ad.calibration.least_squares import fit
from sim2real_ad.calibration.signals import Series, Signals
from sim2real_ad.errors import CalibrationError, ConfigError
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.vehicle.profile import VehicleProfile


@pytest.mark.parametrize(("degrees", "quantile"), [(1, 12.706), (4, 2.776), (11, 2.201), (30, 2.042), (1000, 1.962)])
def test_students_quantiles_are_the_tables(degrees, quantile):
    assert student_95(degrees) == pytest.approx(quantile, rel=1e-3)
    assert math.isinf(student_95(0))


def test_an_estimate_reads_well():
    assert Estimate(value=0.24, half_width=0.012).text("s") == "0.240 ± 0.012 s"


def test_a_mean_over_blocks_knows_that_neighbours_err_together():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        # Readings of one block share an error: 20 of them say no more than one.
        values = np.repeat(rng.normal(3.0, 1.0, 12), 20)
        found = mean_of_blocks(values, np.repeat(np.arange(12), 20), "pitch")
        held += found.low <= 3.0 <= found.high
    assert 0.9 <= held / 200 <= 0.99


def test_two_readings_give_no_interval():
    with pytest.raises(CalibrationError, match="pitch: 2 separate readings"):
        mean_of_blocks(np.ones(2), np.arange(2), "pitch")


def test_blocks_are_stretches_of_time():
    assert blocks_of(np.array([0.0, 0.9, 1.1, 7.0]), 1.0).tolist() == [0, 0, 1, 2]


def line_with_outliers(share: float):
    rng = np.random.default_rng(1)
    x = np.linspace(0.0, 10.0, 400)
    y = 2.0 * x + 1.0 + rng.normal(0.0, 0.1, 400) + 30.0 * (rng.random(400) < share)
    return x, y


def test_a_fit_is_not_drawn_by_gross_errors_on_one_side():
    x, y = line_with_outliers(0.2)
    found = fit(lambda p: y - p[0] * x - p[1], [0.0, 0.0], [0.01, 0.01], blocks_of(x, 0.25), "slope and offset")
    assert found.parameters == pytest.approx([2.0, 1.0], abs=0.05)
    assert found.outliers == pytest.approx(0.2, abs=0.05)
    assert found.rms == pytest.approx(0.1, rel=0.15)


def test_what_the_data_do_not_tell_apart_is_refused():
    x, y = line_with_outliers(0.0)
    with pytest.raises(CalibrationError, match="do not tell one and the other apart"):
        fit(lambda p: y - (p[0] + p[1]) * x, [0.0, 0.0], [0.01, 0.01], blocks_of(x, 0.25), "one and the other")
    with pytest.raises(CalibrationError, match="nothing depends"):
        fit(lambda p: y - p[0] * x, [0.0, 0.0], [0.01, 0.01], blocks_of(x, 0.25), "one and nothing")
    with pytest.raises(CalibrationError, match="1 separate stretches of data are too few"):
        fit(lambda p: y - p[0] * x - p[1], [0.0, 0.0], [0.01, 0.01], blocks_of(x, 99.0), "slope and offset")


def test_bounds_are_kept():
    x, y = line_with_outliers(0.0)
    found = fit(lambda p: y - p[0] * x - p[1], [5.0, 0.0], [0.01, 0.01], blocks_of(x, 0.25), "two", [3.0, -9.0])
    assert found.parameters[0] == 3.0


def test_a_series_is_sorted_and_holds_finite_values_alone():
    series = Series.of(np.array([2.0, 1.0, math.nan, 1.0, 3.0]), np.array([20.0, 10.0, 0.0, 11.0, math.inf]))
    assert series.times.tolist() == [1.0, 2.0]
    assert series.values.tolist() == [10.0, 20.0]


def test_nothing_is_interpolated_over_a_pause_or_beyond_the_ends():
    series = Series(np.array([0.0, 0.2, 1.0, 1.2]), np.array([0.0, 2.0, 10.0, 12.0]))
    found = series.at(np.array([-0.1, 0.1, 0.5, 1.1, 1.3]))
    assert found == pytest.approx([math.nan, 1.0, math.nan, 11.0, math.nan], nan_ok=True)
    assert np.isnan(series.mean_at(np.array([0.2]), 0.3)).all()
    assert series.held_at(np.array([-1.0, 0.5, 9.0])) == pytest.approx([math.nan, 2.0, 12.0], nan_ok=True)


def test_means_and_slopes_are_those_of_the_interpolation():
    times = np.arange(0.0, 5.0, 0.03)
    series = Series(times, wavy(times, 2.0))
    fine = np.linspace(1.85, 2.15, 3001)
    assert series.mean_at(np.array([2.0]), 0.3)[0] == pytest.approx(series.at(fine).mean(), abs=1e-5)
    slope = series.slope(0.2)
    assert slope.averaged_s == 0.2
    assert slope.at(np.array([2.0]))[0] == pytest.approx(math.pi * math.cos(2.0 * math.pi), rel=0.02)


def test_spikes_go_and_steps_stay():
    times = np.arange(0.0, 20.0, 0.02)
    clean = np.sin(times) + (times > 7.0)
    spiky = clean.copy()
    spiky[[50, 51, 400, 900]] += 9.0
    kept = Series(times, spiky).without_spikes()
    assert np.abs(kept.values - np.interp(kept.times, times, clean)).max() < 1e-9
    assert len(kept) >= len(times) - 8


def test_unknown_and_missing_signals_are_named():
    with pytest.raises(ValueError, match=r"no signals \['gas'\]"):
        Signals({"gas": Series(np.zeros(0), np.zeros(0))})
    with pytest.raises(CalibrationError, match=r"no brake \(0 released .. 1 fully pressed\); .*--signal brake=TOPIC"):
        Signals({}).need("brake")


def test_what_a_profile_has_no_field_for_stands_in_a_comment():
    text = profile_text({"understeer_gradient": 0.002, "steering_colour": 17.0}, ["told"])
    assert text.splitlines() == ["# told", "understeer_gradient: 0.002", "# steering_colour: 17.0"]
    assert VehicleProfile.model_validate(SALOON.model_dump() | yaml.safe_load(text)).understeer_gradient == 0.002


def test_a_camera_is_written_as_it_is_read(tmp_path):
    camera = load_camera("target_van_lens")
    write_new(tmp_path / "new" / "camera.yaml", camera_text(camera, ["one", "two"]))
    assert load_camera(str(tmp_path / "new" / "camera.yaml")) == camera


def test_files_are_never_overwritten(tmp_path):
    path = tmp_path / "mine.yaml"
    write_new(path, "first")
    for again in (lambda: write_new(path, "second"), lambda: check_new(tmp_path / "other", path)):
        with pytest.raises(ConfigError, match="exists; name a new file"):
            again()
    assert path.read_text(encoding="utf-8") == "first"
    with pytest.raises(ConfigError, match="cannot be written"):
        write_new(path / "below" / "x.yaml", "third")
