"""A camera that is turned from one picture to the next is noticed; whatever a car does by itself is not."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.observation.knock import LONGEST_PAUSE_S, REMEMBERED_NS, TURNED, KnockedCamera
from sim2real_ad.safety.limits import load_safety_limits
from sim2real_ad.types import EgoState, Pose2, ns_from_seconds

TICK_NS = 50_000_000
CAMERA = load_camera("default")
HEIGHT, WIDTH = CAMERA.height, CAMERA.width
SCENE = cv2.GaussianBlur(
    np.random.default_rng(3).integers(0, 256, (3 * HEIGHT, 3 * WIDTH, 3), dtype=np.uint8), (0, 0), 6.0
)
SCENE = cv2.normalize(SCENE, None, 0, 255, cv2.NORM_MINMAX)


def picture(right_deg: float = 0.0, down_deg: float = 0.0) -> np.ndarray:
    """The scene through a camera turned so that what it shows moves right and down."""
    column = WIDTH - round(CAMERA.fx * math.tan(math.radians(right_deg)))
    row = HEIGHT - round(CAMERA.fy * math.tan(math.radians(down_deg)))
    return np.ascontiguousarray(SCENE[row : row + HEIGHT, column : column + WIDTH])


def told(*pictures: np.ndarray, yaw_rate: float = 0.0, tick_ns: int = TICK_NS, watch: KnockedCamera | None = None):
    watch = watch or KnockedCamera(CAMERA)
    ego = EgoState(0, Pose2(0.0, 0.0, 0.0), 5.0, yaw_rate=yaw_rate)
    return [watch.step((n + 1) * tick_ns, rgb, ego) for n, rgb in enumerate(pictures)]


@pytest.mark.parametrize("angle", [8.0, -8.0, 12.0, -12.0])
def test_a_camera_that_is_turned_is_noticed_in_the_next_picture(angle):
    assert told(picture(), picture(angle)) == [0.0, 1.0]


@pytest.mark.parametrize("angle", [7.0, -7.0])
def test_a_camera_that_nods_is_noticed_too(angle):
    assert told(picture(), picture(0.0, angle)) == [0.0, 1.0]


@settings(max_examples=40, deadline=None)
@given(st.floats(-3.5, 3.5), st.floats(-2.0, 2.0))
def test_what_a_kerb_or_a_bend_does_is_no_knock(right, down):
    assert told(picture(), picture(right, down)) == [0.0, 0.0]


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_car_that_turns_says_so_by_its_yaw_rate(side):
    turned, rate = picture(side * 8.0), side * math.radians(8.0) / 0.05
    assert told(picture(), turned, yaw_rate=rate) == [0.0, 0.0]
    assert told(picture(), turned, yaw_rate=-0.1 * rate) == [0.0, 1.0], "a yaw rate of the other side explains nothing"
    assert told(picture(), picture(), yaw_rate=rate) == [0.0, 1.0], "nor does the picture of a car that says it turns"


def test_a_knock_is_remembered_until_the_gate_has_stopped_for_it():
    assert ns_from_seconds(load_safety_limits().domain.unfamiliar_hold) < REMEMBERED_NS
    ticks = REMEMBERED_NS // TICK_NS
    seen = told(picture(), *[picture(8.0)] * (ticks + 3))
    assert seen == [0.0, *[1.0] * ticks, *[0.0] * 3]


def test_after_a_pause_the_car_may_have_turned_by_itself():
    longest = round(LONGEST_PAUSE_S * 1e9)
    assert told(picture(), picture(8.0), tick_ns=longest) == [0.0, 1.0]
    assert told(picture(), picture(8.0), tick_ns=longest + 1) == [0.0, 0.0]
    assert told(picture(), picture(8.0), tick_ns=0) == [0.0, 0.0], "a picture that comes twice is no new one"


def test_a_new_drive_begins_anew():
    watch = KnockedCamera(CAMERA)
    told(picture(), picture(8.0), watch=watch)
    watch.reset()
    assert told(picture(-8.0), picture(-8.0), watch=watch) == [0.0, 0.0]


def test_a_thing_that_crosses_one_half_is_no_knock():
    crossing = picture()
    crossing[:, : WIDTH // 2] = picture(8.0)[:, : WIDTH // 2]
    assert told(picture(), crossing) == [0.0, 0.0]
    crossing = picture(8.0)
    crossing[:, : WIDTH // 2] = picture(-8.0)[:, : WIDTH // 2]
    assert told(picture(), crossing) == [0.0, 0.0], "nor what goes apart"


def test_plain_or_unlike_pictures_tell_nothing():
    plain, other = np.full_like(picture(), 90), cv2.flip(picture(), -1)
    for before, after in ((plain, plain), (picture(), plain), (plain, picture()), (picture(), other)):
        assert told(before, after) == [0.0, 0.0]


def test_a_larger_picture_of_the_same_camera_is_read_alike():
    def twice(rgb):
        return cv2.resize(rgb, None, fx=2.0, fy=2.0)

    assert told(twice(picture()), twice(picture(8.0))) == [0.0, 1.0]
    assert told(picture(), twice(picture(8.0))) == [0.0, 1.0]
    assert told(picture(), picture(8.0)[: HEIGHT // 2]) == [0.0, 0.0], "pictures of another shape cannot be compared"


def test_the_angle_is_the_cameras_whatever_its_field_of_view():
    wide = KnockedCamera(CAMERA.off_by(zoom=0.5))
    columns = round(CAMERA.fx * math.tan(TURNED) * 0.75)
    shifted = SCENE[HEIGHT : 2 * HEIGHT, WIDTH - columns : 2 * WIDTH - columns]
    assert told(picture(), shifted) == [0.0, 0.0], "below the least angle"
    assert told(picture(), shifted, watch=wide) == [0.0, 1.0], "the same shift is a larger angle through a wider lens"
