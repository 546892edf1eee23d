import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.observation.history import (
    MAX_STANDSTILL_DISTANCE,
    MAX_STANDSTILL_TIME,
    BevHistory,
    DriveClock,
    EgoFeatures,
)
from sim2real_ad.observation.spec import BevSpec, ObservationSpec
from sim2real_ad.types import EgoState, Pose2

SPEC = ObservationSpec(bev=BevSpec(resolution=8.0))
TICK_NS = 50_000_000


def bev_of(value: int) -> np.ndarray:
    return np.full(SPEC.bev.shape, value, np.uint8)


def ego_at(stamp_ns: int, speed: float) -> EgoState:
    return EgoState(stamp_ns, Pose2(0.0, 0.0, 0.0), speed, 0.1, 0.2, 0.3)


def test_earlier_frames_come_at_the_ages_of_the_spec():
    history = BevHistory(SPEC)
    for tick in range(30):
        earlier = history.step(tick * TICK_NS, bev_of(tick))
    assert earlier[:, 0, 0, 0].tolist() == [29 - 5, 29 - 10]


def test_a_young_drive_shows_its_oldest_frame_in_place_of_earlier_ones():
    history = BevHistory(SPEC)
    history.step(0, bev_of(7))
    assert history.step(TICK_NS, bev_of(8))[:, 0, 0, 0].tolist() == [7, 7]


@given(gaps=st.lists(st.integers(10_000_000, 120_000_000), min_size=20, max_size=40))
def test_at_any_frame_rate_the_frame_nearest_to_each_age_is_given(gaps):
    history, stamps = BevHistory(SPEC), np.cumsum(gaps)
    for number, stamp in enumerate(stamps):
        earlier = history.step(int(stamp), bev_of(number))
    for index, age in enumerate(SPEC.history_s):
        wanted = stamps[-1] - age * 1e9
        given_stamp = stamps[earlier[index, 0, 0, 0]]
        assert abs(given_stamp - wanted) == np.abs(stamps - wanted).min()


def test_the_same_frame_twice_does_not_fill_the_history_with_itself():
    history = BevHistory(SPEC)
    for tick in range(20):
        history.step(tick * TICK_NS, bev_of(tick))
        earlier = history.step(tick * TICK_NS, bev_of(tick))
    assert earlier[:, 0, 0, 0].tolist() == [19 - 5, 19 - 10]


@pytest.mark.parametrize(
    ("stamp_ns", "route", "continues"),
    [(1_050_000_000, 1, True), (1_500_000_000, 1, True), (1_550_000_000, 1, False), (999_000_000, 1, False),
     (1_050_000_000, 2, False), (1_000_000_000, 1, True)],
)  # fmt: skip
def test_a_drive_breaks_off_where_stamps_go_back_or_jump_or_the_route_changes(stamp_ns, route, continues):
    clock = DriveClock(SPEC)
    assert not clock.continues(1_000_000_000, 1)
    assert clock.continues(stamp_ns, route) is continues


def test_a_car_that_never_stood_has_driven_the_greatest_distance():
    features = EgoFeatures(SPEC).step(ego_at(0, 5.0))
    np.testing.assert_allclose(features, [5.0, 0.1, 0.2, 0.3, 0.0, MAX_STANDSTILL_DISTANCE], rtol=1e-6)


def test_time_standing_and_metres_since_are_counted_and_clipped():
    ego, tick = EgoFeatures(SPEC), iter(range(10_000))
    for _ in range(21):
        standing = ego.step(ego_at(next(tick) * TICK_NS, 0.0))
    assert standing[4:].tolist() == pytest.approx([20 * 0.05 + 0.0, 0.0])
    for _ in range(100):
        standing = ego.step(ego_at(next(tick) * TICK_NS, 0.0))
    assert standing[4] == MAX_STANDSTILL_TIME
    for _ in range(20):
        moving = ego.step(ego_at(next(tick) * TICK_NS, 2.0))
    assert moving[4:].tolist() == pytest.approx([0.0, 2.0])
    for _ in range(400):
        moving = ego.step(ego_at(next(tick) * TICK_NS, 2.0))
    assert moving[5] == MAX_STANDSTILL_DISTANCE


def test_a_stop_too_short_to_count_leaves_the_distance_as_it_was():
    ego, tick = EgoFeatures(SPEC), iter(range(10_000))
    for speed in [4.0] * 20 + [0.0] * 10:
        short = ego.step(ego_at(next(tick) * TICK_NS, speed))
    assert short[4] == pytest.approx(0.5)
    assert short[5] == MAX_STANDSTILL_DISTANCE
    for _ in range(4):
        full = ego.step(ego_at(next(tick) * TICK_NS, 0.0))
    assert full[5] == 0.0
