"""What a vision-language model has to see in the picture: the road, the others, and where the car is going."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.guidance import Scene
from sim2real_ad.reward.view import (
    CAR,
    COLOURS,
    GROUND,
    PIXELS_PER_METRE,
    VIEW_HEIGHT,
    VIEW_WIDTH,
    VIEW_X_MIN,
    paint_scene,
)
from sim2real_ad.types import UInt8Array

SPEC = BevSpec()


def scene(speed: float = 0.0, curvature: float = 0.0, **boxes: tuple[float, float, float, float]) -> Scene:
    """A scene with a box (x_min, x_max, y_min, y_max) in m in each channel named."""
    bev = np.zeros(SPEC.shape, np.uint8)
    x, y = np.moveaxis(SPEC.cell_centres(), -1, 0)
    for channel, (near, far, right, left) in boxes.items():
        bev[SPEC.index(channel), (x > near) & (x < far) & (y > right) & (y < left)] = 255
    return Scene(bev, speed, curvature)


def pixel(picture: UInt8Array, x: float, y: float) -> tuple[int, ...]:
    """The colour of a place in base_link, m."""
    row = int(VIEW_HEIGHT - (x - VIEW_X_MIN) * PIXELS_PER_METRE)
    column = int(VIEW_WIDTH / 2.0 - y * PIXELS_PER_METRE)
    return tuple(int(value) for value in picture[row, column])


def changed(speed: float, curvature: float) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where the picture differs from that of the standing car."""
    return (paint_scene(scene(speed, curvature), SPEC) != paint_scene(scene(), SPEC)).any(axis=2)


@pytest.mark.parametrize("channel", list(COLOURS))
def test_what_is_in_a_channel_shows_in_its_colour_at_its_place(channel: str) -> None:
    picture = paint_scene(scene(**{channel: (14.0, 18.0, 2.0, 5.0)}), SPEC)
    assert pixel(picture, 16.0, 3.5) == COLOURS[channel]
    assert pixel(picture, 16.0, -3.5) == GROUND


def test_a_pedestrian_shows_above_the_road_it_stands_on() -> None:
    road = (0.0, 40.0, -8.0, 8.0)
    picture = paint_scene(scene(drivable=road, pedestrian=(12.0, 13.1, -2.0, -1.0)), SPEC)
    assert pixel(picture, 12.5, -1.5) == COLOURS["pedestrian"]


def test_the_car_is_drawn_where_it_stands() -> None:
    picture = paint_scene(scene(), SPEC)
    assert pixel(picture, 1.5, 0.0) == CAR
    assert pixel(picture, 4.5, 0.0) == GROUND
    assert pixel(picture, 1.5, 1.5) == GROUND


@given(speed=st.floats(0.5, 10.0), more=st.floats(0.7, 3.0))
@settings(deadline=None, max_examples=30)
def test_a_faster_car_has_a_longer_ribbon(speed: float, more: float) -> None:
    slower, faster = (np.flatnonzero(changed(v, 0.0).any(axis=1)).min() for v in (speed, speed + more))
    assert faster < slower


@given(curvature=st.floats(0.02, 0.12), speed=st.floats(4.0, 9.0))
@settings(deadline=None, max_examples=30)
def test_a_car_that_steers_left_has_its_ribbon_bent_to_the_left(curvature: float, speed: float) -> None:
    left, right = changed(speed, curvature), changed(speed, -curvature)
    middle = VIEW_WIDTH // 2
    assert left[:, :middle].sum() > left[:, middle:].sum()
    assert abs(int(left[:, :middle].sum()) - int(right[:, middle:].sum())) <= 12  # mirrored but for rounding


def test_the_standing_car_has_no_ribbon() -> None:
    assert not changed(0.0, 0.1).any()


def test_what_lies_under_the_ribbon_stays_visible() -> None:
    box = (10.0, 14.0, -0.9, 0.9)
    with_car, without = (paint_scene(scene(8.0, vehicle=box) if k else scene(8.0), SPEC) for k in (1, 0))
    assert np.abs(np.subtract(pixel(with_car, 12.5, 0.0), pixel(without, 12.5, 0.0))).max() > 60


def test_a_scene_of_another_spec_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3, 4\)"):
        paint_scene(Scene(np.zeros((2, 3, 4), np.uint8), 0.0, 0.0), SPEC)


@given(speed=st.floats(0.0, 40.0), curvature=st.floats(-0.5, 0.5))
@settings(deadline=None, max_examples=40)
def test_any_motion_can_be_painted(speed: float, curvature: float) -> None:
    picture = paint_scene(scene(speed, curvature), SPEC)
    assert picture.shape == (VIEW_HEIGHT, VIEW_WIDTH, 3)
    assert picture.dtype == np.uint8
