import dataclasses

import pytest

from sim2real_ad.safety.findings import Finding, Persistence, Severity, worsened


def test_the_driver_counts_more_than_an_emergency_that_more_than_a_stop_and_that_more_than_a_lapse():
    assert Severity.LAPSE < Severity.STOP < Severity.EMERGENCY < Severity.REVOKE


def test_a_finding_is_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Finding("check", "reason", Severity.STOP).reason = "other"


def test_a_finding_may_lack_details():
    assert Finding("check", "reason", Severity.STOP).detail == ""


def test_what_holds_counts_from_the_nanosecond_that_it_has_held_for_long_enough():
    persistence = Persistence(100)
    assert [persistence.step(now, holds=True) for now in (7, 50, 106, 107, 500)] == [False, False, False, True, True]


def test_where_no_time_is_asked_for_what_holds_counts_at_once():
    assert Persistence(0).step(7, holds=True)
    assert not Persistence(0).step(7, holds=False)


def test_a_break_starts_the_time_anew():
    persistence = Persistence(100)
    persistence.step(0, holds=True)
    assert not persistence.step(99, holds=False)
    assert not persistence.step(100, holds=True)
    assert not persistence.step(199, holds=True)
    assert persistence.step(200, holds=True)


def test_a_clock_that_goes_back_starts_the_time_anew():
    persistence = Persistence(100)
    persistence.step(1000, holds=True)
    assert not persistence.step(999, holds=True)
    assert not persistence.step(1098, holds=True)
    assert persistence.step(1099, holds=True)


def test_a_clock_that_stands_still_does_not():
    persistence = Persistence(100)
    persistence.step(0, holds=True)
    assert persistence.step(100, holds=True)
    assert persistence.step(100, holds=True)


def test_what_held_is_forgotten():
    persistence = Persistence(100)
    persistence.step(0, holds=True)
    persistence.forget()
    assert not persistence.step(100, holds=True)
    assert persistence.step(200, holds=True)


@pytest.mark.parametrize("severity", [Severity.STOP, Severity.EMERGENCY])
def test_what_must_last_to_be_bad_is_a_lapse_until_it_has(severity):
    hold = Persistence(100)
    judged = [
        worsened(hold, now, holds=holds, severity=severity)
        for now, holds in ((0, True), (99, True), (100, True), (101, False), (102, True), (201, True), (202, True))
    ]
    lapse = Severity.LAPSE
    assert judged == [lapse, lapse, severity, None, lapse, lapse, severity]


def test_what_need_not_last_is_no_lapse():
    assert worsened(Persistence(0), 0, holds=True, severity=Severity.STOP) is Severity.STOP
