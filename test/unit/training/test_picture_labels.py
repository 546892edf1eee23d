import math

import numpy as np
import pytest

pytest.importorskip("panda3d", reason="the renderer needs the sim extra")

from sim2real_ad.geometry.camera import CameraModel, CameraMount
from sim2real_ad.observation.segments import SEGMENTS
from sim2real_ad.training.picture_labels import level_of, segments_of
from sim2real_ad.world.protocol import SEMANTIC_CLASSES

CAMERA = CameraModel.from_fov(320, 180, 90.0, CameraMount(x=1.6, z=1.45, pitch_deg=4.0))


def turned(**degrees: float) -> CameraModel:
    mount = CAMERA.mount
    return CAMERA.model_copy(
        update={"mount": mount.model_copy(update={k: getattr(mount, k) + v for k, v in degrees.items()})}
    )


def test_a_block_shows_what_most_of_it_shows_unless_a_small_thing_fills_a_fifth_of_it():
    semantic = np.full((8, 8), SEMANTIC_CLASSES.index("drivable"), np.uint8)
    semantic[1, 1] = SEMANTIC_CLASSES.index("vehicle")
    semantic[4:, :4] = SEMANTIC_CLASSES.index("vehicle")
    semantic[4, :4] = SEMANTIC_CLASSES.index("pedestrian")
    semantic[6, 6] = SEMANTIC_CLASSES.index("obstacle")
    semantic[0, 4:] = SEMANTIC_CLASSES.index("lane_marking")
    names = [[SEGMENTS[i] for i in row] for row in segments_of(semantic)]
    assert names == [["drivable", "lane_marking"], ["pedestrian", "drivable"]]


def test_what_no_segment_is_named_for_counts_as_other():
    sky = np.full((4, 4), SEMANTIC_CLASSES.index("building"), np.uint8)
    assert SEGMENTS[segments_of(sky)[0, 0]] == "other"
    assert SEGMENTS[segments_of(np.full((4, 4), SEMANTIC_CLASSES.index("pavement"), np.uint8))[0, 0]] == "pavement"


def test_a_camera_that_sits_as_calibrated_has_nothing_to_level():
    np.testing.assert_allclose(level_of(CAMERA, CAMERA, (0.0, 0.0)), 0.0, atol=1e-6)


@pytest.mark.parametrize("turn", [-1.5, 0.7])
def test_a_nose_down_camera_or_body_moves_the_ground_up_in_the_picture(turn):
    right, down, roll = level_of(CAMERA, turned(pitch_deg=turn), (0.0, 0.0))
    assert down == pytest.approx(-2.0 * 160.0 * math.radians(turn) / 180.0, rel=0.1)
    assert abs(right) < 0.01
    assert abs(roll) < 0.01
    assert level_of(CAMERA, CAMERA, (math.radians(turn), 0.0))[1] == pytest.approx(down, rel=0.1)


def test_a_camera_turned_left_moves_the_ground_to_the_right():
    right, _, _ = level_of(CAMERA, turned(yaw_deg=1.0), (0.0, 0.0))
    assert right == pytest.approx(2.0 * 160.0 * math.radians(1.0) / 320.0, rel=0.35)


def test_a_camera_rolled_right_side_down_turns_the_picture():
    _, _, roll = level_of(CAMERA, turned(roll_deg=2.0), (0.0, 0.0))
    assert abs(roll) == pytest.approx(math.radians(2.0) * 320.0 / 180.0, rel=0.2)


def test_the_level_leads_from_the_calibrated_to_the_true_place_in_the_picture():
    mounted = turned(pitch_deg=0.8, roll_deg=0.5, yaw_deg=-0.4)
    right, down, turn = level_of(CAMERA, mounted, (0.0, 0.0))
    points = np.array([[10.0, 2.0, 0.0], [20.0, -3.0, 0.0], [30.0, 0.0, 0.0]])
    size = np.array([CAMERA.width, CAMERA.height])
    x, y = (2.0 * CAMERA.project(points)[0] / size - 1.0).T
    true_x, true_y = (2.0 * mounted.project(points)[0] / size - 1.0).T
    np.testing.assert_allclose(x + right, true_x, atol=0.015)
    np.testing.assert_allclose(y + down + turn * x, true_y, atol=0.006)
