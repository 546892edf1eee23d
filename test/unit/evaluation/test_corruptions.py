import math

import numpy as np
import pytest

from sim2real_ad.evaluation.corruptions import CORRUPTIONS, miscalibrated, turned_aside
from sim2real_ad.geometry.camera import check_camera, load_camera

RGB = np.random.default_rng(0).integers(60, 256, (90, 160, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_keeps_the_form_and_the_original_and_is_the_same_for_the_same_random_numbers(name):
    before = RGB.copy()
    first, again = (CORRUPTIONS[name](RGB, np.random.default_rng(1)) for _ in range(2))
    assert first.shape == RGB.shape
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert np.array_equal(RGB, before)
    assert np.abs(first.astype(int) - RGB).mean() > 10.0


def test_each_corruption_is_what_it_is_called():
    random = np.random.default_rng(2)
    assert CORRUPTIONS["blackout"](RGB, random).mean() < 3.0
    assert CORRUPTIONS["heavy blur"](RGB, random).std() < 0.2 * RGB.std()
    for _ in range(20):
        hidden = (CORRUPTIONS["occlusion"](RGB, random) != RGB).any(axis=-1).mean()
        assert 0.1 < hidden < 0.55


def test_a_wrong_calibration_is_grossly_wrong_and_yet_possible():
    camera = load_camera("default")
    for seed in range(60):
        wrong = check_camera(miscalibrated(camera, np.random.default_rng(seed)), "wrong")
        pitch = abs(wrong.mount.pitch_deg - camera.mount.pitch_deg)
        roll = abs(wrong.mount.roll_deg - camera.mount.roll_deg)
        zoom = max(wrong.fx / camera.fx, camera.fx / wrong.fx)
        assert pitch >= 4.0 or roll >= 5.0 or zoom >= 1.33


def test_a_camera_turned_aside_shows_the_same_moved_by_its_angle_to_either_side():
    camera, sides = load_camera("default"), set()
    rgb = np.random.default_rng(0).integers(1, 256, (camera.height, camera.width, 3), dtype=np.uint8)
    for seed in range(30):
        turned = turned_aside(rgb, camera, np.random.default_rng(seed))
        dark = (turned == 0).all(axis=(0, 2))
        columns = int(dark.sum())
        assert math.degrees(math.atan((columns + 0.5) / camera.fx)) >= 6.0
        assert math.degrees(math.atan((columns - 0.5) / camera.fx)) <= 12.0
        shown = rgb[:, columns:] if dark[-1] else rgb[:, :-columns]
        assert np.array_equal(turned[:, ~dark], shown)
        sides.add(bool(dark[-1]))
    assert sides == {True, False}
