"""The road network: frames, lanes, routes, stop lines and surfaces of the shipped maps."""

import math
import pickle

import carla
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.errors import MapError
from sim2real_ad.geometry.frames import wrap_angle
from sim2real_ad.world.embedded.roads import RoadNetwork

MAPS = ("curved_road", "urban_block", "proving_ground")
LEAST_RADIUS = 6.0


@pytest.fixture(params=MAPS, scope="module")
def network(request):
    return RoadNetwork.load(request.param)


@pytest.fixture(scope="module")
def town():
    return RoadNetwork.load("urban_block")


@pytest.fixture(scope="module")
def rural():
    return RoadNetwork.load("curved_road")


def heading(route):
    steps = np.diff(route, axis=0)
    return np.arctan2(steps[:, 1], steps[:, 0])


def approach(network, index=0):
    """A lane point some metres before a stop line."""
    line = network.stop_lines[index].centre
    return network.lane_point(line.x - 8.0 * math.cos(line.yaw), line.y - 8.0 * math.sin(line.yaw))


def test_the_map_frame_is_opendrives_own_and_carlas_y_is_flipped(rural):
    """The road starts at the origin along +x: OpenDRIVE's lane -1 lies right of it, at negative y."""
    waypoint = carla.Map(rural.name, rural.xodr).get_waypoint(carla.Location(50.0, 1.75))
    point = rural.lane_point(50.0, -1.75)
    assert (waypoint.road_id, waypoint.lane_id) == (point.road_id, point.lane_id) == (0, -1)
    assert point.pose.y == pytest.approx(-1.75, abs=1e-4)
    assert waypoint.transform.location.y == pytest.approx(1.75, abs=1e-4)
    assert point.pose.yaw == pytest.approx(0.0, abs=1e-6)


def test_yaw_runs_counter_clockwise_where_carlas_runs_clockwise(network):
    world_map = carla.Map(network.name, network.xodr)
    for point in network.lane_points(60.0):
        waypoint = world_map.get_waypoint_xodr(point.road_id, point.lane_id, point.s)
        assert wrap_angle(point.pose.yaw + math.radians(waypoint.transform.rotation.yaw)) == pytest.approx(0, abs=1e-4)
        assert (waypoint.transform.location.x, -waypoint.transform.location.y) == pytest.approx(
            (point.pose.x, point.pose.y), abs=1e-3
        )


def test_traffic_keeps_to_the_right(rural):
    """The first bend of the road goes left (curvature above 0): driving along s turns left, against it, right."""
    along, against = rural.lane_point(150.0, -1.75), rural.lane_point(300.0, 36.0)
    assert along.lane_id < 0 < against.lane_id or against.lane_id < 0
    assert heading(rural.route(along, 150.0))[-1] > heading(rural.route(along, 150.0))[0] + 0.3
    oncoming = rural.lane_point(150.0, 1.75)
    assert abs(oncoming.pose.yaw) == pytest.approx(math.pi, abs=1e-6)


def test_lane_point_is_the_nearest_lane_centre_with_the_offset_to_its_left(rural):
    point = rural.lane_point(60.0, -1.25)
    assert (point.pose.x, point.pose.y) == pytest.approx((60.0, -1.75), abs=1e-3)
    assert point.lateral_offset(60.0, -1.25) == pytest.approx(0.5, abs=1e-3)
    assert point.lateral_offset(61.0, -2.0) == pytest.approx(-0.25, abs=1e-3)
    assert point.width == pytest.approx(3.5)
    assert not point.in_junction


def test_lane_point_is_none_far_from_every_lane(network):
    assert network.lane_point(5000.0, 5000.0) is None


def test_junctions_are_known_by_their_points(town):
    assert town.lane_point(95.0, 85.0).in_junction


def test_lane_points_come_in_the_same_order_and_cover_every_driving_lane(network):
    points = network.lane_points(7.0)
    assert points == RoadNetwork(network.name, network.xodr).lane_points(7.0)
    driving = {(lane.key[0], lane.key[2]) for lane in network.lanes if lane.driving}
    assert {(p.road_id, p.lane_id) for p in points} == driving
    assert network.on_drivable(np.array([(p.pose.x, p.pose.y) for p in points])).all()


