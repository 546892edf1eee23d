"""Which camera frames may enter the graph."""

from __future__ import annotations

import pytest

from sim2real_ad.errors import CalibrationError
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.ros.frame_guard import FrameGuard
from sim2real_ad.ros.stamp_clock import StampClock

S = 1_000_000_000


def guard(max_age_s: float | None = 0.5) -> FrameGuard:
    return FrameGuard(load_camera("default"), max_age_s)


def test_fresh_frames_in_order_enter() -> None:
    g = guard()
    assert [g.refusal(stamp, stamp + S // 10) for stamp in (10 * S, 11 * S, 12 * S)] == [None] * 3


def test_a_frame_twice_or_out_of_order_is_dropped() -> None:
    g = guard()
    assert g.refusal(10 * S, 10 * S) is None
    assert "before" in (g.refusal(10 * S, 10 * S) or "")
    assert "before" in (g.refusal(10 * S - S // 2, 10 * S) or "")


def test_a_source_that_begins_anew_is_heard() -> None:
    g = guard(None)
    assert g.refusal(10 * S, 0) is None
    assert g.refusal(1 * S, 0) is None


@pytest.mark.parametrize("age_s", [0.6, 3600.0, -0.6])
def test_a_stale_frame_or_one_from_the_future_is_dropped_with_its_age(age_s: float) -> None:
    assert f"{age_s:.3f} s old" in (guard().refusal(10_000 * S, 10_000 * S + round(age_s * S)) or "")


def test_a_refused_frame_is_not_remembered() -> None:
    g = guard()
    assert g.refusal(20 * S, 10 * S) is not None
    assert g.refusal(10 * S, 10 * S) is None


def test_an_unstamped_frame_is_dropped() -> None:
    assert guard().refusal(0, 0) == "has no stamp"


def test_a_picture_of_another_shape_is_an_error_and_a_resized_one_is_not() -> None:
    assert guard().camera_for(640, 360).fx == pytest.approx(320.0)
    with pytest.raises(CalibrationError, match="640x480"):
        guard().camera_for(640, 480)


def test_a_driver_with_another_focal_length_is_an_error() -> None:
    matrix = (200.0, 0.0, 160.0, 0.0, 200.0, 90.0, 0.0, 0.0, 1.0)
    with pytest.raises(CalibrationError, match=r"200\.0.*160\.0"):
        guard().check_driver_calibration(matrix, 320, 180)
    guard().check_driver_calibration((0.0,) * 9, 320, 180)


def test_now_goes_on_where_the_simulated_clock_stands_still() -> None:
    clock = StampClock()
    assert clock.now_ns(5) is None
    clock.update(100 * S, 5 * S)
    assert clock.now_ns(5 * S) == 100 * S
    assert clock.now_ns(7 * S) == 102 * S
    clock.update(1 * S, 8 * S)
    assert clock.now_ns(8 * S) == 1 * S
