"""Each term says one thing, stays in its bounds, and is worst where a value is not finite."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.reward import terms
from sim2real_ad.reward.moment import Moment

MomentFactory = Callable[..., Moment]
SHARES = (terms.centring, terms.heading, terms.stability)
COSTS = (terms.action_rate, terms.lateral_jerk)
ANY = st.floats(allow_nan=True, allow_infinity=True)
ACTION = st.floats(-1.0, 1.0)


@given(
    values=st.fixed_dictionaries(
        dict.fromkeys(("speed", "lateral_offset", "heading_error", "lateral_acceleration", "lateral_jerk"), ANY)
        | {"distance": ANY, "closing_speed": ANY, "gap": ANY, "stop_distance": ANY}
        | {"action": st.tuples(ANY, ANY), "last_action": st.tuples(ACTION, ACTION)}
    ),
    desired=st.floats(0.0, 40.0),
)
def test_every_term_stays_in_its_bounds_whatever_the_numbers(
    moment: MomentFactory, values: dict[str, Any], desired: float
) -> None:
    tick = moment(**values)
    for share in SHARES:
        assert 0.0 <= share(tick) <= 1.0
    for cost in COSTS:
        assert 0.0 <= cost(tick) <= 1.0
    for value in (terms.speed(tick, desired), terms.driving(tick, desired), terms.progress(tick, 0.05)):
        assert -1.0 <= value <= 1.0
    assert terms.standing(tick) in (-1.0, 0.0, 1.0)


@pytest.mark.parametrize("share", SHARES)
def test_a_share_is_whole_in_calm_driving_and_nothing_where_a_value_is_not_a_number(
    moment: MomentFactory, share: Callable[[Moment], float]
) -> None:
    lost = moment(lateral_offset=math.nan, heading_error=math.nan, lateral_acceleration=math.nan)
    assert share(moment()) == 1.0
    assert share(lost) == 0.0


@pytest.mark.parametrize("cost", COSTS)
def test_a_cost_is_nothing_in_calm_driving_and_whole_where_a_value_is_not_a_number(
    moment: MomentFactory, cost: Callable[[Moment], float]
) -> None:
    assert cost(moment()) == 0.0
    assert cost(moment(lateral_jerk=math.nan, action=(math.nan, 0.0))) == 1.0


@given(near=st.floats(0.0, 5.0), further=st.floats(0.0, 5.0))
def test_further_from_the_line_is_never_better_on_either_side(
    moment: MomentFactory, near: float, further: float
) -> None:
    here, there = moment(lateral_offset=near), moment(lateral_offset=-(near + further))
    assert terms.centring(there) <= terms.centring(here)


@given(speed=st.floats(0.0, 20.0), desired=st.floats(0.0, 10.0))
def test_no_speed_is_better_than_the_desired_one(moment: MomentFactory, speed: float, desired: float) -> None:
    assert terms.speed(moment(speed=speed), desired) <= terms.speed(moment(speed=desired), desired) + 1e-12


@given(desired=st.floats(0.0, 10.0))
def test_standing_is_worth_nothing_whatever_speed_is_desired(moment: MomentFactory, desired: float) -> None:
    assert terms.driving(moment(speed=0.0), desired) == 0.0


def test_being_off_the_line_does_not_make_speeding_less_bad(moment: MomentFactory) -> None:
    centred, beside = moment(speed=12.0), moment(speed=12.0, lateral_offset=1.9)
    assert terms.driving(beside, 4.0) <= terms.driving(centred, 4.0) < 0.0


def test_standing_has_a_reason_at_a_line_or_behind_a_standing_vehicle_only(moment: MomentFactory) -> None:
    assert terms.standing(moment(speed=0.0)) == -1.0
    assert terms.standing(moment(speed=0.0, stop_distance=2.0)) == 1.0
    assert terms.standing(moment(speed=0.0, stop_distance=6.0)) == -1.0, "too far off to serve the line"
    assert terms.standing(moment(speed=0.0, gap=4.0, closing_speed=0.0)) == 1.0
    assert terms.standing(moment(speed=0.0, gap=4.0, closing_speed=-6.0)) == -1.0, "what was ahead drives away"
    assert terms.standing(moment(speed=0.0, gap=20.0)) == -1.0
    assert terms.standing(moment(speed=3.0, stop_distance=2.0)) == 0.0


@given(
    gap=st.floats(0.0, 60.0),
    speed=st.floats(0.0, 15.0),
    closing=st.floats(-10.0, 15.0),
    stop=st.one_of(st.just(math.inf), st.floats(-1.0, 60.0)),
)
def test_the_comfortable_speed_is_never_above_the_hard_one_nor_the_limit(
    moment: MomentFactory, gap: float, speed: float, closing: float, stop: float
) -> None:
    tick = moment(gap=gap, speed=speed, closing_speed=closing, stop_distance=stop)
    comfortable = terms.safe_speed(tick, 1.6, 1.0, 2.5, 2.0)
    assert 0.0 <= comfortable <= terms.safe_speed(tick, 4.0, 0.2, 1.0, 0.5) + 1e-9 <= tick.speed_limit + 1e-9


def test_from_the_safe_speed_the_car_can_still_stop_behind_what_brakes_ahead(moment: MomentFactory) -> None:
    tick = moment(speed=9.0, gap=12.0, closing_speed=4.0)
    safe = terms.safe_speed(tick, 2.0, 1.0, 2.0, 2.0)
    stopping_way = safe * 1.0 + safe**2 / (2.0 * 2.0)
    assert stopping_way == pytest.approx(12.0 - 2.0 + 5.0**2 / (2.0 * 2.0))


def test_the_safe_speed_before_a_stop_line_falls_to_a_halt_where_a_stop_counts(moment: MomentFactory) -> None:
    assert terms.safe_speed(moment(stop_distance=terms.STOP_SHORT), 1.6, 1.0, 2.5, terms.STOP_SHORT) == 0.0
    assert 0.0 < terms.STOP_SHORT < terms.STOP_ZONE


def test_a_ramp_of_the_action_costs_less_than_the_same_change_at_once(moment: MomentFactory) -> None:
    at_once = terms.action_rate(moment(action=(0.1, 0.0)))
    assert 0.0 < 10 * terms.action_rate(moment(action=(0.01, 0.0))) < at_once
    assert terms.action_rate(moment(action=(1.0, 1.0), last_action=(-1.0, -1.0))) == pytest.approx(1.0)


def test_the_goal_does_not_count_in_the_tick_of_an_infraction(moment: MomentFactory) -> None:
    assert terms.goal(moment(success=True)) == 1.0
    assert terms.goal(moment(success=True, infraction="collision")) == 0.0
