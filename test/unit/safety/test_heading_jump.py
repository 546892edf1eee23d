"""A road that turns from one view to the next is braked for at once, and stopped for if it stays so."""

import pytest
from gate_drive import LIMITS, MS, limits_with

from sim2real_ad.safety.findings import Severity
from sim2real_ad.safety.heading_jump import HeadingJump

HEADING = LIMITS.heading
CALM = [0.0, 0.01, -0.01, 0.02, 0.0, -0.02]
TURNED = 0.14
PERIOD = 50 * MS


def read(*readings, watch=None, begin=0, **changes):
    """Show readings, a view each; return what is found at each."""
    watch = watch or HeadingJump(limits_with(heading=changes).heading if changes else HEADING)
    return [watch.step(value, (begin + number) * PERIOD) for number, value in enumerate(readings)]


def test_calm_readings_are_no_jump():
    assert read(*CALM, *CALM, *CALM) == [None] * 18


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_jump_is_braked_for_at_once_and_stopped_for_when_it_has_lasted(side):
    found = read(*CALM, *[side * TURNED] * 8)
    assert found == [None] * 6 + [Severity.LAPSE] * 6 + [Severity.STOP] * 2


def test_a_reading_that_returns_ends_the_jump_and_the_next_one_is_braked_for_anew():
    found = read(*CALM, TURNED, TURNED, 0.0, *[TURNED] * 7)
    assert found == [None] * 6 + [Severity.LAPSE] * 2 + [None] + [Severity.LAPSE] * 6 + [Severity.STOP]


def test_before_as_many_views_as_it_takes_nothing_jumps():
    assert read(*CALM[:5], TURNED) == [None] * 6
    assert read(*CALM[:5], TURNED, calm_views=5)[-1] is Severity.LAPSE


def test_where_the_views_before_were_not_calm_nothing_jumps():
    restless = [0.0, 0.0, 0.0, 0.0, 0.0, 0.036]
    assert read(*restless, TURNED)[-1] is None
    assert read(*restless[:5], 0.035, TURNED)[-1] is Severity.LAPSE
    assert read(*restless[:5], -0.036, TURNED)[-1] is None


def test_only_the_views_just_before_must_be_calm():
    assert read(0.06, *CALM, TURNED)[-1] is Severity.LAPSE


def test_a_jump_is_measured_from_what_was_usual_before():
    assert read(*[0.02] * 6, 0.125)[-1] is None, "0.105 and no more"
    assert read(*[0.02] * 6, 0.1251)[-1] is Severity.LAPSE
    assert read(*[-0.03] * 6, 0.0755)[-1] is Severity.LAPSE
    assert read(*[-0.03] * 6, 0.0749)[-1] is None


def test_a_road_that_leads_along_the_route_is_no_jump_wherever_it_led_before():
    assert read(*[0.15] * 6, 0.0)[-1] is None
    assert read(*[0.15] * 6, 0.07)[-1] is None
    assert read(*[0.18] * 6, 0.0701)[-1] is Severity.LAPSE
    assert read(*[0.18] * 6, 0.07)[-1] is None


def test_what_stays_turned_is_no_jump_any_more_when_the_other_check_has_seen_enough():
    found = read(*CALM, *[TURNED] * 40)
    assert found[6 + HEADING.views - 1] is Severity.STOP
    assert found[6 + HEADING.views :] == [None] * (40 - HEADING.views)


def test_after_that_the_turned_road_is_the_usual_one():
    watch = HeadingJump(HEADING)
    read(*CALM, *[TURNED] * (HEADING.views + 6), watch=watch)
    assert read(-TURNED, watch=watch, begin=100) == [Severity.LAPSE]


def test_a_new_start_knows_of_no_view_and_no_jump():
    watch = HeadingJump(HEADING)
    read(*CALM, *[TURNED] * 7, watch=watch)
    watch.forget()
    assert read(*[TURNED] * 6, *[0.0] * 6, watch=watch, begin=20) == [None] * 12
    assert read(TURNED, watch=watch, begin=32) == [Severity.LAPSE], "and has not lasted"


def test_a_jump_of_which_a_new_start_forgot_the_views_may_last_as_long_as_any():
    watch = HeadingJump(HEADING)
    read(*CALM, *[TURNED] * 20, watch=watch)
    watch.forget()
    found = read(*CALM, *[TURNED] * HEADING.views, watch=watch, begin=30)
    assert found[-1] is Severity.STOP