def test_lane_points_keep_their_spacing(rural):
    first = [p for p in rural.lane_points(10.0) if (p.road_id, p.lane_id) == (0, -1)]
    assert np.diff([p.s for p in first]) == pytest.approx(10.0, abs=1.1)


@pytest.mark.parametrize("spacing", [0.0, -1.0, math.nan])
def test_lane_points_refuse_an_impossible_spacing(town, spacing):
    with pytest.raises(MapError, match="spacing"):
        town.lane_points(spacing)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), name=st.sampled_from(MAPS), length=st.floats(5.0, 400.0))
def test_a_route_follows_lane_centres_without_kinks(data, name, length):
    network = RoadNetwork.load(name)
    start = data.draw(st.sampled_from(network.lane_points(9.0)))
    route = network.route(start, length)
    assert route.shape == (math.floor(length) + 1, 2)
    assert tuple(route[0]) == pytest.approx((start.pose.x, start.pose.y), abs=1e-3)
    steps = np.hypot(*np.diff(route, axis=0).T)
    assert steps.max() <= 1.0 + 1e-9
    assert steps.min() > 0.995
    turns = np.abs([wrap_angle(a) for a in np.diff(heading(route))])
    assert turns.max(initial=0.0) < 1.0 / LEAST_RADIUS
    assert wrap_angle(heading(route)[0] - start.pose.yaw) == pytest.approx(0.0, abs=0.1)
    assert network.on_drivable(route).all()


@pytest.mark.parametrize(("turn", "angle"), [("left", 90.0), ("straight", 0.0), ("right", -90.0)])
def test_a_route_takes_the_turn_it_is_told(town, turn, angle):
    crossing = [i for i, line in enumerate(town.stop_lines) if _near(line.centre, (95.0, 85.0))]
    assert len(crossing) == 4
    for index in crossing:
        start = approach(town, index)
        route = town.route(start, 40.0, [turn])
        assert wrap_angle(heading(route)[-1] - start.pose.yaw) == pytest.approx(math.radians(angle), abs=0.02)


def test_a_route_consumes_one_turn_a_junction(town):
    start = approach(town, next(i for i, line in enumerate(town.stop_lines) if _near(line.centre, (95.0, 85.0))))
    both = town.route(start, 130.0, ["straight", "right"])
    assert wrap_angle(heading(both)[-1] - start.pose.yaw) == pytest.approx(-math.pi / 2.0, abs=0.05)
    assert not np.allclose(both, town.route(start, 130.0))


def test_a_route_names_the_turn_that_a_junction_lacks(town):
    side_road = next(
        i
        for i, line in enumerate(town.stop_lines)
        if _near(line.centre, (95.0, 0.0)) and abs(abs(line.centre.yaw) - math.pi / 2.0) < 0.1
    )
    with pytest.raises(MapError, match="no way straight at the junction; there is: left, right"):
        town.route(approach(town, side_road), 60.0, ["straight"])


def test_without_turns_a_route_goes_on_where_it_must_turn(town):
    assert all(len(town.route(point, 500.0)) == 501 for point in town.lane_points(60.0))


def test_every_approach_of_the_town_stops_two_metres_before_its_junction(town):
    assert len(town.stop_lines) == 26
    for line in town.stop_lines:
        ahead = np.array([math.cos(line.centre.yaw), math.sin(line.centre.yaw)])
        centre = np.array([line.centre.x, line.centre.y])
        before, after = town.lane_point(*(centre + 1.9 * ahead)), town.lane_point(*(centre + 2.2 * ahead))
        assert not before.in_junction
        assert after.in_junction


def test_a_stop_line_crosses_its_own_lane_and_the_sign_stands_right_of_it(town):
    for line in town.stop_lines:
        along = np.array([math.cos(line.centre.yaw), math.sin(line.centre.yaw)])
        offsets = line.quad - (line.centre.x, line.centre.y)
        across = offsets @ (-along[1], along[0])
        assert sorted(np.round(across, 3)) == pytest.approx([-1.75, -1.75, 1.75, 1.75])
        assert np.abs(offsets @ along) == pytest.approx(0.2, abs=1e-3)
        (ax, ay), (bx, by) = line.quad[1] - line.quad[0], line.quad[2] - line.quad[1]
        area = ax * by - ay * bx
        assert area > 0.0, "corners run counter-clockwise"
        post = np.array([line.sign.x - line.centre.x, line.sign.y - line.centre.y])
        assert post @ (-along[1], along[0]) == pytest.approx(-2.55, abs=0.01)
        assert line.sign.yaw == line.centre.yaw
        assert not town.on_drivable(np.array([[line.sign.x, line.sign.y]])).any()


