"""The order in which the messages of a drive in lock-step are replayed."""

from collections import namedtuple

from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.replay.order import WINDOW_NS, by_stamp

Raw = namedtuple("Raw", "stamp_ns log_time_ns")
TICK = 50_000_000
OF_A_TICK = ("image", "odometry", "velocity", "control_mode", "observation", "action", "request", "control")


def ordered(messages) -> list:
    return list(by_stamp(messages, lambda raw: raw.stamp_ns))


def drive(start_ns: int, ticks: int, log_from_ns: int) -> list:
    return [
        (role, Raw(start_ns + tick * TICK, log_from_ns + tick * TICK + place))
        for tick in range(ticks)
        for place, role in enumerate(OF_A_TICK)
    ]


@given(st.randoms(use_true_random=False))
def test_whatever_the_recorder_heard_first_a_stamp_begins_with_the_car_and_ends_with_the_command(random):
    messages = drive(10**9, 12, 5 * 10**12)
    for first in range(0, len(messages), 8):
        part = messages[first : first + 8]
        random.shuffle(part)
        messages[first : first + 8] = part
    found = ordered(messages)
    for first in range(0, len(found), 8):
        roles = [role for role, _ in found[first : first + 8]]
        assert set(roles[:3]) == {"odometry", "velocity", "control_mode"}
        assert roles[3:] == ["image", "observation", "action", "request", "control"]


def test_an_episode_that_is_heard_after_its_first_picture_still_comes_before_it():
    early, late = ("image", Raw(10**9, 100)), ("episode", Raw(10**9, 200))
    assert ordered([early, late]) == [late, early]


def test_a_drive_whose_stamps_begin_anew_comes_after_the_one_before():
    first, second = drive(900 * 10**9, 3, 10**12), drive(10**9, 3, 10**12 + 3 * TICK)
    stamps = [raw.stamp_ns for _, raw in ordered([*first, *second])]
    assert stamps == sorted(raw.stamp_ns for _, raw in first) + sorted(raw.stamp_ns for _, raw in second)


@given(st.integers(1, 60))
def test_nothing_is_lost_and_nothing_is_held_back_for_longer_than_the_window(ticks):
    messages = drive(10**9, ticks, 10**12)
    given_out = []
    taken = 0

    def stream():
        nonlocal taken
        for message in messages:
            taken += 1
            yield message

    for message in by_stamp(stream(), lambda raw: raw.stamp_ns):
        given_out.append(message)
        if taken < len(messages):
            newest = messages[taken - 1][1].log_time_ns
            assert newest - message[1].log_time_ns <= WINDOW_NS + TICK
    assert sorted(given_out, key=str) == sorted(messages, key=str)
