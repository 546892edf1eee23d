import pytest

from sim2real_ad.safety.freshness import FreshnessMonitor

MS = 1_000_000


@pytest.fixture
def monitor():
    return FreshnessMonitor("input", max_silence_s=0.1, max_age_s=0.3, max_lead_s=0.05)


def test_what_never_came_is_missing(monitor):
    assert monitor.check(None, 0) == "input_missing"


def test_new_stamps_are_fresh_and_the_last_one_stays_so_for_the_silence_allowed(monitor):
    assert monitor.check(1000 * MS, 1000 * MS) is None
    assert monitor.check(1050 * MS, 1060 * MS) is None
    assert monitor.check(1050 * MS, 1160 * MS) is None
    assert monitor.check(1050 * MS, 1160 * MS + 1) == "input_stale"
    assert monitor.check(1170 * MS, 1170 * MS) is None


def test_silence_counts_from_when_a_stamp_was_first_seen(monitor):
    assert monitor.check(1000 * MS, 1050 * MS) is None
    assert monitor.check(1000 * MS, 1100 * MS) is None
    assert monitor.check(1000 * MS, 1150 * MS) is None
    assert monitor.check(1000 * MS, 1150 * MS + 1) == "input_stale"


def test_an_old_picture_that_arrives_on_time_is_stale(monitor):
    assert monitor.check(1000 * MS, 1300 * MS) is None
    assert monitor.check(1001 * MS, 1301 * MS + 1) == "input_stale"


def test_a_stamp_that_goes_back_is_refused_and_the_newest_is_remembered(monitor):
    assert monitor.check(1000 * MS, 1000 * MS) is None
    assert monitor.check(999 * MS, 1010 * MS) == "input_stamp_back"
    assert monitor.check(1000 * MS - 1, 1010 * MS) == "input_stamp_back"
    assert monitor.check(1000 * MS, 1020 * MS) is None


def test_a_stamp_that_goes_back_does_not_end_the_silence(monitor):
    assert monitor.check(1000 * MS, 1000 * MS) is None
    assert monitor.check(999 * MS, 1090 * MS) == "input_stamp_back"
    assert monitor.check(1000 * MS, 1101 * MS) == "input_stale"


def test_a_gap_does_not_make_older_stamps_welcome(monitor):
    assert monitor.check(1000 * MS, 1000 * MS) is None
    assert monitor.check(None, 1010 * MS) == "input_missing"
    assert monitor.check(999 * MS, 1020 * MS) == "input_stamp_back"


def test_a_stamp_may_lie_ahead_of_the_clock_by_the_lead_allowed_and_no_more(monitor):
    assert monitor.check(1050 * MS, 1000 * MS) is None
    assert monitor.check(1050 * MS + 1, 1000 * MS) == "input_from_future"


def test_a_stamp_from_the_future_is_refused_and_does_not_block_later_ones(monitor):
    assert monitor.check(1050 * MS, 1000 * MS) is None
    assert monitor.check(9000 * MS, 1010 * MS) == "input_from_future"
    assert monitor.check(1060 * MS, 1060 * MS) is None


def test_stale_input_is_fresh_again_with_the_next_new_stamp(monitor):
    monitor.check(1000 * MS, 1000 * MS)
    assert monitor.check(1000 * MS, 2000 * MS) == "input_stale"
    assert monitor.check(1999 * MS, 2001 * MS) is None


def test_after_forgetting_older_stamps_are_welcome(monitor):
    assert monitor.check(1000 * MS, 1000 * MS) is None
    monitor.forget()
    assert monitor.check(50 * MS, 50 * MS) is None


def test_stamps_of_zero_and_below_are_stamps(monitor):
    assert monitor.check(0, 0) is None
    assert monitor.check(-1, 0) == "input_stamp_back"
    monitor.forget()
    assert monitor.check(-5, -5) is None
