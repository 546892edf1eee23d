import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.geometry.frames import map_from_base
from sim2real_ad.observation.route import foot_on_route, route_ahead
from sim2real_ad.types import Pose2

STRAIGHT = np.column_stack((np.arange(0.0, 101.0), np.zeros(101)))


@given(x=st.floats(0, 100), y=st.floats(-4, 4), yaw=st.floats(-0.5, 0.5))
def test_the_foot_is_the_nearest_point_of_the_route(x, y, yaw):
    assert foot_on_route(STRAIGHT, Pose2(x, y, yaw)) == pytest.approx(x, abs=1e-6)


@given(x=st.floats(0, 50), y=st.floats(-4, 4), yaw=st.floats(-1.0, 1.0))
def test_points_ahead_lie_on_the_route_at_even_spacing(x, y, yaw):
    pose = Pose2(x, y, yaw)
    ahead = route_ahead(STRAIGHT, pose, 24, 2.0)
    assert ahead.dtype == np.float32
    expected = np.column_stack((x + 2.0 * np.arange(24), np.zeros(24)))
    np.testing.assert_allclose(map_from_base(ahead, pose), expected, atol=1e-4)


def test_beyond_its_end_the_route_goes_on_straight():
    corner = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 5.0]])
    ahead = route_ahead(corner, Pose2(10.0, 4.0, math.pi / 2), 4, 2.0)
    np.testing.assert_allclose(ahead, [[0, 0], [2, 0], [4, 0], [6, 0]], atol=1e-6)


def test_where_a_route_crosses_itself_the_part_along_the_cars_heading_counts():
    angle = np.linspace(0.0, 2.0 * np.pi, 200)
    eight = np.column_stack((30.0 * np.sin(angle), 30.0 * np.sin(angle) * np.cos(angle)))
    tangent = math.atan2(*(eight[1] - eight[0])[::-1])
    length = np.hypot(*np.diff(eight, axis=0).T).sum()
    assert foot_on_route(eight, Pose2(0.1, 0.1, tangent)) < 1.0
    assert foot_on_route(eight, Pose2(-0.1, 0.1, math.pi - tangent)) == pytest.approx(length / 2, abs=1.0)
