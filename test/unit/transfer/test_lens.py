"""Another lens shows the world where its calibration says, and another sensor spoils it the same way every time."""

from __future__ import annotations

import numpy as np
import pytest

from sim2real_ad.errors import CalibrationError
from sim2real_ad.geometry.camera import CameraModel, load_camera
from sim2real_ad.world.lens import Lens, is_ideal, rendered_camera
from sim2real_ad.world.target_domain import SensorEffects

TARGET = load_camera("target_lens")
IDEAL = load_camera("default")


def dotted(camera: CameraModel, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a black picture with a soft white dot at every base_link point, and the dots' pixels."""
    pixels, seen = camera.project(points)
    assert seen.all()
    v, u = np.mgrid[: camera.height, : camera.width] + 0.5
    distance = np.hypot(u[..., None] - pixels[:, 0], v[..., None] - pixels[:, 1]).min(axis=-1)
    grey = (255.0 * np.exp(-((distance / 2.0) ** 2))).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1), pixels


def test_a_thing_is_seen_where_the_distorted_calibration_says() -> None:
    lens = Lens(TARGET, SensorEffects())
    points = np.array([[12.0, 0.0, 0.0], [15.0, 6.0, 1.0], [10.0, -4.5, 0.5], [9.0, 3.0, 2.5]])
    picture, _ = dotted(lens.rendered, points)
    taken = lens.take(picture, seed=0, sequence=0)
    assert taken.shape == (TARGET.height, TARGET.width, 3)
    pixels, seen = TARGET.project(points)
    assert seen.all()
    v, u = np.mgrid[: TARGET.height, : TARGET.width] + 0.5
    for x, y in pixels:
        near = taken[..., 0] * (np.hypot(u - x, v - y) < 8.0)
        middle = np.array([(near * u).sum(), (near * v).sum()]) / near.sum()
        assert np.hypot(*(middle - (x, y))) < 0.3


def test_the_drawn_picture_reaches_every_corner_of_the_lens() -> None:
    lens = Lens(TARGET, SensorEffects())
    white = np.full((lens.rendered.height, lens.rendered.width, 3), 255, np.uint8)
    assert (lens.take(white, 0, 0) == 255).all()
    assert is_ideal(lens.rendered)
    assert lens.rendered.mount == TARGET.mount


def test_an_ideal_camera_without_effects_is_left_alone_to_the_bit() -> None:
    lens = Lens(IDEAL, SensorEffects())
    picture = np.random.default_rng(1).integers(0, 256, (IDEAL.height, IDEAL.width, 3), np.uint8)
    assert rendered_camera(IDEAL) is IDEAL
    assert lens.take(picture, 3, 4) is picture


def test_noise_is_that_of_seed_and_frame() -> None:
    grey = np.full((IDEAL.height, IDEAL.width, 3), 120, np.uint8)
    lens = Lens(IDEAL, SensorEffects(noise=6.0))
    first = lens.take(grey, 1, 5)
    assert (first == Lens(IDEAL, SensorEffects(noise=6.0)).take(grey, 1, 5)).all()
    assert (first != lens.take(grey, 1, 6)).mean() > 0.5
    assert (first != lens.take(grey, 2, 5)).mean() > 0.5
    assert float(first.std()) == pytest.approx(6.0, abs=0.3)


def test_a_vignette_darkens_the_corners_and_not_the_middle() -> None:
    grey = np.full((IDEAL.height, IDEAL.width, 3), 200, np.uint8)
    taken = Lens(IDEAL, SensorEffects(vignetting=0.4)).take(grey, 0, 0)
    assert taken[90, 160, 0] == 200
    assert int(taken[0, 0, 0]) == pytest.approx(120, abs=2)


@pytest.mark.parametrize("effects", [SensorEffects(blur_px=1.5), SensorEffects(jpeg_quality=20)])
def test_blur_and_compression_change_what_is_sharp(effects: SensorEffects) -> None:
    sharp = np.zeros((IDEAL.height, IDEAL.width, 3), np.uint8)
    sharp[:, ::3] = 255
    taken = Lens(IDEAL, effects).take(sharp, 0, 0)
    assert taken.shape == sharp.shape
    assert np.abs(taken.astype(int) - sharp).mean() > 1.0


def test_a_lens_wider_than_a_pinhole_can_draw_is_refused() -> None:
    wide = TARGET.model_copy(update={"fx": 40.0, "fy": 40.0, "distortion": (0.0,) * 5})
    with pytest.raises(CalibrationError, match="150"):
        rendered_camera(wide)
