"""Where a stop is steered to."""

import math
from dataclasses import replace

import numpy as np
import pytest
from gate_drive import ego, view

from sim2real_ad.safety.planned_path import PlannedPath
from sim2real_ad.types import Pose2

ORIGIN = Pose2(0.0, 0.0, 0.0)


def path_along(route, pose=ORIGIN, curvature=0.02):
    """Return a path that saw one view of a route."""
    path = PlannedPath()
    path.curvature = curvature
    path.see(view(1, route=route), pose)
    return path


def pursuit(x, y):
    """Return the curvature of the arc through a point in base_link."""
    return 2.0 * y / (x * x + y * y)


def line(y, start=0.0, end=46.0):
    return [(x, y) for x in np.arange(start, end + 1.0, 2.0)]


# Without a route


def test_a_new_path_leads_straight_on():
    assert PlannedPath().curvature == 0.0
    assert PlannedPath().curvature_from(ego()) == 0.0


def test_without_a_route_the_last_curve_is_the_plan():
    path = PlannedPath()
    path.curvature = 0.02
    assert path.curvature_from(ego()) == 0.02


def test_without_a_place_on_the_route_the_last_curve_is_the_plan():
    assert path_along(line(5.0)).curvature_from(None) == 0.02


@pytest.mark.parametrize("route", [(), ((5.0, 5.0),)])
def test_less_than_two_points_are_no_route(route):
    assert path_along(route).curvature_from(ego()) == 0.02


