import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.dbw.codec import Decoded, Frame
from sim2real_ad.dbw.dataspeed.messages import NEEDED, dataspeed_codec
from sim2real_ad.dbw.pacmod.messages import pacmod_codec
from sim2real_ad.dbw.traffic import MILLISECOND, Receiver, Sender, Timer, watch_timeouts_ns
from sim2real_ad.errors import DbwError

GEAR_VALUES = {
    "GEAR": 4,
    "COMMANDED_GEAR": 0,
    "DRIVER_GEAR": 0,
    "REJECT": 0,
    "EXTERNAL_CONTROL": 0,
    "OVERRIDE_ACTIVE": 0,
    "READY": 1,
    "FAULT": 0,
    "BAD_CRC": 0,
}
GYRO = {"ROLL_RATE": 0.0, "PITCH_RATE": 0.0, "YAW_RATE": 0.1}
GLOBAL = {"CLEAR_FAULTS": 0, "SANITY_CHECK_REQUIRED": 1, "CLEAR_OVERRIDES": 0}


@pytest.fixture
def codec():
    return dataspeed_codec()


def receiver(codec, timeout_ms=75):
    return Receiver(codec, {"GYRO": timeout_ms * MILLISECOND})


def frames(codec, count, name="GYRO", values=GYRO):
    sender = Sender(codec)
    return [sender.frame(name, values) for _ in range(count)]


def test_the_counter_goes_on_by_one_and_wraps(codec):
    counters = [codec.decode(frame).values["COUNTER"] for frame in frames(codec, 6)]
    assert counters == [0, 1, 2, 3, 0, 1]


def test_a_refused_value_does_not_move_the_counter(codec):
    sender = Sender(codec)
    sender.frame("GYRO", GYRO)
    with pytest.raises(DbwError):
        sender.frame("GYRO", {**GYRO, "YAW_RATE": 7.0})
    assert codec.decode(sender.frame("GYRO", GYRO)).values["COUNTER"] == 1


def test_the_newest_good_values_are_kept_with_their_age(codec):
    bus = receiver(codec)
    assert math.isnan(bus.value("GYRO", "YAW_RATE"))
    assert bus.age_s("GYRO", 0) == math.inf
    bus.receive(frames(codec, 1)[0], 10 * MILLISECOND)
    assert bus.value("GYRO", "YAW_RATE") == pytest.approx(0.1)
    assert bus.age_s("GYRO", 30 * MILLISECOND) == pytest.approx(0.02)


def test_a_repeated_counter_is_not_believed_and_named(codec):
    bus, frame = receiver(codec), frames(codec, 1)[0]
    assert isinstance(bus.receive(frame, 0), Decoded)
    assert bus.receive(frame, MILLISECOND).fault == "counter"
    assert bus.age_s("GYRO", MILLISECOND) > 0.0


def test_lost_frames_are_counted_and_borne_with(codec):
    bus = receiver(codec)
    first, _, third = frames(codec, 3)
    assert isinstance(bus.receive(first, 0), Decoded)
    assert isinstance(bus.receive(third, 20 * MILLISECOND), Decoded)
    assert bus.logs["GYRO"].lost == 1
    assert bus.faults(20 * MILLISECOND) == ()


def test_a_strict_counter_may_not_lose_frames():
    codec = pacmod_codec()
    bus = Receiver(codec, {}, strict_counters=True)
    first, _, third = frames(codec, 3, "GLOBAL_CMD", GLOBAL)
    assert isinstance(bus.receive(first, 0), Decoded)
    assert bus.receive(third, 0).fault == "counter"


def test_silence_is_a_fault_from_the_timeout_on(codec):
    bus = receiver(codec)
    assert bus.faults(0) == ("gyro_missing",)
    bus.receive(frames(codec, 1)[0], 0)
    assert bus.faults(74 * MILLISECOND) == ()
    assert bus.faults(75 * MILLISECOND) == ("gyro_timeout",)


