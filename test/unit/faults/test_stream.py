"""What a fault does to the messages of one edge."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest

from sim2real_ad.faults.stream import SWERVE_MESSAGES, StreamFault


class PolicyAction(SimpleNamespace):
    """Has the fields of the message of that name."""


class Odometry(SimpleNamespace):
    """Likewise."""


def stamp(seconds: float) -> SimpleNamespace:
    return SimpleNamespace(sec=int(seconds), nanosec=round((seconds % 1.0) * 1e9))


def picture(number: int, width: int = 4) -> SimpleNamespace:
    data = np.arange(2 * width * 3, dtype=np.uint8).tobytes()
    return SimpleNamespace(header=SimpleNamespace(stamp=stamp(number)), height=2, width=width, data=data, number=number)


def action(curvature: float = 0.2, acceleration: float = 0.1) -> PolicyAction:
    return PolicyAction(header=SimpleNamespace(stamp=stamp(1)), curvature=curvature, acceleration=acceleration)


def sent(kind, amount, messages):
    fault = StreamFault(kind, amount)
    return [out for message in messages for out in fault.step(message)]


def test_a_lost_edge_says_nothing_and_one_that_drops_loses_its_share():
    assert sent("lost", 0.0, map(picture, range(10))) == []
    left = sent("dropped", 0.3, map(picture, range(1000)))
    assert 650 < len(left) < 750


def test_a_frozen_picture_keeps_its_content_and_gets_new_stamps():
    out = [m for _, m in sent("frozen", 0.0, map(picture, range(3)))]
    assert [m.number for m in out] == [0, 0, 0]
    assert [m.header.stamp.sec for m in out] == [0, 1, 2]


def test_a_picture_is_frozen_from_its_first_repetition_on_and_black_at_once():
    begun = {}
    for kind in ("frozen", "black"):
        fault = StreamFault(kind, 0.0)
        begun[kind] = [fault.begun]
        for number in range(2):
            fault.step(picture(number))
            begun[kind].append(fault.begun)
    assert begun == {"frozen": [False, False, True], "black": [False, True, True]}


def test_a_black_picture_has_its_size():
    ((delay, out),) = sent("black", 0.0, [picture(0)])
    assert (delay, len(out.data), max(out.data)) == (0.0, 24, 0)


def test_frames_are_late_come_twice_or_in_pairs_the_wrong_way_round():
    frames = [picture(n) for n in range(4)]
    assert [(d, m.number) for d, m in sent("delayed", 0.6, frames)] == [(0.6, 0), (0.6, 1), (0.6, 2), (0.6, 3)]
    assert [m.number for _, m in sent("duplicated", 0.0, frames[:2])] == [0, 0, 1, 1]
    assert [m.number for _, m in sent("reordered", 0.0, frames)] == [1, 0, 3, 2]


@pytest.mark.parametrize(("by", "expected"), [(1.5, (4, 0)), (-1.0, (1, 500_000_000)), (-9.0, (0, 0))])
def test_a_clock_that_is_off_shows_in_the_stamps(by, expected):
    message = action()
    message.header.stamp = stamp(2.5)
    ((_, out),) = sent("stamped", by, [message])
    assert (out.header.stamp.sec, out.header.stamp.nanosec) == expected


def test_a_turned_camera_moves_the_picture_by_columns():
    before = np.frombuffer(picture(0).data, np.uint8).reshape(2, 4, 3)
    ((_, out),) = sent("shifted", 1, [picture(0)])
    assert (np.frombuffer(out.data, np.uint8).reshape(2, 4, 3) == np.roll(before, 1, axis=1)).all()


def test_decisions_become_no_numbers_extremes_or_a_swerve():
    ((_, out),) = sent("not_finite", 0.0, [action()])
    assert math.isnan(out.curvature)
    assert math.isnan(out.acceleration)
    ((_, out),) = sent("extreme", 1.0, [action()])
    assert (out.curvature, out.acceleration) == (1.0, 1.0)
    sides = [m.curvature for _, m in sent("swerving", 0.5, [action() for _ in range(3 * SWERVE_MESSAGES)])]
    assert set(sides) == {-0.5, 0.5}
    assert sum(a != b for a, b in itertools.pairwise(sides)) == 3


def test_a_value_deep_in_a_message_is_offset():
    twist = SimpleNamespace(twist=SimpleNamespace(linear=SimpleNamespace(x=5.0)))
    ((_, out),) = sent("offset", -3.0, [Odometry(header=SimpleNamespace(stamp=stamp(0)), twist=twist)])
    assert out.twist.twist.linear.x == 2.0
