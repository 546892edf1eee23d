"""A camera's pitch, yaw and height from driving straight: made-up roads whose camera is known, and a real one."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_up_pictures import ROAD_CAMERA, drive, guessed, road

from sim2real_ad.calibration.ground_flow import GroundFlow
from sim2real_ad.calibration.mount import DriveFrame, calibrate_mount
from sim2real_ad.errors import CalibrationError
from sim2real_ad.geometry.camera import load_camera

LANE = 3.5
REAL_ROAD = Path(os.environ.get("S2R_REAL_ROAD", Path(__file__).resolve().parents[4] / "shared" / "data" / "real_road"))


@pytest.fixture(scope="module")
def frames():
    return drive(ROAD_CAMERA, 10)


@pytest.mark.parametrize(("pitch", "yaw", "height"), [(1.5, -1.0, 0.85), (-2.5, 1.0, 1.15)])
def test_pitch_yaw_and_height_come_back_whatever_was_guessed(frames, pitch, yaw, height):
    found = calibrate_mount(frames, guessed(pitch, yaw, height), LANE)
    assert found.pitch_deg.value == pytest.approx(ROAD_CAMERA.mount.pitch_deg, abs=0.1)
    assert found.yaw_deg.value == pytest.approx(ROAD_CAMERA.mount.yaw_deg, abs=0.1)
    assert found.height.value == pytest.approx(ROAD_CAMERA.mount.z, rel=0.02)
    assert found.camera.mount.z == pytest.approx(found.height.value, abs=1e-3)
    told = "\n".join(found.lines())
    assert "±" in told
    assert "RMS" in told


def test_without_a_lane_width_the_ground_tells_the_height():
    found = calibrate_mount(drive(ROAD_CAMERA, 16), guessed(0.5, 0.0, 0.85))
    assert found.height.value == pytest.approx(ROAD_CAMERA.mount.z, rel=0.03)
    assert "flow" in found.height_by


def test_on_ground_without_grain_a_ruler_is_asked_for():
    found = calibrate_mount(drive(ROAD_CAMERA, 8, grain=0.0, lines=(-1.7, 9.0, 1.8)), guessed(0.5, 0.0, 0.9))
    assert found.height is None
    assert "measure it, or give --lane-width" in found.height_by
    assert found.camera.mount.z == guessed(0.5, 0.0, 0.9).mount.z


def test_without_odometry_all_is_taken_for_straight_and_that_is_told(frames):
    unknown = [DriveFrame(frame.time_s, frame.rgb) for frame in frames]
    found = calibrate_mount(unknown, guessed(1.0))
    assert found.pitch_deg.value == pytest.approx(ROAD_CAMERA.mount.pitch_deg, abs=0.1)
    assert "no odometry" in found.notes[0]
    assert found.height is None


def at(frames, **change):
    return [
        DriveFrame(f.time_s, f.rgb, **{"speed": 10.0, "yaw_rate": 0.0, "acceleration": 0.0, **change}) for f in frames
    ]


@pytest.mark.parametrize(
    ("change", "camera", "lane", "reason"),
    [
        ({"speed": 0.0}, guessed(), LANE, "too few pictures: 0 of 20 of driving straight"),
        ({"yaw_rate": 0.1}, guessed(), LANE, "too few pictures: 0 of 20"),
        ({"acceleration": -2.0}, guessed(), LANE, "too few pictures: 0 of 20"),
        ({}, guessed(), 6.5, "too few readings: 0 pictures show both lines of a 6.5 m lane"),
    ],
)
def test_poor_drives_are_refused_with_the_reason(frames, change, camera, lane, reason):
    with pytest.raises(CalibrationError, match=reason):
        calibrate_mount(at(frames, **change), camera, lane)


def test_a_road_without_lines_is_refused():
    bare = [DriveFrame(float(n), road(ROAD_CAMERA, 10.0 * n, ()), 10.0, 0.0, 0.0) for n in range(16)]
    with pytest.raises(CalibrationError, match="too few readings: 0 of 16 pictures show two lane"):
        calibrate_mount(bare, guessed(), LANE)


def test_the_grounds_shift_is_the_way_driven_where_the_camera_is_right():
    flow = GroundFlow(ROAD_CAMERA)
    for driven in (0.3, 0.52, 0.9):
        assert flow.ratio(road(ROAD_CAMERA, 3.0), road(ROAD_CAMERA, 3.0 + driven), driven) == pytest.approx(
            1.0, abs=0.02
        )


def test_other_ground_and_a_standing_car_tell_nothing():
    flow = GroundFlow(ROAD_CAMERA)
    assert flow.ratio(road(ROAD_CAMERA, 3.0), road(ROAD_CAMERA, 60.0), 0.5) is None
    assert flow.ratio(road(ROAD_CAMERA, 3.0), road(ROAD_CAMERA, 3.0), 0.0) is None


def test_a_real_motorway_tells_how_its_camera_sits():
    video = REAL_ROAD / "highway_960x540.mp4"
    if not video.is_file():
        pytest.skip(f"no {video}; S2R_REAL_ROAD names another folder")
    capture, frames = cv2.VideoCapture(str(video)), []
    for number in range(221):
        done, bgr = capture.read()
        if done and number % 9 == 0:
            frames.append(DriveFrame(number / 25.0, np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)))
    camera = load_camera("dashcam_960x540")
    off = camera.off_by(pitch_deg=1.0)
    found = calibrate_mount(frames, off, 3.7)
    assert found.pitch_deg.value == pytest.approx(camera.mount.pitch_deg, abs=0.5)
    assert found.height.value == pytest.approx(camera.mount.z, rel=0.1)
