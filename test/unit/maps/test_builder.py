"""The map builder: it refuses what does not fit together."""

import math

import pytest
from scenariogeneration import xodr

from sim2real_ad.errors import MapError
from sim2real_ad.geometry.frames import wrap_angle
from sim2real_ad.types import Pose2
from sim2real_ad.world.embedded.mapgen.builder import Arm, MapBuilder, bend, closing_lengths
from sim2real_ad.world.embedded.mapgen.sections import taper
from sim2real_ad.world.embedded.mapgen.shipped import STREET


@pytest.fixture
def builder():
    return MapBuilder("test", STREET)


def follow(pieces):
    plan = xodr.PlanView(0.0, 0.0, 0.0)
    for piece in pieces:
        plan.add_geometry(piece)
    plan.adjust_geometries()
    return plan.get_end_point()


@pytest.mark.parametrize("angle", [-2.0, -0.7, 0.7, 3.1])
def test_a_bend_turns_by_its_angle(angle):
    assert wrap_angle(follow(bend(60.0, angle, 25.0))[2] - angle) == pytest.approx(0.0, abs=1e-9)


def test_a_bend_too_short_for_its_clothoids_is_refused():
    with pytest.raises(MapError, match="too short for 40 m clothoids"):
        bend(50.0, 0.5, 40.0)


def test_closing_lengths_close_the_ring():
    quarter = bend(50.0, math.pi / 2.0, 20.0)
    rest = [*quarter, xodr.Line(100.0), *quarter, xodr.Line(60.0), *quarter]
    first, second = closing_lengths(quarter, rest)
    x, y, yaw = follow([xodr.Line(first), *quarter, xodr.Line(second), *rest])
    assert (x, y, wrap_angle(yaw)) == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)
    assert (first, second) == pytest.approx((100.0, 60.0))


def test_a_ring_that_would_need_a_negative_straight_is_refused():
    quarter, wide = bend(50.0, math.pi / 2.0, 20.0), bend(300.0, math.pi / 2.0, 20.0)
    with pytest.raises(MapError, match="does not close"):
        closing_lengths(wide, [*quarter, *quarter, *quarter])


def test_a_junction_refuses_an_arm_that_ends_elsewhere(builder):
    near = builder.road(Pose2(10.0, 0.0, 0.0), [xodr.Line(40.0)])
    far = builder.road(Pose2(0.0, 10.5, math.pi / 2.0), [xodr.Line(40.0)])
    with pytest.raises(MapError, match=r"ends 0\.5 m away"):
        builder.junction((0.0, 0.0), 10.0, [Arm(near, "start"), Arm(far, "start")])


def test_a_chain_refuses_roads_that_do_not_meet(builder):
    first = builder.road(Pose2(0.0, 0.0, 0.0), [xodr.Line(40.0)])
    second = builder.road(Pose2(41.0, 0.0, 0.0), [xodr.Line(40.0)])
    with pytest.raises(MapError, match="starts 1 m from the end"):
        builder.chain([first, second], closed=False)


def test_a_taper_leaves_and_arrives_without_slope():
    piece = taper(10.0, 20.0, 3.5, 9.0)
    assert piece.a == 3.5
    assert piece.a + piece.c * 20.0**2 + piece.d * 20.0**3 == pytest.approx(9.0)
    assert 2.0 * piece.c * 20.0 + 3.0 * piece.d * 20.0**2 == pytest.approx(0.0)
