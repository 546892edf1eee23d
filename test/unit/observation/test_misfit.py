"""A calibration is doubted over a stretch of road: one odd picture is not enough, and an odd place does not last."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.observation.misfit import PICTURES, Misfit
from sim2real_ad.types import EgoState, Pose2

TICK_NS = 50_000_000


class Road:
    """A car that drives at some speed, m/s, a picture every 50 ms."""

    def __init__(self):
        self.misfit, self.stamp_ns = Misfit(), 0

    def drive(self, score, metres, speed=8.0):
        return [self.look(score, speed) for _ in range(round(metres / speed / 0.05))]

    def look(self, score, speed=8.0):
        self.stamp_ns += TICK_NS
        return self.misfit.step(self.stamp_ns, score, EgoState(self.stamp_ns, Pose2(0.0, 0.0, 0.0), speed))


@pytest.fixture
def road():
    return Road()


def test_a_calibration_that_is_wrong_from_the_start_is_told_at_once(road):
    assert road.look(1.0, speed=0.0) == 1.0
    assert min(road.drive(1.0, 100.0)) == 1.0


def test_odd_pictures_of_less_than_half_a_stretch_are_not_told(road):
    road.drive(0.0, 60.0)
    assert max(road.drive(1.0, 15.0)) == 0.0
    assert max(road.drive(0.0, 60.0)) == 0.0


def test_a_calibration_that_becomes_wrong_is_told_after_some_twenty_metres(road):
    road.drive(0.0, 60.0)
    told = road.drive(1.0, 40.0)
    assert max(told[: len(told) // 2 - 3]) == 0.0
    assert min(told[len(told) // 2 + 3 :]) == 1.0


def test_a_car_that_stands_before_something_odd_learns_nothing_from_it(road):
    road.drive(0.0, 60.0)
    assert {road.look(1.0, speed=0.0) for _ in range(1000)} == {0.0}


def test_before_the_first_metre_every_picture_counts_and_the_road_outweighs_them(road):
    for _ in range(100):
        assert road.look(1.0, speed=0.0) == 1.0
    assert road.drive(0.0, 60.0)[-1] == 0.0


def test_pictures_that_come_too_late_tell_nothing_of_the_way_between(road):
    road.drive(0.0, 60.0)
    for _ in range(100):
        road.stamp_ns += 1_000_000_000
        assert road.look(1.0) == 0.0


def test_a_clock_that_goes_back_is_no_way(road):
    road.drive(0.0, 60.0)
    for _ in range(100):
        road.stamp_ns -= 3 * TICK_NS
        assert road.look(1.0) == 0.0


def test_after_a_reset_only_what_comes_then_counts(road):
    road.drive(0.0, 60.0)
    road.misfit.reset()
    assert road.look(1.0, speed=0.0) == 1.0


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(-2.0, 15.0)), min_size=1, max_size=3 * PICTURES))
def test_the_doubt_lies_within_what_was_said(story):
    road, said = Road(), []
    for score, speed in story:
        said.append(score)
        assert min(said) <= road.look(score, speed) <= max(said)
