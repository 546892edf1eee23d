"""Oriented boxes against shapely."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.types import Pose2
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.boxes import boxes_overlap, ego_centre, ego_corners, touched_actor
from sim2real_ad.world.protocol import ActorState

SALOON = load_vehicle("saloon")
angles = st.floats(-math.pi, math.pi)
halves = st.floats(0.1, 5.0)


def polygon(x: float, y: float, yaw: float, half_length: float, half_width: float) -> shapely.Polygon:
    corners = np.array([(1, 1), (1, -1), (-1, -1), (-1, 1)]) * (half_length, half_width)
    cos, sin = math.cos(yaw), math.sin(yaw)
    return shapely.Polygon(corners @ np.array([[cos, sin], [-sin, cos]]) + (x, y))


@settings(max_examples=300)
@given(dx=st.floats(-8, 8), dy=st.floats(-8, 8), a=angles, b=angles, la=halves, wa=halves, lb=halves, wb=halves)
def test_boxes_overlap_as_their_polygons_do(
    dx: float, dy: float, a: float, b: float, la: float, wa: float, lb: float, wb: float
) -> None:
    one, other = polygon(0.0, 0.0, a, la, wa), polygon(dx, dy, b, lb, wb)
    if min(one.distance(other), one.boundary.distance(other.boundary)) > 1e-9 or one.intersection(other).area > 1e-6:
        assert boxes_overlap(dx, dy, a, la, wa, b, lb, wb) is one.intersects(other)


@given(x=st.floats(-50, 50), y=st.floats(-50, 50), yaw=angles)
def test_the_ego_box_reaches_from_bumper_to_bumper(x: float, y: float, yaw: float) -> None:
    base = Pose2(x, y, yaw)
    box = shapely.Polygon(ego_corners(base, SALOON))
    assert box.area == pytest.approx(SALOON.length * SALOON.width)
    assert (box.centroid.x, box.centroid.y) == pytest.approx(ego_centre(base, SALOON))
    ahead = (x + 3.79 * math.cos(yaw), y + 3.79 * math.sin(yaw))
    behind = (x - 1.2 * math.cos(yaw), y - 1.2 * math.sin(yaw))
    assert box.contains(shapely.Point(ahead))
    assert not box.contains(shapely.Point(behind))


@pytest.mark.parametrize(
    ("x", "y", "touches"), [(4.0, 0.0, True), (4.3, 0.0, False), (0.0, 1.4, False), (0.0, 1.1, True)]
)
def test_the_actor_that_is_touched_is_named(x: float, y: float, touches: bool) -> None:
    far = ActorState(1, "vehicle", "vehicle.audi.a2", Pose2(30.0, 0.0, 0.0), (4.0, 2.0, 1.5))
    near = ActorState(2, "pedestrian", "walker.pedestrian.0001", Pose2(x, y, 0.0), (0.8, 0.6, 1.8))
    assert touched_actor(Pose2(0.0, 0.0, 0.0), SALOON, (far, near)) == (2 if touches else None)
