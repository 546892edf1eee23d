import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.config import check_config
from sim2real_ad.errors import ConfigError
from sim2real_ad.observation.spec import BevSpec, ObservationSpec
from sim2real_ad.policy.corridor import (
    HARDEST_NEEDED,
    LINE_FEATURES,
    LONGEST_GAP,
    LONGEST_STOOD,
    NO_LINE_DISTANCE,
    Corridor,
    CorridorSpec,
)
from sim2real_ad.types import Observation

SPEC = ObservationSpec()
FRONT = 3.8
CORRIDOR = Corridor(CorridorSpec(), SPEC, FRONT)
OBSTACLE, LINE = SPEC.bev.index("obstacle"), SPEC.bev.index("stop_line")


def arc_route(curvature: float) -> np.ndarray:
    arc = np.arange(SPEC.route_points) * SPEC.route_spacing
    if abs(curvature) < 1e-9:
        return np.column_stack((arc, np.zeros_like(arc))).astype(np.float32)
    return np.column_stack((np.sin(arc * curvature), 1.0 - np.cos(arc * curvature))).astype(np.float32) / curvature


def observation(bev=None, history=None, route=None, **ego) -> Observation:
    blank = np.zeros(SPEC.bev.shape, np.uint8)
    return Observation(
        stamp_ns=0,
        bev=blank if bev is None else bev,
        validity=np.full(SPEC.bev.shape[1:], 255, np.uint8),
        history=np.stack([blank] * 2) if history is None else history,
        ego=np.array([ego.get(name, 0.0) for name in SPEC.ego_features], np.float32),
        route=arc_route(0.0) if route is None else route,
        speed_limit=8.0,
    )


def bev_with(channel: int, x: float, y: float, half: int = 1) -> np.ndarray:
    bev = np.zeros(SPEC.bev.shape, np.uint8)
    row, column = np.round(SPEC.bev.cells_from_base(np.array([x, y]))).astype(int)
    bev[channel, row - half : row + half + 1, column - half : column + half + 1] = 255
    return bev


