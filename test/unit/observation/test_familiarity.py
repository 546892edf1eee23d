import numpy as np

from sim2real_ad.observation.familiarity import FrozenPicture
from sim2real_ad.types import EgoState, Pose2

TICK_NS = 50_000_000
PICTURES = np.random.default_rng(0).integers(0, 256, (6, 18, 32, 3), dtype=np.uint8)


def scores(pictures: list[np.ndarray], speed: float) -> list[float]:
    frozen = FrozenPicture()
    pose = Pose2(0.0, 0.0, 0.0)
    return [frozen.step(n * TICK_NS, rgb, EgoState(n * TICK_NS, pose, speed)) for n, rgb in enumerate(pictures)]


def test_a_picture_that_stays_while_the_car_drives_is_frozen_after_one_repetition():
    assert scores([PICTURES[0].copy() for _ in range(5)], 5.0) == [0.0, 0.0, 1.0, 1.0, 1.0]


def test_a_standing_car_may_see_the_same_picture_again():
    assert scores([PICTURES[0]] * 5, 0.1) == [0.0] * 5


def test_pictures_that_change_by_one_bit_are_not_frozen():
    almost = [PICTURES[0].copy() for _ in range(5)]
    for n, picture in enumerate(almost):
        picture[0, 0, 0] = n
    assert scores(almost, 5.0) == [0.0] * 5


def test_a_camera_that_comes_back_is_trusted_again():
    assert scores([PICTURES[0]] * 4 + [PICTURES[1], PICTURES[2]], 5.0)[-2:] == [0.0, 0.0]


def test_setting_off_starts_the_clock():
    frozen, pose = FrozenPicture(), Pose2(0.0, 0.0, 0.0)
    for n in range(10):
        assert frozen.step(n * TICK_NS, PICTURES[0], EgoState(n * TICK_NS, pose, 0.0)) == 0.0
    assert frozen.step(10 * TICK_NS, PICTURES[0], EgoState(0, pose, 2.0)) == 0.0


def test_a_new_drive_forgets_the_last_picture():
    frozen = FrozenPicture()
    ego = EgoState(0, Pose2(0.0, 0.0, 0.0), 5.0)
    for n in range(4):
        frozen.step(n * TICK_NS, PICTURES[0], ego)
    frozen.reset()
    assert frozen.step(4 * TICK_NS, PICTURES[0], ego) == 0.0
