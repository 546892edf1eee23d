"""Whose eyes a bag was seen through."""

from types import SimpleNamespace as Message

import pytest

from sim2real_ad.errors import CalibrationError
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.replay.camera import choose_camera

OURS = load_camera("default")


def info(focal: float, width: int = OURS.width, height: int = OURS.height, **more) -> Message:
    matrix = (focal, 0.0, width / 2.0, 0.0, focal, height / 2.0, 0.0, 0.0, 1.0)
    return Message(**({"width": width, "height": height, "k": matrix, "d": [], "distortion_model": "plumb_bob"} | more))


def test_the_bags_own_calibration_that_agrees_with_the_default_cameras_leaves_nothing_to_assume():
    assert choose_camera("", info(OURS.fx)) == (OURS, "")


def test_a_bag_without_calibration_is_taken_for_the_default_camera_and_that_is_told():
    camera, assumed = choose_camera("", None)
    assert camera == OURS
    assert "no camera_info and no --camera" in assumed


def test_another_cameras_numbers_are_used_on_the_default_mount_which_is_told():
    camera, assumed = choose_camera("", info(900.0, 1280, 720, d=[-0.2, 0.05, 0.0, 0.0]))
    assert (camera.fx, camera.width, camera.mount) == (900.0, 1280, OURS.mount)
    assert camera.distortion == (-0.2, 0.05, 0.0, 0.0, 0.0)
    assert "mount assumed" in assumed


def test_a_named_camera_that_the_bag_contradicts_is_an_error_with_both_focal_lengths():
    with pytest.raises(CalibrationError, match=r"900\.0.*the calibration"):
        choose_camera("default", info(900.0))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (info(900.0, distortion_model="equidistant", d=[0.1, 0.0, 0.0, 0.0]), "'equidistant'"),
        (info(0.5, 1280, 720), "impossible"),
    ],
)
def test_numbers_that_no_camera_has_are_refused(wrong, message):
    with pytest.raises(CalibrationError, match=message):
        choose_camera("", wrong)
