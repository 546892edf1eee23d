import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.geometry.camera import CameraModel, CameraMount
from sim2real_ad.observation.pitch_monitor import RISE_AT, PitchMonitor, PitchReader, PitchReading

CALIBRATED = CameraModel.from_fov(640, 360, 60.0, CameraMount(x=1.6, z=1.4, pitch_deg=2.0))
BARREL = (-0.25, 0.04, 0.0, 0.0, 0.0)
TENTH_S = 100_000_000


def pitched(camera: CameraModel, error_deg: float, yaw_deg: float = 0.0) -> CameraModel:
    """The camera as it really sits."""
    mount = camera.mount.model_copy(
        update={"pitch_deg": camera.mount.pitch_deg + error_deg, "yaw_deg": camera.mount.yaw_deg + yaw_deg}
    )
    return camera.model_copy(update={"mount": mount})


def photograph(
    camera: CameraModel,
    lines: tuple[float, ...] = (-5.2, -1.7, 1.8),
    *,
    bend: float = 0.0,
    climb: float = 0.0,
    dash: bool = False,
) -> np.ndarray:
    """Draw stripes 0.15 m wide on grey ground, seen by a camera, four times oversampled.

    bend: curvature of the road, 1/m; climb: its vertical curvature, 1/m.
    """
    large = camera.scaled(4 * camera.width, 4 * camera.height)
    picture = np.full((large.height, large.width), 90, np.uint8)
    for line in lines:
        for near in np.arange(2.0, 80.0, 0.5):
            if dash and line == lines[1] and near % 12.0 > 6.0:
                continue
            corners = [
                (x, line + side)
                for x, side in ((near, 0.075), (near + 0.5, 0.075), (near + 0.5, -0.075), (near, -0.075))
            ]
            points = np.array([(1.6 + x, y + 0.5 * bend * x * x, 0.5 * climb * x * x) for x, y in corners])
            pixels, seen = large.project(points)
            if seen.all():
                cv2.fillConvexPoly(picture, np.round(pixels * 16).astype(np.int32), 230, cv2.LINE_AA, 4)
    small = cv2.resize(picture, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(0).normal(0.0, 2.0, small.shape)
    return np.repeat(np.clip(small + noise, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


@settings(max_examples=25)
@given(st.floats(-1.5, 1.0), st.floats(-2.0, 2.0), st.floats(-0.004, 0.004))
def test_a_pitch_error_is_read_whatever_the_heading_and_the_bend_of_the_road(error, yaw, bend):
    reading = PitchReader(CALIBRATED).read(photograph(pitched(CALIBRATED, error, yaw), bend=bend))
    assert reading is not None
    assert reading.error_deg == pytest.approx(error, abs=max(0.2, 3.0 * reading.sigma_deg))
    assert reading.sigma_deg < 0.5


def test_a_right_calibration_is_read_as_level_and_flat():
    reading = PitchReader(CALIBRATED).read(photograph(CALIBRATED))
    assert reading.error_deg == pytest.approx(0.0, abs=0.1)
    assert reading.rise_deg == pytest.approx(0.0, abs=0.3)
    assert reading.lines == 3


@pytest.mark.parametrize("error", [-1.0, 0.7])
def test_a_bent_lens_is_no_pitch_error_and_hides_none(error):
    bent = CALIBRATED.model_copy(update={"distortion": BARREL})
    reading = PitchReader(bent).read(photograph(pitched(bent, error)))
    assert reading.error_deg == pytest.approx(error, abs=0.2)


def test_broken_lines_tell_as_much():
    reading = PitchReader(CALIBRATED).read(photograph(pitched(CALIBRATED, -0.8), dash=True))
    assert reading.lines == 3
    assert reading.error_deg == pytest.approx(-0.8, abs=0.2)


@pytest.mark.parametrize("climb", [-0.0012, 0.0012], ids=["downhill ahead", "uphill ahead"])
def test_rising_ground_is_told_from_a_pitch_error(climb):
    reading = PitchReader(CALIBRATED).read(photograph(CALIBRATED, climb=climb))
    expected = math.degrees(climb * RISE_AT)
    assert 0.4 < reading.rise_deg / expected < 1.4
    assert abs(reading.error_deg) < 0.35 * abs(expected)


@pytest.mark.parametrize(
    "lines", [(), (1.8,), (1.2, 2.0), (7.0, 9.4)], ids=["none", "one", "two too near", "beyond the next lane"]
)
def test_without_two_lines_apart_the_road_tells_nothing(lines):
    assert PitchReader(CALIBRATED).read(photograph(CALIBRATED, lines)) is None


def test_a_black_and_a_noisy_picture_tell_nothing():
    reader = PitchReader(CALIBRATED)
    assert reader.read(np.zeros((360, 640, 3), np.uint8)) is None
    assert reader.read(np.random.default_rng(0).integers(0, 256, (360, 640, 3), dtype=np.uint8)) is None


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(ValueError, match="640x480, the camera is 640x360"):
        PitchReader(CALIBRATED).read(np.zeros((480, 640, 3), np.uint8))


def reading_of(error: float, *, rise: float = 0.0, sigma: float = 0.2) -> PitchReading:
    return PitchReading(error, sigma, rise, 0.3, 3)


def run(monitor: PitchMonitor, errors: list[float], start: int = 1) -> list:
    return [monitor.step((start + n) * TENTH_S, reading_of(error)) for n, error in enumerate(errors)]


@given(st.floats(-4.0, 4.0))
def test_the_rocking_of_the_body_averages_out(error):
    rocking = [error + 1.0 * math.sin(0.8 * n) for n in range(100)]
    state = run(PitchMonitor(), rocking)[-1]
    assert state.error_deg == pytest.approx(error, abs=0.35)
    if abs(error) > 2.2:
        assert state.verdict == "off"
    if abs(error) < 1.4:
        assert state.verdict == "level"


def test_the_first_readings_decide_nothing():
    states = run(PitchMonitor(), [3.0] * 30)
    assert states[0].verdict == "unknown"
    assert states[-1].verdict == "off"
    assert [s.sigma_deg for s in states] == sorted((s.sigma_deg for s in states), reverse=True)


def test_without_readings_certainty_fades_and_the_error_stays():
    monitor = PitchMonitor()
    known = run(monitor, [2.5] * 50)[-1]
    later = monitor.step(51 * TENTH_S + 300 * 10**9, None)
    assert later.error_deg == known.error_deg
    assert later.sigma_deg > known.sigma_deg
    assert later.verdict == "unknown"


def test_stamps_that_go_back_start_a_new_drive():
    monitor = PitchMonitor()
    run(monitor, [2.5] * 50, start=1000)
    assert monitor.step(TENTH_S, None).verdict == "unknown"
    assert monitor.step(2 * TENTH_S, reading_of(0.0)).error_deg == pytest.approx(0.0)


def test_ground_that_surely_is_not_flat_is_said_at_once():
    monitor = PitchMonitor(limit_deg=1.5)
    assert monitor.step(TENTH_S, reading_of(0.0, rise=3.0)).verdict == "uneven"
    assert monitor.step(2 * TENTH_S, reading_of(0.0, rise=1.7)).verdict != "uneven"