def test_the_proving_ground_has_one_stop_line_and_the_rural_road_none(rural):
    assert len(RoadNetwork.load("proving_ground").stop_lines) == 1
    assert rural.stop_lines == ()


def test_stop_lines_have_distinct_names(town):
    assert len({line.id for line in town.stop_lines}) == len(town.stop_lines)


def test_pavements_shoulders_and_the_open_country_are_not_drivable(town, rural):
    points = np.array([(130.0, -1.75), (130.0, 3.4), (130.0, 4.0), (130.0, 30.0)])
    assert town.on_drivable(points).tolist() == [True, True, False, False]
    assert rural.on_drivable(np.array([(60.0, -3.4), (60.0, -3.7), (60.0, 3.7)])).tolist() == [True, False, False]


def test_the_whole_middle_of_a_junction_is_drivable(town):
    grid = np.stack(np.meshgrid(np.linspace(-5, 5, 40), np.linspace(-5, 5, 40)), axis=-1).reshape(-1, 2)
    assert town.on_drivable(grid + np.array((95.0, 85.0))).all()


def test_no_gap_opens_between_the_lanes_of_a_road_or_where_roads_join(network):
    for point in network.lane_points(11.0):
        left = np.array([-math.sin(point.pose.yaw), math.cos(point.pose.yaw)])
        middle = np.array([point.pose.x, point.pose.y]) + np.linspace(0.0, 0.99, 40)[:, None] * left * point.width
        assert network.on_drivable(middle).all() or point.in_junction


def test_building_sites_keep_clear_of_the_road(network):
    scene = network.scene_geometry()
    assert len(scene.building_sites) > 50
    circle = np.array([(math.cos(a), math.sin(a)) for a in np.linspace(0.0, 2.0 * math.pi, 48)])
    for site in scene.building_sites:
        for radius in (2.0, 5.0, 7.9):
            assert not network.on_drivable(circle * radius + (site.x, site.y)).any()


def test_the_scene_lies_within_its_bounds(network):
    scene = network.scene_geometry()
    low_x, low_y, high_x, high_y = scene.bounds
    shapes = [*scene.drivable, *scene.pavement, *(line for line, *_ in scene.marking_lines), *scene.stop_lines]
    points = np.concatenate(shapes)
    assert points.min(axis=0).tolist() >= [low_x, low_y]
    assert points.max(axis=0).tolist() <= [high_x, high_y]


def test_only_the_town_has_pavements(town, rural):
    assert town.scene_geometry().pavement
    assert not rural.scene_geometry().pavement


def test_the_rural_road_has_a_dashed_middle_and_solid_edges(rural):
    lengths = [np.hypot(*np.diff(line, axis=0).T).sum() for line, *_ in rural.scene_geometry().marking_lines]
    dashes = [length for length in lengths if length < 10.0]
    edges = [length for length in lengths if length >= 10.0]
    total = sum(abs(lane.s[-1] - lane.s[0]) for lane in rural.lanes)
    assert np.allclose(dashes, 3.0, atol=0.01)
    assert sum(dashes) == pytest.approx(total / 2.0 / 3.0, rel=0.03)
    assert sum(edges) == pytest.approx(total, rel=0.01)


def test_paint_lies_on_lane_borders(network):
    borders = np.concatenate([side for lane in network.lanes for side in (lane.left, lane.right)])
    for line, width, _, _ in network.scene_geometry().marking_lines:
        assert 0.1 <= width <= 0.3
        for point in line[:: max(1, len(line) // 5)]:
            assert np.hypot(*(borders - point).T).min() < 0.3


def test_a_network_travels_to_another_process_by_its_text(town):
    assert pickle.loads(pickle.dumps(town)) is town


def _near(pose, place):
    return math.hypot(pose.x - place[0], pose.y - place[1]) < 15.0
