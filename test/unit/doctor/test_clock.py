import ctypes
import time

import pytest

from sim2real_ad.doctor.clock import CLOCK_ERROR, Timex, judge_clock, read_clock, reading_from
from sim2real_ad.doctor.finding import Status

LEAD_MS = 50.0
SYNCHRONISED, NANO, UNSYNC = 0x0001, 0x2000, 0x0040


def test_offsets_are_in_microseconds_unless_the_kernel_says_nanoseconds() -> None:
    assert reading_from(0, SYNCHRONISED, 1500, 2000).offset_ms == pytest.approx(1.5)
    assert reading_from(0, SYNCHRONISED | NANO, 1500, 2000).offset_ms == pytest.approx(0.0015)
    assert reading_from(0, SYNCHRONISED, 0, 2000).most_ms == pytest.approx(2.0)


@pytest.mark.parametrize(("state", "status"), [(CLOCK_ERROR, SYNCHRONISED), (0, UNSYNC)])
def test_either_sign_of_an_unsteered_clock_is_heeded(state: int, status: int) -> None:
    finding = judge_clock(reading_from(state, status, 0, 100), LEAD_MS)
    assert finding.status is Status.warning
    assert "not synchronised" in finding.found


@pytest.mark.parametrize(("most_us", "status"), [(50_000, Status.ok), (50_001, Status.warning)])
def test_a_steered_clock_may_be_off_by_what_the_gate_allows(most_us: int, status: Status) -> None:
    assert judge_clock(reading_from(0, SYNCHRONISED, 0, most_us), LEAD_MS).status is status


def test_the_kernel_s_structure_is_read_where_its_fields_are() -> None:
    reading = Timex(modes=0)
    ctypes.CDLL(None).adjtimex(ctypes.byref(reading))
    assert 9_000 <= reading.tick <= 11_000, "tick is in us of a clock at 100 Hz, adjtimex(2)"
    assert reading.time[0] == pytest.approx(time.time(), abs=5.0)
    assert ctypes.sizeof(Timex) >= 208, "the kernel writes so many bytes"


def test_this_kernel_answers() -> None:
    assert read_clock().most_ms >= 0.0
