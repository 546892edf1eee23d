"""A frame is joined with the ego state that belongs to it, never with a later or an older drive's one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.ros.ego_tracker import SOURCES, EgoSource, EgoTracker, Reading
from sim2real_ad.safety.inputs import SpeedReport
from sim2real_ad.types import EgoState, Pose2

MS = 1_000_000


def reading(source: EgoSource, stamp_ns: int, value: float = 1.0) -> Reading:
    return Reading(stamp_ns, (value, 2.0, 3.0, 4.0, 5.0) if source == "odometry" else (value,))


def filled(tracker: EgoTracker, stamp_ns: int, value: float = 1.0) -> EgoTracker:
    for source in SOURCES:
        tracker.add(source, reading(source, stamp_ns, value))
    return tracker


def test_every_part_lands_in_its_place() -> None:
    tracker = EgoTracker(exact=True, max_age_s=0.1)
    tracker.add("odometry", Reading(5, (1.0, 2.0, 0.3, 0.4, 5.9)))
    tracker.add("acceleration", Reading(5, (0.5,)))
    tracker.add("velocity", Reading(5, (6.0,)))
    tracker.add("steering", Reading(5, (0.07,)))
    assert tracker.at(5) == EgoState(5, Pose2(1.0, 2.0, 0.3), 6.0, 0.5, 0.4, 0.07)


def test_lock_step_takes_no_neighbour_of_the_frame() -> None:
    tracker = filled(EgoTracker(exact=True, max_age_s=1.0), 100 * MS)
    assert tracker.at(100 * MS) is not None
    assert tracker.at(101 * MS) is None
    assert tracker.at(99 * MS) is None


def test_lock_step_waits_for_the_last_source() -> None:
    for late in SOURCES:
        tracker = EgoTracker(exact=True, max_age_s=1.0)
        for source in SOURCES:
            if source != late:
                tracker.add(source, reading(source, 7))
        assert tracker.at(7) is None
        assert tracker.missing(7) == [late]
        tracker.add(late, reading(late, 7))
        assert tracker.at(7) is not None


def test_real_time_takes_the_newest_report_that_is_not_after_the_frame() -> None:
    tracker = EgoTracker(exact=False, max_age_s=0.2)
    for stamp, value in ((100, 1.0), (140, 2.0), (180, 3.0)):
        filled(tracker, stamp * MS, value)
    joined = tracker.at(170 * MS)
    assert joined is not None
    assert (joined.speed, joined.stamp_ns) == (2.0, 140 * MS)


def test_an_ego_state_is_as_old_as_its_oldest_part() -> None:
    tracker = filled(EgoTracker(exact=False, max_age_s=0.2), 100 * MS)
    tracker.add("velocity", reading("velocity", 150 * MS))
    joined = tracker.at(160 * MS)
    assert joined is not None
    assert joined.stamp_ns == 100 * MS


def test_a_report_older_than_the_limit_does_not_count() -> None:
    tracker = filled(EgoTracker(exact=False, max_age_s=0.2), 100 * MS)
    assert tracker.at(300 * MS) is not None
    assert tracker.at(301 * MS) is None


def test_stamps_that_go_back_begin_anew() -> None:
    tracker = filled(EgoTracker(exact=False, max_age_s=10.0), 5_000 * MS, 9.0)
    filled(tracker, 50 * MS, 1.0)
    joined = tracker.newest()
    assert joined is not None
    assert (joined.speed, joined.stamp_ns) == (1.0, 50 * MS)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=60, unique=True), st.integers(1, 1000))
def test_the_join_equals_a_search_through_everything(stamps: list[int], frame: int) -> None:
    tracker = EgoTracker(exact=False, max_age_s=0.2)
    for stamp in sorted(stamps):
        filled(tracker, stamp * MS, float(stamp))
    fitting = [s for s in stamps if frame - 200 <= s <= frame]
    joined = tracker.at(frame * MS)
    assert (None if joined is None else joined.speed) == (float(max(fitting)) if fitting else None)


def test_the_speed_by_localization_is_kept_apart_from_the_wheels():
    tracker = EgoTracker(exact=True, max_age_s=0.2)
    assert tracker.localization() is None
    tracker.add("odometry", reading("odometry", 5))
    assert tracker.localization() == tracker.localization(5) == SpeedReport(5, 5.0)
    assert tracker.localization(6) is None
