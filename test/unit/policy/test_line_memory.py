"""Where the stop line is once the camera does not see it any more."""

from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.policy.corridor import NO_LINE_DISTANCE
from sim2real_ad.policy.inputs import OVERRUN_M, LineMemory

TICK_NS = 50_000_000


def creep(memory: LineMemory, seen: list[float], blind: float, speed: float = 1.0) -> list[float]:
    return [memory.step(tick * TICK_NS, distance, blind, speed) for tick, distance in enumerate(seen)]


def test_a_line_that_is_seen_is_where_it_is_seen():
    assert creep(LineMemory(), [9.0, 8.7, 8.9], blind=2.0) == [9.0, 8.7, 8.9]


def test_a_line_in_the_blind_zone_comes_nearer_by_what_is_driven_until_the_bumper_is_past_it():
    distances = creep(LineMemory(), [1.6] + [NO_LINE_DISTANCE] * 50, blind=2.0)
    past = round((1.6 + OVERRUN_M) / 0.05)
    assert all(abs(d - (1.6 - 0.05 * n)) < 1e-6 for n, d in enumerate(distances[:past]))
    assert distances[-1] == NO_LINE_DISTANCE


def test_what_is_left_of_a_line_that_leaves_the_view_does_not_hold_it_away():
    distances = creep(LineMemory(), [1.5, 1.4, 1.35, 1.35, 1.35, NO_LINE_DISTANCE], blind=2.0, speed=2.0)
    assert all(abs(d - expected) < 1e-6 for d, expected in zip(distances, (1.5, 1.4, 1.3, 1.2, 1.1, 1.0), strict=True))


def test_a_line_that_would_be_seen_and_is_not_is_gone():
    assert creep(LineMemory(), [5.0, NO_LINE_DISTANCE], blind=2.0)[-1] == NO_LINE_DISTANCE


def test_where_no_line_was_none_comes_nearer_however_little_is_seen():
    assert set(creep(LineMemory(), [NO_LINE_DISTANCE] * 20, blind=40.0, speed=8.0)) == {NO_LINE_DISTANCE}


def test_a_standing_car_does_not_forget():
    assert creep(LineMemory(), [1.2] + [NO_LINE_DISTANCE] * 400, blind=2.0, speed=0.0)[-1] == 1.2


@given(gap_ns=st.one_of(st.integers(-(10**12), -1), st.integers(600_000_000, 10**12)))
def test_a_new_drive_knows_nothing_of_the_last_one(gap_ns):
    memory = LineMemory()
    memory.step(10**13, 1.0, 2.0, 0.0)
    assert memory.step(10**13 + gap_ns, NO_LINE_DISTANCE, 2.0, 0.0) == NO_LINE_DISTANCE
