import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.replay.timeline import MAX_POINTS, MAX_REASONS, Timeline, thin

NUMBERS = st.one_of(st.floats(-1e6, 1e6), st.just(math.nan))


def data_of(frames, unfamiliar=None) -> dict:
    timeline = Timeline()
    for frame in frames:
        timeline.add(frame)
    return timeline.data(unfamiliar)


def plot_of(data: dict, title: str) -> dict:
    return next(plot for plot in data["plots"] if plot["title"] == title)


@given(st.lists(NUMBERS, min_size=1, max_size=400), st.integers(4, 60))
def test_thinning_keeps_the_extremes_and_both_ends(values, count):
    values = np.array(values)
    keep = thin(values, count)
    assert len(keep) <= max(count, 2)
    assert (np.diff(keep) > 0).all()
    assert (keep[0], keep[-1]) == (0, len(values) - 1)
    if np.isfinite(values).any():
        assert np.nanmax(values[keep]) == np.nanmax(values)
        assert np.nanmin(values[keep]) == np.nanmin(values)


def test_thinning_keeps_a_gap_that_can_be_seen():
    values = np.ones(10_000)
    values[4000:6000] = math.nan
    kept = values[thin(values, 100)]
    assert np.isnan(kept).sum() > 5


def test_a_short_replay_is_drawn_frame_by_frame(make_frames):
    [line] = plot_of(data_of(make_frames(50, speed=[0.1 * k for k in range(50)])), "Speed")["lines"]
    assert line["t"] == [round(0.05 * k, 3) for k in range(50)]
    assert line["v"] == [round(0.1 * k, 3) for k in range(50)]


def test_a_long_replay_is_drawn_in_few_points_with_its_peak(make_frames):
    count = 5000
    speeds = [5.0] * count
    speeds[3210] = 17.0
    [line] = plot_of(data_of(make_frames(count, speed=speeds)), "Speed")["lines"]
    assert len(line["t"]) <= MAX_POINTS
    assert line["t"][line["v"].index(17.0)] == 160.5


def test_a_side_that_the_bag_lacks_has_no_line(make_frame):
    data = data_of([make_frame(k, recorded_command=None) for k in range(5)])
    assert [line["name"] for line in plot_of(data, "Steering")["lines"]] == ["command", "driven"]
    assert "Time to collision" not in {plot["title"] for plot in data["plots"]}


def test_a_line_is_broken_where_nothing_is_near(make_frames):
    data = data_of(make_frames(4, time_to_collision=[None, 3.0, None, 2.0]))
    assert plot_of(data, "Time to collision")["lines"][0]["v"] == [None, 3.0, None, 2.0]


def test_the_limit_of_the_score_is_drawn(make_frames):
    data = data_of(make_frames(3), unfamiliar=0.9)
    assert [plot["limit"] for plot in data["plots"] if plot["limit"] is not None] == [0.9]


def test_states_follow_each_other_without_a_gap(make_frames):
    states = data_of(make_frames(5, state=["engaged", "engaged", "fault", "fault", "engaged"]))["states"]
    assert [(s["name"], s["start"], s["end"]) for s in states] == [
        ("engaged", 0.0, 0.1),
        ("fault", 0.1, 0.2),
        ("engaged", 0.2, 0.2),
    ]


def test_interventions_are_spans_by_reason_the_most_frequent_first(make_frames):
    reasons = [()] * 40
    reasons[3] = reasons[4] = ("late",)
    reasons[10:20] = [("steering_rate",)] * 10
    reasons[30] = ("late",)
    found = data_of(make_frames(40, reasons=reasons))["reasons"]
    assert [(r["name"], r["spans"]) for r in found] == [
        ("steering_rate", [(0.5, 0.95)]),
        ("late", [(0.15, 0.2), (1.5, 1.5)]),
    ]


def test_many_reasons_leave_the_rarest_out(make_frames):
    names = tuple(f"reason_{k:02d}" for k in range(MAX_REASONS + 3))
    found = data_of(make_frames(2, reasons=[names, names[1:]]))["reasons"]
    assert [r["name"] for r in found] == list(names[1 : MAX_REASONS + 1])


def test_frames_out_of_order_are_drawn_in_order(make_frame):
    data = data_of([make_frame(k, speed=float(k)) for k in (3, 0, 2, 1)])
    [line] = plot_of(data, "Speed")["lines"]
    assert (line["t"], line["v"]) == ([0.0, 0.05, 0.1, 0.15], [0.0, 1.0, 2.0, 3.0])


def test_one_frame_is_a_replay_too(make_frame):
    data = data_of([make_frame(0)])
    assert (data["duration"], data["states"][0]["name"]) == (0.0, "engaged")
