import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.evaluation.statistics import quantile
from sim2real_ad.replay.results import Decision, Motion
from sim2real_ad.replay.summary import ReplayTally, frame_differences, summarize_replay

ANGLES = st.floats(-0.7, 0.7, allow_nan=False)


def motion(angle: float, acceleration: float = 0.0) -> Motion:
    return Motion(steering_tire_angle=angle, acceleration=acceleration)


def test_nothing_differs_from_itself(make_frames):
    summary = summarize_replay(make_frames(10), bag="a")
    assert {d.max for d in summary.differences.values()} == {0.0}
    assert len(summary.differences) == 6


def test_a_difference_is_the_replay_less_the_recording(make_frame):
    frame = make_frame(
        0,
        action=Decision(curvature=0.5, acceleration=0.0),
        recorded_action=Decision(curvature=0.2, acceleration=0.1),
        command=motion(0.3, 1.0),
        recorded_command=motion(0.1, 2.0),
        driven=motion(0.4, 0.5),
    )
    assert frame_differences(frame) == pytest.approx(
        {
            "action.curvature": 0.3,
            "action.acceleration": -0.1,
            "command.steering_tire_angle": 0.2,
            "command.acceleration": -1.0,
            "driven.steering_tire_angle": -0.1,
            "driven.acceleration": 0.5,
        }
    )


def test_a_side_that_the_bag_lacks_is_no_difference(make_frames):
    frames = make_frames(4, driven=[None, motion(0.0), None, None], recorded_action=[None] * 4)
    differences = summarize_replay(frames, bag="a").differences
    assert "action.curvature" not in differences
    assert differences["driven.steering_tire_angle"].n == 1
    assert differences["command.acceleration"].n == 4


@given(st.lists(st.tuples(ANGLES, ANGLES, st.floats(0.0, 1.0)), min_size=1, max_size=40))
def test_the_tally_equals_a_plain_computation(make_frame, rows):
    frames = [
        make_frame(k, command=motion(a), recorded_command=motion(b), ood=ood) for k, (a, b, ood) in enumerate(rows)
    ]
    summary = summarize_replay(frames, bag="a")
    apart = [a - b for a, b, _ in rows]
    found = summary.differences["command.steering_tire_angle"]
    assert found.n == len(rows)
    assert found.mean == pytest.approx(sum(apart) / len(apart), abs=1e-12)
    assert found.rms == pytest.approx(math.sqrt(sum(d * d for d in apart) / len(apart)), abs=1e-12)
    assert found.max == max(map(abs, apart))
    assert found.at_ns == frames[[abs(d) for d in apart].index(found.max)].stamp_ns
    scores = [ood for *_, ood in rows]
    assert summary.ood == {"p50": quantile(scores, 0.5), "p95": quantile(scores, 0.95), "max": max(scores)}


def test_interventions_count_frames_by_reason(make_frames):
    frames = make_frames(4, reasons=[("late",), (), ("late", "steering_rate"), ("late", "late")])
    summary = summarize_replay(frames, bag="a")
    assert summary.interventions == {"late": 3, "steering_rate": 1}
    assert summary.intervened == 0.75


def test_the_least_is_found(make_frames):
    frames = make_frames(3, seen=[0.8, 0.3, 0.9], time_to_collision=[None, 4.0, 2.5])
    summary = summarize_replay(frames, bag="a")
    assert (summary.seen_min, summary.time_to_collision_min) == (0.3, 2.5)


def test_no_frames_give_a_summary_with_what_else_is_known():
    summary = ReplayTally().summary(bag="empty", error="no camera topic", recorded_frames=7)
    assert (summary.frames, summary.recorded_frames, summary.error) == (0, 7, "no camera topic")
    assert (summary.ood, summary.seen_min, summary.time_to_collision_min, summary.intervened) == ({}, None, None, 0.0)


def test_a_tally_may_be_asked_before_the_end(make_frames):
    tally = ReplayTally()
    for frame in make_frames(5):
        tally.add(frame)
        assert tally.summary(bag="a").frames == frame.index + 1