def centroid(layer: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(layer > 100)
    spec = CORRIDOR.corridor
    return (rows.mean() + 0.5) * spec.resolution, spec.half_width - (columns.mean() + 0.5) * spec.resolution


def features_of(seen: Observation, corridor: Corridor = CORRIDOR) -> np.ndarray:
    return corridor.features(seen, corridor.line_distance(corridor.straighten(seen)))


def bev_with_line(x: float, left: float = 2.0, right: float = -2.0) -> np.ndarray:
    """A stop line 40 cm deep whose middle is x m ahead of base_link."""
    centres, bev = SPEC.bev.cell_centres(), np.zeros(SPEC.bev.shape, np.uint8)
    half = SPEC.bev.resolution / 2.0
    deep = np.clip(np.minimum(centres[..., 0] + half, x + 0.2) - np.maximum(centres[..., 0] - half, x - 0.2), 0.0, None)
    wide = (centres[..., 1] < left) & (centres[..., 1] > right)
    bev[LINE] = np.round(255.0 * np.clip(deep / 0.4, 0.0, 1.0) * wide)
    return bev


@settings(max_examples=50, deadline=None)
@given(ahead=st.floats(0.5, 18.0), front=st.floats(3.0, 5.0))
def test_the_distance_to_a_stop_line_is_read_from_the_bumper_whatever_the_car(ahead, front):
    corridor = Corridor(CorridorSpec(), SPEC, front)
    straight = corridor.straighten(observation(bev_with_line(front + ahead)))
    assert corridor.line_distance(straight) == pytest.approx(ahead, abs=0.3)


def pursued(corridor: Corridor, route: np.ndarray) -> np.ndarray:
    return features_of(observation(route=route), corridor)[-len(CorridorSpec().pursuit_distances) :]


@settings(max_examples=50, deadline=None)
@given(curvature=st.floats(0.02, 0.12), front=st.floats(2.5, 5.0), left=st.booleans())
def test_a_car_whose_bumper_swings_out_farther_is_drawn_into_the_turn_by_as_much(curvature, front, left):
    sign = 1.0 if left else -1.0
    route = arc_route(sign * curvature)
    mark = Corridor(CorridorSpec(), SPEC, front)._drawn_in(route)[:15] - route[:15]
    heading = sign * curvature * np.arange(15) * SPEC.route_spacing
    inwards = sign * (mark[:, 1] * np.cos(heading) - mark[:, 0] * np.sin(heading))
    swing = np.hypot(1.0 / curvature, front) - np.hypot(1.0 / curvature, FRONT)
    assert inwards == pytest.approx(np.full(15, swing), abs=0.03 + 0.1 * abs(swing))


@settings(max_examples=20, deadline=None)
@given(curvature=st.floats(-0.15, 0.15))
def test_the_trained_car_sees_the_route_as_it_is_and_straight_ahead_every_car_does(curvature):
    route = arc_route(curvature)
    assert np.array_equal(CORRIDOR._drawn_in(route), route.astype(np.float64))
    straight = arc_route(0.0)
    assert np.array_equal(Corridor(CorridorSpec(), SPEC, 4.3)._drawn_in(straight), straight.astype(np.float64))


def test_policy_and_corridor_are_shown_the_same_route_drawn_in():
    longer, route = Corridor(CorridorSpec(), SPEC, 4.6), arc_route(0.08)
    assert (pursued(longer, route) > pursued(CORRIDOR, route)).all()
    x, y = 4.6 + 6.0, 0.08 * (4.6 + 6.0) ** 2 / 2.0
    seen = observation(bev_with(OBSTACLE, x, y), route=route)
    unaware = Corridor(CorridorSpec(trained_front_overhang=4.6), SPEC, 4.6)
    _, left = centroid(longer.straighten(seen)[OBSTACLE])
    _, left_unaware = centroid(unaware.straighten(seen)[OBSTACLE])
    assert left - left_unaware == pytest.approx(-0.08 * (4.6**2 - FRONT**2) / 2.0, abs=0.15)


def test_a_stop_line_that_is_not_across_the_way_or_barely_seen_is_none():
    beside = bev_with_line(FRONT + 6.0, left=6.0, right=2.0)
    faint = bev_with_line(FRONT + 6.0) // 4
    for bev in (beside, faint, np.zeros(SPEC.bev.shape, np.uint8)):
        assert CORRIDOR.line_distance(CORRIDOR.straighten(observation(bev))) == NO_LINE_DISTANCE


def test_a_line_that_has_left_the_view_is_where_it_was_a_moment_ago_less_what_was_driven_since():
    speed, (young, old) = 2.0, SPEC.history_s
    gone = np.zeros(SPEC.bev.shape, np.uint8)
    before = np.stack([gone, bev_with_line(FRONT + 1.8)])
    straight = CORRIDOR.straighten(observation(gone, before, speed=speed))
    assert CORRIDOR.line_distance(straight) == pytest.approx(1.8 - speed * old, abs=0.3)
    fresher = np.stack([bev_with_line(FRONT + 1.8), bev_with_line(FRONT + 6.0)])
    straight = CORRIDOR.straighten(observation(gone, fresher, speed=speed))
    assert CORRIDOR.line_distance(straight) == pytest.approx(1.8 - speed * young, abs=0.3)


def line_features(ahead: float, **ego) -> np.ndarray:
    first = len(SPEC.ego_features) + 6
    return features_of(observation(bev_with_line(FRONT + ahead), **ego))[first : first + LINE_FEATURES]


def test_where_the_car_stood_is_told_from_the_line_however_far_it_has_crept_since():
    at_the_line = [line_features(2.0 - crept, standstill_distance=crept)[1] for crept in (0.0, 0.5, 1.0)]
    in_the_queue = [line_features(6.0 - crept, standstill_distance=crept)[1] for crept in (0.0, 2.0, 4.5)]
    assert np.array(at_the_line) * LONGEST_STOOD == pytest.approx(2.0, abs=0.3)
    assert np.array(in_the_queue) * LONGEST_STOOD == pytest.approx(6.0, abs=0.3)


def test_the_braking_that_a_stop_takes_grows_with_speed_and_nearness_and_ends_at_its_limit():
    needed = [line_features(ahead, speed=speed)[2] for ahead, speed in ((16.0, 4.0), (16.0, 8.0), (8.0, 8.0))]
    assert needed == sorted(needed)
    assert needed[1] * HARDEST_NEEDED == pytest.approx(8.0**2 / 2.0 / 16.0, rel=0.05)
    assert line_features(1.0, speed=8.0)[2] == 1.0


def owes_a_stop(ahead: float, **ego) -> bool:
    return bool(line_features(ahead, **ego)[3])


def test_a_stop_is_owed_at_a_line_until_the_car_has_stood_long_enough_near_it():
    assert owes_a_stop(10.0, speed=5.0, standstill_distance=30.0)
    assert owes_a_stop(2.0, speed=0.0, standstill_time=0.7, standstill_distance=0.0)
    assert not owes_a_stop(2.0, speed=0.0, standstill_time=1.2, standstill_distance=0.0)
    assert not owes_a_stop(1.0, speed=1.5, standstill_time=0.0, standstill_distance=1.0)


def test_a_stand_in_the_queue_leaves_the_stop_owed():
    assert owes_a_stop(6.5, speed=0.0, standstill_time=3.0, standstill_distance=0.0)
    assert owes_a_stop(2.0, speed=1.5, standstill_time=0.0, standstill_distance=4.5)


def test_where_to_stand_is_told_in_decimetres_close_to_it_and_not_at_all_without_a_line():
    gaps = [
        line_features(ahead, speed=1.0, standstill_distance=30.0)[4] * LONGEST_GAP for ahead in (1.2, 2.2, 3.2, 12.0)
    ]
    assert gaps == pytest.approx([-1.0, 0.0, 1.0, LONGEST_GAP], abs=0.3)
    no_line = features_of(observation(bev_with_line(FRONT + 6.0) // 4))
    first = len(SPEC.ego_features) + 6
    assert no_line[first + 3 : first + 6].tolist() == [0.0, 1.0, 0.0]


def test_braking_to_where_to_stand_is_harder_than_to_the_line():
    to_line, to_stand = line_features(8.0, speed=5.0, standstill_distance=30.0)[[2, 5]]
    assert 0.0 < to_line < to_stand < 1.0


def test_a_spec_without_stop_lines_sees_none():
    spec = ObservationSpec(bev=BevSpec(channels=("drivable", "vehicle", "pedestrian", "obstacle")))
    corridor = Corridor(CorridorSpec(history_channels=("vehicle",)), spec, FRONT)
    assert corridor.line_distance(np.full((9, *CorridorSpec().size), 255, np.uint8)) == NO_LINE_DISTANCE


@settings(max_examples=30, deadline=None)
@given(curvature=st.floats(-0.03, 0.03), along=st.floats(6, 30), left=st.floats(-4, 4))
def test_a_thing_beside_a_curved_route_comes_out_at_its_distance_along_and_beside_it(curvature, along, left):
    heading = along * curvature
    centre = np.array([np.interp(along, np.arange(24) * 2.0, arc_route(curvature)[:, a]) for a in (0, 1)])
    x, y = centre + left * np.array([-math.sin(heading), math.cos(heading)])
    straight = CORRIDOR.straighten(observation(bev_with(OBSTACLE, x, y), route=arc_route(curvature)))
    assert centroid(straight[OBSTACLE]) == pytest.approx((along - FRONT, left), abs=0.6)


def test_things_at_rest_stay_in_place_in_earlier_frames_and_the_lead_car_leaves_a_trail():
    speed, vehicle = 6.0, SPEC.bev.index("vehicle")
    now = bev_with(OBSTACLE, 20.25, 0.25) + bev_with(vehicle, 15.25, 0.25)
    history = np.stack(
        [bev_with(OBSTACLE, 20.25 + speed * age, 0.25) + bev_with(vehicle, 15.25, 0.25) for age in SPEC.history_s]
    )
    straight = CORRIDOR.straighten(observation(now, history, speed=speed))
    trail = straight[len(SPEC.bev.channels) + 1 :].reshape(2, 4, *CORRIDOR.corridor.size)
    for age, (_, vehicles, _, obstacles) in zip(SPEC.history_s, trail, strict=True):
        assert centroid(obstacles)[0] == pytest.approx(20.25 - FRONT, abs=0.3)
        assert centroid(vehicles)[0] == pytest.approx(15.25 - FRONT - speed * age, abs=0.3)


def test_shapes_are_those_the_spec_promises():
    straight = CORRIDOR.straighten(observation())
    features = CORRIDOR.features(observation(), NO_LINE_DISTANCE)
    assert straight.shape == (CORRIDOR.corridor.channels(SPEC), *CORRIDOR.corridor.size)
    assert straight.dtype == np.uint8
    assert features.shape == (CORRIDOR.corridor.features(SPEC),)
    assert features.dtype == np.float32


def test_validity_ends_where_the_bev_ends():
    straight = CORRIDOR.straighten(observation(route=arc_route(0.0) + np.float32([0.0, 12.0])))
    validity = straight[len(SPEC.bev.channels)]
    assert validity[10, -1] == 255
    assert validity[10, 0] == 0, "20 m to the left lies outside the BEV"


@given(curvature=st.floats(-0.05, 0.05))
def test_a_car_on_the_route_reads_the_routes_curvature_in_its_features(curvature):
    features = features_of(observation(route=arc_route(curvature)))
    assert features[-5] / 5.0 == pytest.approx(curvature, abs=2e-3)


def test_wrong_number_of_scales_is_refused():
    with pytest.raises(ConfigError, match="2 ego_scales for 6"):
        check_config({"ego_scales": [1.0, 2.0]}, CorridorSpec, "test")


def test_the_way_just_ahead_is_blind_as_far_as_no_cell_of_it_is_seen():
    seen = observation()
    validity = np.full(SPEC.bev.shape[1:], 255, np.uint8)
    validity[SPEC.bev.cell_centres()[..., 0] < FRONT + 2.0] = 0
    blind = CORRIDOR.blind_distance(CORRIDOR.straighten(dataclasses.replace(seen, validity=validity)))
    assert blind == pytest.approx(2.75, abs=0.5)
    assert CORRIDOR.blind_distance(CORRIDOR.straighten(seen)) == CORRIDOR.corridor.resolution
    nothing = dataclasses.replace(seen, validity=np.zeros_like(validity))
    assert CORRIDOR.blind_distance(CORRIDOR.straighten(nothing)) == CORRIDOR.corridor.length
