"""Steering ratio, offset and understeer, from made-up drives with known truth and from the embedded world's car."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_drives import SALOON, spoilt, wavy, winding_drive

from sim2real_ad.calibration.signals import Series, Signals
from sim2real_ad.calibration.steering import calibrate_steering, curvature_of
from sim2real_ad.control.vehicle_model import curvature_from_tire_angle
from sim2real_ad.errors import CalibrationError
from sim2real_ad.vehicle.profile import VehicleProfile
from sim2real_ad.world.randomization import DynamicsScale

WHEELBASE = 3.3
TIMES = np.arange(0.0, 240.0, 0.02)
SPEED = 8.5 + 5.5 * wavy(TIMES, 37.0, 61.0)


def bends(rng: np.random.Generator, hardest: float = 2.6) -> np.ndarray:
    """Tyre angles through bends to both sides, gentle enough for their speed."""
    shape = wavy(TIMES + 100.0 * rng.random(), 4.1, 7.3, 13.0)
    return shape * np.minimum(0.25, hardest * WHEELBASE / SPEED**2)


def drive(
    ratio: float = 17.0, offset: float = 0.1, understeer: float = 0.003, seed: int = 0, *, trails: float = 0.1,
    noise: float = 0.005, missing: float = 0.1, outliers: float = 0.01, speed: np.ndarray = SPEED,
    name: str = "steering_wheel_angle",
) -> Signals:  # fmt: skip
    rng = np.random.default_rng(seed)
    tyre = bends(rng)
    earlier = np.interp(TIMES - trails, TIMES, tyre)
    yaw_rate = speed * curvature_of(earlier, speed, WHEELBASE, understeer)
    wheel = Series(TIMES, ratio * tyre + offset)
    return Signals(
        {
            name: spoilt(
                rng, wheel, noise=0.1 * noise * ratio, missing=missing, outliers=outliers, outlier=2.0 * ratio
            ),
            "yaw_rate": spoilt(rng, Series(TIMES, yaw_rate), noise=noise, missing=missing, outliers=outliers),
            "speed": spoilt(rng, Series(TIMES, speed), noise=0.02, missing=missing),
        }
    )


@settings(max_examples=12)
@given(st.floats(12.0, 22.0), st.floats(-0.3, 0.3), st.floats(0.001, 0.006), st.integers(0, 10**6))
def test_ratio_offset_and_understeer_come_back_through_noise_outliers_and_missing_samples(r, offset, understeer, seed):
    found = calibrate_steering(drive(r, offset, understeer, seed), WHEELBASE)
    assert found.ratio.value == pytest.approx(r, rel=0.02)
    assert found.offset.value == pytest.approx(offset, rel=0.05, abs=0.05 * 0.3)
    told = found.understeer_gradient.half_width
    assert found.understeer_gradient.value == pytest.approx(understeer, rel=0.05, abs=max(1e-4, 3.0 * told))
    assert told <= 2e-4
    assert found.yaw_delay_s + found.yaw_lag_s == pytest.approx(0.1, abs=0.04)


def test_intervals_are_told_and_hold_the_truth():
    held = [
        found.ratio.low <= 17.0 <= found.ratio.high
        for found in (calibrate_steering(drive(seed=seed, noise=0.03, outliers=0.0), WHEELBASE) for seed in range(12))
    ]
    assert sum(held) >= 10


def test_the_noise_of_the_yaw_rate_does_not_make_the_ratio_small():
    found = calibrate_steering(drive(noise=0.08, outliers=0.0), WHEELBASE, understeer_gradient=0.003)
    assert found.ratio.value == pytest.approx(17.0, rel=0.02)


def test_a_known_understeer_is_taken_as_told_where_the_speed_does_not_vary():
    steady = drive(speed=np.full_like(TIMES, 6.0), noise=0.02)
    with pytest.raises(CalibrationError, match=r"slowly and fast.*--understeer|apart"):
        calibrate_steering(steady, WHEELBASE)
    found = calibrate_steering(steady, WHEELBASE, understeer_gradient=0.003)
    assert found.ratio.value == pytest.approx(17.0, rel=0.02)
    assert found.understeer_gradient is None
    assert "understeer_gradient" not in found.profile()


def test_of_a_reported_tyre_angle_offset_and_understeer_are_found():
    signals = drive(1.0, 0.02, 0.003, name="steering_tire_angle")
    found = calibrate_steering(signals, WHEELBASE)
    assert found.ratio is None
    assert found.offset.value == pytest.approx(0.02, abs=0.001)
    assert found.understeer_gradient.value == pytest.approx(0.003, rel=0.05)


@pytest.mark.parametrize("understeer", [1.0, 2.5])
def test_the_embedded_cars_own_steering_is_found(understeer):
    signals = winding_drive(DynamicsScale(understeer=understeer))
    found = calibrate_steering(signals, SALOON.wheelbase)
    assert found.ratio.value == pytest.approx(16.2, rel=0.02)
    assert found.offset.value == pytest.approx(-0.07, abs=0.01)
    assert found.understeer_gradient.value == pytest.approx(understeer * SALOON.understeer_gradient, rel=0.05)


@given(st.floats(-0.5, 0.5), st.floats(0.5, 30.0), st.floats(0.0, 0.01))
def test_curvatures_are_those_of_the_vehicle_model(angle, speed, understeer):
    found = curvature_of(np.array([angle]), np.array([speed]), WHEELBASE, understeer)
    assert found[0] == pytest.approx(curvature_from_tire_angle(angle, speed, WHEELBASE, understeer), abs=1e-6)


GOOD = drive()


def changed(**series: Series) -> Signals:
    return Signals({**GOOD.series, **series})


def part(seconds: float) -> Signals:
    return Signals(
        {name: Series(s.times[s.times < seconds], s.values[s.times < seconds]) for name, s in GOOD.series.items()}
    )


def one_sided() -> Signals:
    turned = np.abs(bends(np.random.default_rng(0)))
    yaw_rate = SPEED * curvature_of(turned, SPEED, WHEELBASE, 0.003)
    return Signals(
        {
            "steering_wheel_angle": Series(TIMES, 17.0 * turned),
            "yaw_rate": Series(TIMES, yaw_rate),
            "speed": Series(TIMES, SPEED),
        }
    )


WHEEL = GOOD.series["steering_wheel_angle"]


@pytest.mark.parametrize(
    ("signals", "reason"),
    [
        (Signals({"speed": Series(TIMES, SPEED)}), "no steering_wheel_angle .* or steering_tire_angle"),
        (part(20.0), "too few samples: .* all known"),
        (changed(speed=Series(TIMES, 0.0 * TIMES)), "the car stands"),
        (changed(speed=Series(TIMES, 0.0 * TIMES + 2.0)), "too slow"),
        (changed(yaw_rate=Series(TIMES, 0.0 * TIMES + 1.0)), "lateral acceleration: drive more gently"),
        (
            changed(
                steering_wheel_angle=Series(TIMES, 0.0 * TIMES + 0.1 + 1e-3 * np.sin(TIMES)),
                yaw_rate=Series(TIMES, SPEED * 1e-3 * np.sin(TIMES) / 17.0 / WHEELBASE),
            ),
            "no excitation: the tyre angle varies",
        ),
        (one_sided(), "100% of the bends go left"),
        (changed(steering_wheel_angle=Series(WHEEL.times, -WHEEL.values)), "wrong sign"),
        (changed(steering_wheel_angle=Series(WHEEL.times, np.degrees(WHEEL.values))), "outside 5..40: wrong unit"),
        (
            changed(yaw_rate=spoilt(np.random.default_rng(1), GOOD.series["yaw_rate"], noise=1.5)),
            "residual too great",
        ),
        (drive(1.3, 0.0, name="steering_tire_angle"), "tyre angle is 1.30. .* times what yaw rate"),
    ],
)
def test_poor_data_are_refused_with_the_reason(signals, reason):
    with pytest.raises(CalibrationError, match=reason):
        calibrate_steering(signals, WHEELBASE)


def test_the_result_fits_a_profile_and_is_told_with_residuals():
    found = calibrate_steering(GOOD, WHEELBASE)
    entries = found.profile()
    profile = VehicleProfile.model_validate(
        SALOON.model_dump() | {"understeer_gradient": entries["understeer_gradient"]}
    )
    assert profile.understeer_gradient == pytest.approx(0.003, rel=0.05)
    assert entries["drive_by_wire.protocol.steering.ratio"] == pytest.approx(17.0, rel=0.02)
    text = "\n".join(found.lines())
    assert "residual" in text
    assert "±" in text
