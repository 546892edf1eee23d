"""What the camera does not see is filled from what it saw, and only there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.judging_memory import GroundMemory
from sim2real_ad.types import Pose2, UInt8Array

SPEC = BevSpec()
START = Pose2(3.0, -2.0, 0.7)


def blank() -> UInt8Array:
    return np.zeros(SPEC.shape, np.uint8)


def near_unseen(metres: float = 6.0) -> UInt8Array:
    """The camera sees nothing nearer than this."""
    validity = np.full(SPEC.shape[1:], 255, np.uint8)
    validity[SPEC.cell_centres()[..., 0] < metres] = 0
    return validity


def ahead(pose: Pose2, metres: float) -> Pose2:
    return Pose2(pose.x + metres * np.cos(pose.yaw), pose.y + metres * np.sin(pose.yaw), pose.yaw)


def test_ground_that_was_seen_ahead_is_known_when_the_car_gets_there() -> None:
    memory, bev = GroundMemory(SPEC), blank()
    bev[SPEC.index("stop_line"), -16:-14] = 255  # 7 to 8 m ahead
    memory.fill(bev, near_unseen(), START)
    later = memory.fill(blank(), near_unseen(), ahead(START, 5.0))
    rows = np.flatnonzero(later[SPEC.index("stop_line")].all(axis=1))
    assert rows.tolist() == [SPEC.shape[1] - 6, SPEC.shape[1] - 5], "2 to 3 m ahead now"


def test_memory_lasts_over_many_observations() -> None:
    memory, bev = GroundMemory(SPEC), blank()
    bev[SPEC.index("obstacle"), -16:-14, 30:34] = 255
    memory.fill(bev, near_unseen(), START)
    for step in range(1, 11):
        later = memory.fill(blank(), near_unseen(50.0), ahead(START, 0.5 * step))
    assert later[SPEC.index("obstacle")].sum() == 255 * 8


def test_what_is_seen_now_counts_more_than_what_was_seen_before() -> None:
    memory, bev = GroundMemory(SPEC), blank()
    bev[SPEC.index("obstacle"), -16:-14, 30:34] = 255
    memory.fill(bev, near_unseen(), START)
    assert not memory.fill(blank(), near_unseen(), ahead(START, 0.5)).any()


@pytest.mark.parametrize("moving", ["vehicle", "pedestrian"])
def test_what_moves_is_not_remembered(moving: str) -> None:
    memory, bev = GroundMemory(SPEC), blank()
    bev[SPEC.index(moving), -16:-14] = 255
    memory.fill(bev, near_unseen(), START)
    assert not memory.fill(blank(), near_unseen(), ahead(START, 5.0)).any()


def test_before_anything_was_seen_the_road_goes_on_towards_the_car() -> None:
    bev = blank()
    bev[0, :-12, 20:44] = 255
    bev[3, :-12, 20:44] = 255
    filled = GroundMemory(SPEC).fill(bev, near_unseen(), START)
    assert (filled[0, :, 20:44] == 255).all()
    assert not filled[0, :, :20].any()
    assert not filled[3, -12:].any(), "a vehicle does not go on"


def test_the_road_goes_on_as_long_as_the_car_stands_where_it_began() -> None:
    memory, bev = GroundMemory(SPEC), blank()
    bev[0, :-12, 20:44] = 255
    memory.fill(bev, near_unseen(), START)
    assert (memory.fill(bev, near_unseen(), START)[0, :, 20:44] == 255).all()


def test_turning_turns_what_is_remembered() -> None:
    memory, bev = GroundMemory(SPEC), blank()
    cells = SPEC.cell_centres()
    bev[0] = np.where(np.hypot(cells[..., 0] - 12.0, cells[..., 1]) < 1.5, 255, 0)
    memory.fill(bev, near_unseen(), Pose2(0.0, 0.0, 0.0))
    unseen = np.zeros(SPEC.shape[1:], np.uint8)
    turned = memory.fill(blank(), unseen, Pose2(0.0, 0.0, 0.5))
    centre = cells[turned[0] > 0].mean(axis=0)
    assert centre == pytest.approx((12.0 * np.cos(0.5), -12.0 * np.sin(0.5)), abs=0.3)


@given(seed=st.integers(0, 1000), metres=st.floats(0.0, 5.0), turn=st.floats(-0.3, 0.3))
def test_what_the_camera_sees_is_left_as_it_is(seed: int, metres: float, turn: float) -> None:
    rng, memory = np.random.default_rng(seed), GroundMemory(SPEC)
    validity = np.where(rng.random(SPEC.shape[1:]) < 0.5, 255, 0).astype(np.uint8)
    pose = START
    for _ in range(3):
        bev = rng.integers(0, 256, SPEC.shape).astype(np.uint8)
        before = bev.copy()
        filled = memory.fill(bev, validity, pose)
        assert (filled[:, validity > 0] == before[:, validity > 0]).all()
        assert (bev == before).all(), "the recorded observation is not changed"
        pose = ahead(Pose2(pose.x, pose.y, pose.yaw + turn), metres)
