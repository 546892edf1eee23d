"""The level view shows the same ground in the same place, whatever camera looks at it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.geometry.camera import CameraModel, CameraMount
from sim2real_ad.geometry.ground import ground_under_pixels
from sim2real_ad.geometry.level_view import LevelView, LevelViewSpec, level_camera
from sim2real_ad.observation.adapter import ImageSpec, level_grids
from sim2real_ad.observation.spec import BevSpec

SPEC = LevelViewSpec()
WIDE = CameraModel.from_fov(320, 180, 90.0, CameraMount(x=1.6, z=1.45, pitch_deg=4.0))
BENT = CameraModel(
    width=960, height=540, fx=600.0, fy=604.0, cx=500.0, cy=262.0,
    distortion=(-0.25, 0.06, 0.001, -0.001, 0.0), mount=CameraMount(x=1.2, y=0.3, z=1.3, pitch_deg=-2.0, yaw_deg=3.0),
)  # fmt: skip

mounts = st.builds(
    CameraMount,
    x=st.floats(0.0, 3.0), y=st.floats(-1.0, 1.0), z=st.floats(1.0, 2.5),
    roll_deg=st.floats(-3.0, 3.0), pitch_deg=st.floats(-4.0, 9.0), yaw_deg=st.floats(-6.0, 6.0),
)  # fmt: skip


def chequered(camera: CameraModel) -> np.ndarray:
    """A picture of ground painted in squares of 4 m; the sky is black."""
    ground = np.nan_to_num(ground_under_pixels(camera), nan=-1e3)
    squares = (np.floor(ground / 4.0).sum(axis=-1) % 2).astype(np.uint8)
    picture = np.where(ground[..., 0] > -500.0, 80 + 120 * squares, 0).astype(np.uint8)
    return np.repeat(picture[..., None], 3, axis=2)


@settings(max_examples=30, deadline=None)
@given(mount=mounts, fov=st.floats(40.0, 110.0))
def test_the_level_camera_looks_straight_ahead_with_its_horizon_in_its_row(mount: CameraMount, fov: float) -> None:
    level = level_camera(CameraModel.from_fov(320, 180, fov, mount), SPEC)
    far = level.project(np.array([[1e6, 0.0, 0.0]]))[0][0]
    assert far == pytest.approx((SPEC.width / 2.0, SPEC.horizon), abs=0.1)
    assert (level.width, level.height, level.mount.z) == (SPEC.width, SPEC.height, mount.z)
    assert SPEC.narrowest_deg - 1e-6 <= level.fov_deg <= SPEC.widest_deg + 1e-6


@pytest.mark.parametrize("camera", [WIDE, BENT], ids=["wide", "bent"])
def test_ground_lies_in_the_level_view_where_the_level_camera_would_see_it(camera: CameraModel) -> None:
    view = LevelView(camera, SPEC)
    taken = view.take(chequered(camera))[..., 0].astype(int)
    expected = chequered(view.level)[..., 0].astype(int)
    ahead = ground_under_pixels(view.level)[..., 0]
    near = view.covered() & (ahead < camera.mount.x + 14.0)
    assert near.mean() > 0.15
    assert (np.abs(taken - expected) < 60)[near].mean() > 0.9


def test_a_larger_picture_of_the_same_camera_gives_the_same_view() -> None:
    view = LevelView(WIDE, SPEC)
    small = view.take(chequered(WIDE)).astype(int)
    large = LevelView(WIDE, SPEC).take(chequered(WIDE.scaled(1280, 720))).astype(int)
    assert np.abs(small - large).mean() < 12.0


def test_beyond_the_picture_the_view_is_black_and_known_to_be() -> None:
    narrow = CameraModel.from_fov(320, 180, 30.0, CameraMount(x=1.6, z=1.45, yaw_deg=5.0))
    view = LevelView(narrow, SPEC)
    taken = view.take(np.full((180, 320, 3), 200, np.uint8))
    covered = view.covered()
    assert 0.1 < covered.mean() < 0.9
    assert (taken[covered] > 90).all()
    assert not taken[~covered].max(axis=-1, initial=0).min(initial=0)
    assert taken[~covered].mean() < 10.0


@pytest.mark.parametrize("camera", [WIDE, BENT], ids=["wide", "bent"])
def test_what_is_laid_back_lies_where_it_was_taken_from(camera: CameraModel) -> None:
    view = LevelView(camera, SPEC)
    ramp = np.linspace(0.0, 1.0, camera.width, dtype=np.float32)
    picture = np.repeat(np.repeat((255 * ramp).astype(np.uint8)[None, :, None], camera.height, 0), 3, 2)
    back = view.lay_back(view.take(picture)[None, ..., 0].astype(np.float32), camera.width, camera.height)[0]
    inner = np.isfinite(back)
    inner[:, :40] = inner[:, -40:] = False
    inner[:20] = inner[-20:] = False
    assert inner.mean() > 0.3
    assert np.abs(back - picture[..., 0])[inner].max() < 8.0
    assert np.isnan(view.lay_back(np.zeros((1, 40, 96), np.float32), camera.width, camera.height)[0]).any()


@pytest.mark.parametrize(("width", "halvings"), [(320, 0), (480, 0), (640, 1), (960, 1), (1280, 2), (2560, 3)])
def test_a_picture_much_finer_than_the_view_is_halved_until_it_is_not(width: int, halvings: int) -> None:
    view = LevelView(WIDE, SPEC)
    assert view.halvings(width, width * 9 // 16) == halvings


def test_a_checkered_picture_far_finer_than_the_view_comes_out_grey() -> None:
    checkered = np.indices((720, 1280)).sum(axis=0) % 2 * np.uint8(255)
    view = LevelView(WIDE, SPEC)
    taken = view.take(np.repeat(checkered[..., None], 3, axis=2).astype(np.uint8))
    assert np.ptp(taken[2:-2, 2:-2][view.covered()[2:-2, 2:-2]].astype(int)) <= 1


def test_cells_outside_of_the_picture_or_of_the_level_view_are_not_valid() -> None:
    spec, image = BevSpec(), ImageSpec()
    grids = level_grids(WIDE, image, spec)
    rows, columns = spec.shape[1:]
    seen = grids.validity > 0
    of_four = seen.reshape(rows // 2, 2, columns // 2, 2).any(axis=(1, 3))
    assert grids.ground.shape == (rows, columns, 2)
    assert grids.above.shape == (rows // 2, columns // 2, 2)
    assert (np.abs(grids.ground[seen]) <= 1.0).all()
    assert (grids.ground[~seen] < -1.5).all()
    assert (grids.above[~of_four] < -1.5).all()
    narrow = WIDE.model_copy(update={"fx": 400.0, "fy": 400.0})
    assert (level_grids(narrow, image, spec).validity > 0).sum() < 0.75 * seen.sum()


def test_what_stands_on_a_cell_is_higher_in_the_view_than_its_ground() -> None:
    fine, coarse = BevSpec(resolution=0.5), BevSpec(resolution=1.0)
    above, ground = level_grids(WIDE, ImageSpec(above=1.0), fine).above, level_grids(WIDE, ImageSpec(), coarse).ground
    both = (above[..., 1] > -1.5) & (ground[..., 1] > -1.5)
    above, ground = above[both], ground[both]
    np.testing.assert_allclose(ground[:, 0], above[:, 0], atol=1e-4)
    assert (above[:, 1] < ground[:, 1]).all()


def test_the_own_body_is_black_in_the_view_not_valid_on_the_ground_and_nothing_is_laid_back_on_it() -> None:
    bonnet = ((0.0, 120.0), (320.0, 120.0), (320.0, 180.0), (0.0, 180.0))
    camera = WIDE.model_copy(update={"own_body": bonnet})
    view, spec = LevelView(camera, SPEC), BevSpec()
    hidden = LevelView(WIDE, SPEC).covered() & ~view.covered()
    assert hidden.any()
    assert not view.take(np.full((180, 320, 3), 200, np.uint8))[hidden].any()
    free, masked = (level_grids(c, ImageSpec(), spec).validity > 0 for c in (WIDE, camera))
    assert (masked <= free).all()
    assert (free & ~masked).any()
    laid = view.lay_back(np.ones((1, 28, 80), np.float32), 320, 180)[0]
    assert np.isnan(laid[121:]).all()
    assert np.isfinite(laid[100:119, 100:220]).all()
