import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.config import check_config
from sim2real_ad.errors import ConfigError
from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.policy.corridor import Corridor, CorridorSpec
from sim2real_ad.types import Observation

SPEC = ObservationSpec()
CORRIDOR = Corridor(CorridorSpec(), SPEC)
OBSTACLE = SPEC.bev.index("obstacle")


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


@settings(max_examples=30, deadline=None)
@given(curvature=st.floats(-0.03, 0.03), along=st.floats(6, 30), left=st.floats(-4, 4))
def test_a_thing_beside_a_curved_route_comes_out_at_its_distance_along_and_beside_it(curvature, along, left):
    heading = along * curvature
    centre = np.array([np.interp(along, np.arange(24) * 2.0, arc_route(curvature)[:, a]) for a in (0, 1)])
    x, y = centre + left * np.array([-math.sin(heading), math.cos(heading)])
    straight = CORRIDOR.straighten(observation(bev_with(OBSTACLE, x, y), route=arc_route(curvature)))
    assert centroid(straight[OBSTACLE]) == pytest.approx((along, left), abs=0.6)


def test_things_at_rest_stay_in_place_in_earlier_frames_and_the_lead_car_leaves_a_trail():
    speed, vehicle = 6.0, SPEC.bev.index("vehicle")
    now = bev_with(OBSTACLE, 20.25, 0.25) + bev_with(vehicle, 15.25, 0.25)
    history = np.stack(
        [bev_with(OBSTACLE, 20.25 + speed * age, 0.25) + bev_with(vehicle, 15.25, 0.25) for age in SPEC.history_s]
    )
    straight = CORRIDOR.straighten(observation(now, history, speed=speed))
    trail = straight[len(SPEC.bev.channels) + 1 :].reshape(2, 3, *CORRIDOR.corridor.size)
    for age, (vehicles, _, obstacles) in zip(SPEC.history_s, trail, strict=True):
        assert centroid(obstacles)[0] == pytest.approx(20.25, abs=0.3)
        assert centroid(vehicles)[0] == pytest.approx(15.25 - speed * age, abs=0.3)


def test_shapes_are_those_the_spec_promises():
    straight, features = CORRIDOR.straighten(observation()), CORRIDOR.features(observation())
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
    features = CORRIDOR.features(observation(route=arc_route(curvature)))
    assert features[-5] / 5.0 == pytest.approx(curvature, abs=2e-3)


def test_wrong_number_of_scales_is_refused():
    with pytest.raises(ConfigError, match="2 ego_scales for 6"):
        check_config({"ego_scales": [1.0, 2.0]}, CorridorSpec, "test")
