"""What counts as unsafe, safe and neither."""

from collections.abc import Callable

import pytest

from sim2real_ad.reward.audit_truth import CLEAR_S, DANGERS, FORESIGHT_S, SAFE, UNCLEAR, Ending, truth_of
from sim2real_ad.reward.moment import Moment

MakeTick = Callable[..., Moment]


@pytest.mark.parametrize("infraction", DANGERS)
def test_the_time_before_an_infraction_is_unsafe_then_unclear_then_safe(make_tick: MakeTick, infraction: str) -> None:
    ending = Ending(10.0, infraction)
    assert truth_of(make_tick(10.0 - FORESIGHT_S), ending) == infraction
    assert truth_of(make_tick(10.0 - FORESIGHT_S - 0.1), ending) == UNCLEAR
    assert truth_of(make_tick(10.0 - CLEAR_S - 0.1), ending) == SAFE


@pytest.mark.parametrize("ending", [None, Ending(5.5), Ending(5.5, "timeout"), Ending(5.5, "standing_still")])
def test_an_end_that_endangers_nobody_leaves_calm_driving_safe(make_tick: MakeTick, ending: Ending | None) -> None:
    assert truth_of(make_tick(5.0), ending) == SAFE


def test_each_danger_shows_in_its_own_numbers(make_tick: MakeTick) -> None:
    assert truth_of(make_tick(5.0, gap=5.0, closing_speed=5.0), None) == "collision"
    assert truth_of(make_tick(5.0, stop_distance=4.0), None) == "stop_line_run"


def test_near_misses_are_neither(make_tick: MakeTick) -> None:
    assert truth_of(make_tick(5.0, gap=15.0, closing_speed=5.0), None) == UNCLEAR
    assert truth_of(make_tick(5.0, lateral_offset=-2.9), None) == UNCLEAR, (
        "in its lane, while the line goes round an obstacle"
    )
    assert truth_of(make_tick(5.0, stop_distance=12.0), None) == UNCLEAR
    assert truth_of(make_tick(5.0, gap=6.0, closing_speed=0.0), None) == UNCLEAR, "tailgating at the same speed"
    assert truth_of(make_tick(5.0, gap=9.0, closing_speed=0.0), None) == SAFE
    assert truth_of(make_tick(5.0, heading_error=0.5), None) == UNCLEAR


def test_standing_close_behind_a_vehicle_or_at_a_line_is_safe(make_tick: MakeTick) -> None:
    still = {"speed": 0.0, "closing_speed": 0.0}
    assert truth_of(make_tick(5.0, **still, gap=2.0), None) == SAFE
    assert truth_of(make_tick(5.0, **still, stop_distance=1.0), None) == SAFE
    assert truth_of(make_tick(5.0, speed=0.3, closing_speed=0.3, gap=0.3), None) == SAFE, "closing up in a queue"
