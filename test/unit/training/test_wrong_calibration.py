"""What the doubts about a calibration are taught on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("panda3d", reason="the collection renders, which needs the sim extra")

from sim2real_ad.geometry.camera import CameraModel, CameraMount
from sim2real_ad.geometry.ground import rays_in_base
from sim2real_ad.geometry.level_view import level_camera
from sim2real_ad.observation.adapter import ImageSpec
from sim2real_ad.training.collect import misfit, seen_through

IMAGE = ImageSpec()
CAMERA = CameraModel.from_fov(320, 180, 90.0, CameraMount(x=1.6, z=1.45, pitch_deg=4.0))


def far_along(camera: CameraModel, rays: np.ndarray) -> np.ndarray:
    return camera.project(1e4 * rays + (camera.mount.x, camera.mount.y, camera.mount.z))[0]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_picture_of_a_misfit_is_what_the_level_view_would_take_from_the_actual_cameras_picture(seed):
    calibration = misfit(CAMERA, np.random.default_rng(seed))
    level, shown = level_camera(calibration, IMAGE), seen_through(calibration, CAMERA, IMAGE)
    asked = np.stack(np.meshgrid(np.linspace(120.0, 200.0, 5), np.linspace(20.0, 70.0, 5)), -1).reshape(-1, 2)
    pixels = far_along(calibration, rays_in_base(level, asked))
    found = far_along(shown, rays_in_base(CAMERA, pixels))
    # A roll about the optical axis, 4 degrees below the level one, is taken for one about the level axis.
    assert np.abs(found - asked).max() < 4.0


def test_a_right_calibration_shows_the_level_view_itself():
    assert seen_through(CAMERA, CAMERA, IMAGE) == level_camera(CAMERA, IMAGE)


@given(seed=st.integers(0, 10_000))
def test_a_misfit_is_gross_and_keeps_the_place_of_the_mount(seed):
    calibration = misfit(CAMERA, np.random.default_rng(seed))
    pitch, roll = (
        abs(getattr(calibration.mount, f"{a}_deg") - getattr(CAMERA.mount, f"{a}_deg")) for a in ("pitch", "roll")
    )
    zoom = max(calibration.fx / CAMERA.fx, CAMERA.fx / calibration.fx)
    assert pitch >= 3.0 or roll >= 4.0 or zoom >= 1.25
    assert (calibration.mount.x, calibration.mount.z) == (1.6, 1.45)
