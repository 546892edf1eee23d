"""The bus's thread keeps time, ends when told, and says so when it ends by itself."""

import threading
import time

import pytest

from sim2real_ad.dbw.bus_loop import BusLoop, Periods
from sim2real_ad.errors import DbwError

PERIOD_S = 0.01


@pytest.fixture
def silenced(monkeypatch):
    """What a thread raises is expected here."""
    raised = []
    monkeypatch.setattr(threading, "excepthook", lambda told: raised.append(told.exc_value))
    return raised


def never(error):
    raise AssertionError(error)


def run_for(seconds, step, broken=never):
    loop = BusLoop(step, PERIOD_S, broken)
    loop.start()
    time.sleep(seconds)
    loop.close()
    return loop


def test_a_step_comes_every_period():
    times = []
    run_for(0.5, times.append)
    assert 25 <= len(times) <= 51, "a busy machine may be late, but nothing comes too often"
    assert times == sorted(times)


def test_a_late_step_is_caught_up_with_but_not_a_long_pause():
    times = []

    def step(now_ns):
        times.append(now_ns)
        if len(times) == 3:
            time.sleep(0.03)
        if len(times) == 20:
            time.sleep(0.2)

    run_for(0.6, step)
    assert 15 <= len(times) <= 45, "of the 0.2 s nothing is caught up, of the 0.03 s everything"


def test_nothing_happens_after_the_end():
    times = []
    loop = run_for(0.05, times.append)
    count = len(times)
    time.sleep(0.05)
    assert len(times) == count
    loop.close()


def test_a_loop_that_never_began_can_be_closed():
    BusLoop(lambda now_ns: None, PERIOD_S, never).close()


def test_a_step_that_raises_ends_the_loop_and_is_told(silenced):
    told = []

    def step(now_ns):
        raise ValueError("no such frame")

    run_for(0.05, step, told.append)
    assert [type(error) for error in told] == [DbwError]
    assert "nothing is sent any more" in str(told[0])
    assert [str(error) for error in silenced] == ["no such frame"]


def test_a_step_may_close_its_own_loop():
    loops = []

    def step(now_ns):
        loops[0].close()

    loops.append(BusLoop(step, PERIOD_S, never))
    loops[0].start()
    time.sleep(0.05)
    loops[0].close()


def test_periods_tell_how_far_from_even_they_were():
    periods = Periods(0.01)
    assert periods.error_ms(0.99) == 0.0
    for now_ms in (0, 10, 20, 35, 45):
        periods.note(now_ms * 1_000_000)
    assert periods.error_ms(1.0) == pytest.approx(5.0)
    assert periods.greatest_error_ms == pytest.approx(5.0)
    assert periods.error_ms(0.5) == pytest.approx(0.0)