def test_a_clock_that_goes_back_does_not_make_an_old_report_young(codec):
    bus = receiver(codec)
    bus.receive(frames(codec, 1)[0], 1000 * MILLISECOND)
    assert bus.faults(0) == ("gyro_timeout",)


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda frame: frame._replace(data=bytes(8)), "gyro_crc"),
        (lambda frame: frame._replace(data=frame.data[:7]), "gyro_length"),
    ],
)
def test_wrong_frames_are_a_fault_after_60_ms_whatever_they_are(codec, spoil, fault):
    bus, sent = receiver(codec), frames(codec, 9)
    bus.receive(sent[0], 0)
    named = []
    for number, frame in enumerate(sent[1:], start=1):
        bus.receive(spoil(frame), number * 10 * MILLISECOND)
        named.append(bus.faults(number * 10 * MILLISECOND))
    assert named == [()] * 6 + [(fault,)] * 2


def test_a_slow_report_may_not_be_wrong_once(codec):
    bus = Receiver(codec, {"GEAR_REPORT": 350 * MILLISECOND})
    first, second = frames(codec, 2, "GEAR_REPORT", GEAR_VALUES)
    bus.receive(first, 0)
    bus.receive(second._replace(data=bytes(8)), 100 * MILLISECOND)
    assert bus.faults(100 * MILLISECOND) == ("gear_report_crc",)


def test_one_good_frame_ends_the_fault(codec):
    bus, sent = receiver(codec), frames(codec, 2)
    bus.receive(sent[0], 0)
    assert bus.faults(200 * MILLISECOND)
    bus.receive(sent[1], 200 * MILLISECOND)
    assert bus.faults(200 * MILLISECOND) == ()


def test_any_counter_is_taken_after_a_silence_but_not_after_wrong_frames(codec):
    quiet, stuck, frame = receiver(codec), receiver(codec), frames(codec, 1)[0]
    quiet.receive(frame, 0)
    assert isinstance(quiet.receive(frame, 200 * MILLISECOND), Decoded)
    for now_ms in range(0, 210, 10):
        answer = stuck.receive(frame, now_ms * MILLISECOND)
    assert answer.fault == "counter"
    assert stuck.faults(200 * MILLISECOND) == ("gyro_counter",)


def test_fast_reports_are_missed_sooner_than_the_protocol_demands_and_slow_ones_by_it(codec):
    timeouts = watch_timeouts_ns(codec, NEEDED, 75.0)
    assert timeouts["STEER_REPORT"] == timeouts["ULC_REPORT"] == 75 * MILLISECOND
    assert timeouts["SYSTEM_REPORT"] == 350 * MILLISECOND


def test_a_command_that_somebody_else_sends_is_named(codec):
    bus = receiver(codec)
    bus.receive(codec.encode("SYSTEM_CMD", {"CMD": 1, "COUNTER": 0}), 0)
    assert list(bus.foreign(["SYSTEM_CMD", "ULC_CMD"], 100 * MILLISECOND)) == ["foreign_system_cmd"]
    assert list(bus.foreign(["SYSTEM_CMD"], 600 * MILLISECOND)) == []


@given(st.lists(st.tuples(st.integers(0, 0x7FF), st.binary(max_size=12)), max_size=30))
def test_no_traffic_whatever_makes_a_receiver_raise(traffic):
    bus = Receiver(dataspeed_codec(), watch_timeouts_ns(dataspeed_codec(), NEEDED, 75.0))
    for number, (can_id, data) in enumerate(traffic):
        bus.receive(Frame(can_id, data), number * MILLISECOND)
    assert isinstance(bus.faults(30 * MILLISECOND), tuple)


def test_what_is_due_every_33_ms_keeps_its_mean_rate_in_steps_of_20_ms():
    timer = Timer(33.3)
    due = [now_ms for now_ms in range(0, 1000, 20) if timer.is_due(now_ms * MILLISECOND)]
    assert 29 <= len(due) <= 31
    assert max(later - earlier for earlier, later in itertools.pairwise(due)) <= 40


def test_a_timer_that_was_not_asked_for_long_does_not_catch_up():
    timer = Timer(20)
    assert timer.is_due(0)
    assert timer.is_due(500 * MILLISECOND)
    assert not timer.is_due(510 * MILLISECOND)