def test_two_points_are_a_route():
    assert path_along(((0.0, 0.0), (9.0, 0.0))).curvature_from(ego(pose=Pose2(0.0, 1.0, 0.0))) == pursuit(7.0, -1.0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_route_that_is_not_finite_is_no_route(value):
    assert path_along([(0.0, 0.0), (9.0, value), (18.0, 0.0)]).curvature_from(ego()) == 0.02


# Along a route


@pytest.mark.parametrize("speed", [0.0, 8.0, 14.0])
def test_a_car_beside_its_route_stays_as_far_beside_it(speed):
    for y in (-1.0, 0.0, 2.0):
        assert path_along(line(y)).curvature_from(ego(speed=speed)) == 0.0


@pytest.mark.parametrize(("speed", "reach"), [(0.0, 3.0), (8.0, 7.0), (14.0, 10.0), (-4.0, 3.0)])
def test_a_car_that_has_moved_aside_aims_at_its_line_three_metres_and_half_a_second_ahead(speed, reach):
    path = path_along(line(-1.0))
    for aside in (0.5, -0.25):
        state = ego(speed=speed, pose=Pose2(10.0, aside, 0.0))
        assert path.curvature_from(state) == pytest.approx(pursuit(reach, -aside))


def test_the_route_is_kept_in_the_map_and_not_with_the_car():
    path = path_along(line(0.0), Pose2(100.0, 50.0, math.pi / 2))
    state = ego(speed=2.0, pose=Pose2(99.0, 60.0, math.pi / 2))
    assert path.curvature_from(state) == pytest.approx(pursuit(4.0, -1.0))


def test_the_heading_of_the_car_counts():
    state = ego(speed=4.0, pose=Pose2(10.0, 0.0, 0.1))
    expected = pursuit(5.0 * math.cos(0.1), -5.0 * math.sin(0.1))
    assert path_along(line(0.0)).curvature_from(state) == pytest.approx(expected)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("offset", [0.0, 1.5, -1.5])
def test_in_a_bend_the_offset_is_kept_square_to_the_route(sign, offset):
    """The bend has a corner of 90 degrees; the aim lies 2 m behind it."""
    route = [(0.0, -offset), (5.0, -offset), (5.0, -offset + sign * 20.0)]
    state = ego(speed=8.0)
    expected = pursuit(5.0 - sign * offset, -offset + sign * 2.0)
    assert path_along(route).curvature_from(state) == pytest.approx(expected)


def test_the_aim_turns_the_corner_only_where_the_corner_is():
    route = [(0.0, 0.0), (7.0, 0.0), (7.0, 20.0)]
    assert path_along(route).curvature_from(ego(speed=7.9)) == 0.0
    assert path_along(route).curvature_from(ego(speed=8.1)) == pytest.approx(pursuit(7.0, 0.05))


def test_at_the_corner_itself_the_aim_is_beside_the_part_that_follows():
    route = [(0.0, -1.0), (7.0, -1.0), (7.0, 20.0)]
    assert path_along(route).curvature_from(ego(speed=8.0)) == pytest.approx(pursuit(6.0, -1.0))


def test_beyond_its_end_the_route_goes_straight_on():
    route = [(0.0, 0.0), (3.0, 0.0), (3.0 + math.sqrt(0.5), math.sqrt(0.5))]
    away = 4.0 * math.sqrt(0.5)
    assert path_along(route).curvature_from(ego(speed=8.0)) == pytest.approx(pursuit(3.0 + away, away))


def test_points_that_lie_on_one_another_do_no_harm():
    route = [(0.0, 0.0), (3.0, 0.0), (3.0, 0.0), (3.0, 20.0)]
    assert path_along(route).curvature_from(ego(speed=4.0)) == pytest.approx(pursuit(3.0, 2.0))


def test_where_the_aim_is_behind_the_car_the_last_curve_is_the_plan():
    path = path_along(line(0.0))
    assert path.curvature_from(ego(pose=Pose2(10.0, 0.0, math.pi))) == 0.02
    assert path.curvature_from(ego(pose=Pose2(10.0, 0.0, math.pi / 2 + 1e-9))) == 0.02
    sideways = path.curvature_from(ego(pose=Pose2(10.0, 0.0, math.pi / 2 - 1e-3)))
    assert sideways == pytest.approx(pursuit(7.0 * math.sin(1e-3), -7.0 * math.cos(1e-3)))


def test_where_the_aim_is_right_beside_the_car_the_last_curve_is_the_plan():
    path = path_along([(0.0, 0.0), (10.0, 0.0)])
    assert path.curvature_from(ego(speed=0.0, pose=Pose2(13.0, 2.0, 0.0))) == 0.02
    assert path.curvature_from(ego(speed=0.0, pose=Pose2(12.9, 2.0, 0.0))) == pytest.approx(pursuit(0.1, -2.0))


def test_the_offset_is_that_to_where_the_route_begins():
    route = [(0.0, -1.0), (1.0, -2.0), (20.0, -2.0)]
    assert path_along(route).curvature_from(ego(speed=8.0)) == pytest.approx(pursuit(8.0, -1.0))


def test_an_aim_nearer_than_a_metre_is_no_plan():
    """The path ends behind the car, so that the aim lies between the two."""
    for beyond, expected in ((0.9, 0.02), (1.0, 0.02), (1.01, 0.0)):
        path = path_along([(0.0, 0.0), (10.0, 0.0)])
        assert path.curvature_from(ego(speed=0.0, pose=Pose2(13.0 - beyond, 0.0, 0.0))) == expected


def test_a_plan_of_huge_numbers_stays_finite():
    path = path_along([(0.0, 3e38), (3e38, -3e38), (-3e38, 3e38)])
    for speed in (0.0, 100.0):
        assert math.isfinite(path.curvature_from(ego(speed=speed, pose=Pose2(1e7, -1e7, 1e6))))


# What is remembered


def test_a_newer_view_brings_a_newer_plan():
    path = path_along(line(0.0))
    path.see(view(2, route=line(-1.0)), Pose2(10.0, 0.5, 0.0))
    moved_on = ego(speed=0.0, pose=Pose2(12.0, 0.5, 0.0))
    assert path.curvature_from(moved_on) == 0.0


def test_a_view_that_was_seen_already_does_not_move_the_route_with_the_car():
    path = path_along(line(0.0))
    path.see(view(1, route=line(0.0)), Pose2(0.0, 0.5, 0.0))
    state = ego(speed=0.0, pose=Pose2(0.0, 0.5, 0.0))
    assert path.curvature_from(state) == pytest.approx(pursuit(3.0, -0.5))


def test_a_view_that_cannot_be_used_leaves_the_plan_as_it_was():
    path = path_along(line(-1.0))
    for route in ((), ((0.0, 0.0),), ((math.nan, 0.0), (1.0, 0.0))):
        path.see(view(2, route=route), Pose2(0.0, 9.0, 0.0))
    state = ego(speed=0.0, pose=Pose2(0.0, 0.5, 0.0))
    assert path.curvature_from(state) == pytest.approx(pursuit(3.0, -0.5))
    path.see(view(2, route=line(0.0)), state.pose)
    assert path.curvature_from(state) == 0.0


def test_a_plan_that_is_held_stays_until_it_is_released():
    path = path_along(line(0.0))
    aside = Pose2(0.0, 0.5, 0.0)
    state = ego(speed=0.0, pose=aside)
    path.hold()
    path.see(view(2, route=line(0.0)), aside)
    assert path.curvature_from(state) == pytest.approx(pursuit(3.0, -0.5))
    path.release()
    assert path.curvature_from(state) == pytest.approx(pursuit(3.0, -0.5))
    path.see(view(2, route=line(0.0)), aside)
    assert path.curvature_from(state) == 0.0


def test_a_forgotten_route_is_none_and_the_next_one_is_welcome():
    path = path_along(line(0.0))
    path.hold()
    path.forget()
    state = ego(speed=0.0, pose=Pose2(0.0, 0.5, 0.0))
    assert path.curvature_from(state) == 0.02
    path.see(view(1, route=line(-2.0)), ORIGIN)
    assert path.curvature_from(state) == pytest.approx(pursuit(3.0, -0.5))


def test_routes_of_any_precision_are_understood():
    path = PlannedPath()
    whole = replace(view(1), route=np.array(line(0.0), np.float64))
    path.see(whole, ORIGIN)
    assert path.curvature_from(ego(speed=0.0, pose=Pose2(0.0, 0.5, 0.0))) == pytest.approx(pursuit(3.0, -0.5))
