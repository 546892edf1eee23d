import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.geometry.frames import base_from_map, map_from_base, wrap_angle
from sim2real_ad.types import Pose2

metres = st.floats(-1e4, 1e4)
poses = st.builds(Pose2, metres, metres, st.floats(-10.0, 10.0))


@given(st.floats(-1e4, 1e4))
def test_a_wrapped_angle_is_the_same_direction_within_half_a_turn(angle):
    wrapped = wrap_angle(angle)
    assert -math.pi <= wrapped < math.pi
    assert math.cos(wrapped) == pytest.approx(math.cos(angle), abs=1e-9)
    assert math.sin(wrapped) == pytest.approx(math.sin(angle), abs=1e-9)


@pytest.mark.parametrize(
    ("angle", "wrapped"), [(math.pi, -math.pi), (-math.pi, -math.pi), (0.0, 0.0), (7.0, 7 - 2 * math.pi)]
)
def test_half_a_turn_wraps_to_the_negative_end(angle, wrapped):
    assert wrap_angle(angle) == pytest.approx(wrapped)


@given(poses, st.lists(st.tuples(metres, metres), min_size=1, max_size=5))
def test_to_base_link_and_back_is_the_identity(pose, points):
    array = np.array(points)
    assert map_from_base(base_from_map(array, pose), pose) == pytest.approx(array, abs=1e-7)
    assert base_from_map(map_from_base(array, pose), pose) == pytest.approx(array, abs=1e-7)


def test_x_is_ahead_and_y_is_to_the_left():
    north = Pose2(10.0, 20.0, math.pi / 2)
    assert base_from_map(np.array([10.0, 25.0]), north) == pytest.approx([5.0, 0.0])
    assert base_from_map(np.array([7.0, 20.0]), north) == pytest.approx([0.0, 3.0])
    assert map_from_base(np.array([5.0, 3.0]), north) == pytest.approx([7.0, 25.0])


@pytest.mark.parametrize("shape", [(2,), (0, 2), (4, 2), (3, 5, 2)])
def test_shapes_are_kept_and_integers_and_float32_become_float64(shape):
    for dtype in (np.int64, np.float32, np.float64):
        points = np.zeros(shape, dtype)
        for transformed in (base_from_map(points, Pose2(1.0, 2.0, 0.3)), map_from_base(points, Pose2(1.0, 2.0, 0.3))):
            assert transformed.shape == shape
            assert transformed.dtype == np.float64


def test_distances_are_kept():
    points = np.array([[3.0, 4.0], [-2.0, 7.5]])
    moved = map_from_base(points, Pose2(-8.0, 3.0, 2.1))
    assert np.linalg.norm(moved[0] - moved[1]) == pytest.approx(np.linalg.norm(points[0] - points[1]))
