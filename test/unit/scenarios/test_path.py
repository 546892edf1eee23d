"""Paths: from station to pose and back."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.world.path import Path, bend_speeds

RADIUS = 20.0


def circle() -> Path:
    """Three quarters of a left-hand circle about (0, RADIUS), from the origin along +x."""
    angles = np.linspace(0.0, 1.5 * math.pi, 200)
    return Path(np.stack((RADIUS * np.sin(angles), RADIUS * (1.0 - np.cos(angles))), axis=-1))


@given(station=st.floats(0.5, 93.0), lateral=st.floats(-5.0, 5.0), miss=st.floats(-8.0, 8.0))
def test_the_foot_of_a_pose_is_the_station_it_came_from(station: float, lateral: float, miss: float) -> None:
    path = circle()
    x, y, _ = path.pose(station, lateral)
    found, beside = path.foot(x, y, station + miss)
    assert found == pytest.approx(station, abs=0.15)
    assert beside == pytest.approx(lateral, abs=0.02)


@given(station=st.floats(0.5, 93.0), lateral=st.floats(-5.0, 5.0))
def test_the_nearest_place_on_the_whole_path_needs_no_hint(station: float, lateral: float) -> None:
    path = circle()
    x, y, _ = path.pose(station, lateral)
    assert path.nearest(x, y)[0] == pytest.approx(station, abs=0.15)


@given(station=st.floats(1.0, 93.0))
def test_headings_and_places_follow_the_circle(station: float) -> None:
    x, y, yaw = circle().pose(station)
    assert yaw == pytest.approx(station / RADIUS, abs=0.02)
    assert math.hypot(x, y - RADIUS) == pytest.approx(RADIUS, abs=0.01)


def test_beyond_its_ends_a_path_goes_straight_on() -> None:
    path = Path(np.array([(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)]))
    assert path.pose(-3.0)[:2] == pytest.approx((-3.0, 0.0))
    assert path.pose(23.0)[:2] == pytest.approx((10.0, 13.0))
    assert path.foot(10.0, 14.0, 15.0) == pytest.approx((24.0, 0.0))
    assert path.foot(-2.0, 1.0, 5.0) == pytest.approx((-2.0, 1.0))


def test_left_is_positive() -> None:
    path = Path(np.array([(0.0, 0.0), (10.0, 0.0)]))
    assert path.pose(5.0, 2.0)[:2] == pytest.approx((5.0, 2.0))
    assert path.foot(5.0, -1.5, 0.0)[1] == pytest.approx(-1.5)


def test_a_bend_is_taken_at_the_lateral_acceleration_and_braked_for() -> None:
    angles = np.linspace(0.0, math.pi / 2.0, 32)
    run_up = np.stack((np.arange(-60.0, 0.0), np.zeros(60)), axis=-1)
    bend = np.stack((RADIUS * np.sin(angles), RADIUS * (1.0 - np.cos(angles))), axis=-1)
    speeds = bend_speeds(Path(np.concatenate((run_up, bend))), 2.0, 1.0)
    slowest = math.sqrt(2.0 * RADIUS)
    assert min(speeds) == pytest.approx(slowest, rel=0.05)
    assert speeds[60 - 20] == pytest.approx(math.sqrt(slowest**2 + 2.0 * 1.0 * 20.0), rel=0.1)


@pytest.mark.parametrize("points", [[(0.0, 0.0)], [(0.0, 0.0), (0.0, 0.0)], [(0.0, 0.0), (math.nan, 1.0)]])
def test_points_that_make_no_path_are_refused(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="path"):
        Path(np.array(points))
