from pathlib import Path

import pytest
import yaml

from sim2real_ad.errors import ConfigError
from sim2real_ad.evaluation.results import Latency
from sim2real_ad.replay.conditions import Conditions, JudgedBag, Verdict, judge_conditions, load_conditions
from sim2real_ad.replay.reference import ReferenceComparison
from sim2real_ad.replay.results import Motion, ReplaySummary
from sim2real_ad.replay.summary import summarize_replay


@pytest.fixture
def load(tmp_path):
    def load(*conditions: dict, **more) -> Conditions:
        path = tmp_path / "conditions.yaml"
        named = [{"name": f"condition {k}", **condition} for k, condition in enumerate(conditions)]
        path.write_text(yaml.safe_dump({"conditions": named, **more}))
        return load_conditions(str(path))

    return load


@pytest.fixture
def judge(load):
    def judge(frames, condition: dict, **facts) -> Verdict:
        [verdict] = judge_conditions(load(condition), frames, summarize_replay(frames, bag="a", **facts))
        return verdict

    return judge


def motions(*angles: float) -> list[Motion]:
    return [Motion(steering_tire_angle=angle, acceleration=0.0) for angle in angles]


@pytest.mark.parametrize(
    ("condition", "value", "worst"),
    [
        ({"of": "ood", "take": "max", "at_most": 0.9}, 0.8, 2),
        ({"of": "ood", "take": "min", "at_least": 0.0}, 0.0, 0),
        ({"of": "ood", "take": "mean", "at_most": 0.5}, 0.35, 2),
        ({"of": "ood", "take": "mean", "at_least": 0.1}, 0.35, 0),
        ({"of": "ood", "take": "rms", "at_most": 0.5}, 0.21**0.5, 2),
        ({"of": "ood", "take": "p50", "at_most": 0.5}, 0.3, 2),
        ({"of": "ood", "take": "p10", "at_least": 0.0}, 0.06, 0),
        ({"of": "ood", "share_over": 0.4, "at_most": 0.5}, 0.25, 2),
        ({"of": "ood", "share_under": 0.4, "at_most": 0.9}, 0.5, 0),
        ({"of": "driven.steering_tire_angle", "take": "min", "at_least": -1.0}, -0.4, 3),
        ({"of": "difference.driven.steering_tire_angle", "take": "max", "at_most": 1.0}, 0.5, 3),
        ({"of": "intervened", "take": "share", "at_most": 0.5}, 0.5, 1),
        ({"of": "intervened", "take": "longest", "at_most": 0.1}, 0.05, 1),
        ({"of": "reasons", "is": "late", "take": "count", "at_most": 5}, 1.0, 2),
        ({"of": "state", "is": ["fault", "emergency_stop"], "take": "count", "at_most": 1}, 1.0, 3),
    ],
)
def test_a_quantity_becomes_one_number_with_the_frame_where_it_is_worst(make_frames, judge, condition, value, worst):
    frames = make_frames(
        4,
        ood=[0.0, 0.2, 0.8, 0.4],
        command=motions(0.1, 0.1, 0.1, 0.1),
        driven=motions(0.1, 0.2, 0.3, -0.4),
        reasons=[(), ("steering_rate",), ("late",), ()],
        state=["engaged", "engaged", "minimal_risk_manoeuvre", "fault"],
    )
    verdict = judge(frames, condition)
    assert verdict.value == pytest.approx(value)
    assert (verdict.at_ns, verdict.at_s) == (frames[worst].stamp_ns, pytest.approx(worst * 0.05))
    assert verdict.outcome == "passed"


def test_what_never_happens_is_worst_nowhere(make_frames, judge):
    for condition in ({"of": "intervened", "take": "count"}, {"of": "ood", "share_over": 0.9}):
        verdict = judge(make_frames(3), {**condition, "at_most": 0.0})
        assert (verdict.outcome, verdict.value, verdict.at_ns, verdict.at_s) == ("passed", 0.0, None, None)


@pytest.mark.parametrize(
    ("bound", "outcome"),
    [
        ({"at_most": 0.8}, "passed"),
        ({"at_most": 0.79}, "failed"),
        ({"at_least": 0.8}, "passed"),
        ({"at_least": 0.81}, "failed"),
        ({"at_least": 0.7, "at_most": 0.8}, "passed"),
        ({"at_least": 0.7, "at_most": 0.75}, "failed"),
    ],
)
def test_a_bound_is_met_up_to_its_value(make_frames, judge, bound, outcome):
    verdict = judge(make_frames(3, ood=[0.1, 0.8, 0.2]), {"of": "ood", "take": "max", **bound})
    assert verdict.outcome == outcome


def test_what_does_not_last_does_not_count(make_frames, judge):
    brief = make_frames(8, ood=[0.1, 0.9, 0.9, 0.1, 0.5, 0.5, 0.6, 0.1])
    verdict = judge(brief, {"of": "ood", "take": "max", "hold": 0.1, "at_most": 0.4})
    assert (verdict.value, verdict.at_ns) == (0.5, brief[6].stamp_ns)


def test_a_low_value_must_last_as_well(make_frames, judge):
    frames = make_frames(6, seen=[0.8, 0.1, 0.8, 0.3, 0.2, 0.8])
    assert judge(frames, {"of": "seen", "take": "min", "hold": 0.05, "at_least": 0.3}).outcome == "passed"
    assert judge(frames, {"of": "seen", "take": "min", "hold": 0.0, "at_least": 0.3}).outcome == "failed"


def test_frames_outside_a_window_do_not_count(make_frames, judge):
    frames = make_frames(6, ood=[0.9, 0.1, 0.2, 0.3, 0.1, 0.9])
    when = {"after": 0.05, "before": 0.2}
    assert judge(frames, {"of": "ood", "take": "max", "at_most": 1, "when": when}).value == 0.3


def test_frames_are_chosen_by_other_quantities(make_frames, judge):
    frames = make_frames(
        4, ood=[0.9, 0.1, 0.2, 0.7], speed=[0.0, 5.0, 5.0, 5.0], state=["engaged"] * 3 + ["disengaged"]
    )
    guards = [{"of": "speed", "over": 1.0}, {"of": "state", "is": "engaged"}]
    verdict = judge(frames, {"of": "ood", "take": "max", "at_most": 1, "when": {"where": guards}})
    assert (verdict.value, verdict.at_s) == (0.2, pytest.approx(0.1))


def test_a_frame_without_the_quantity_is_not_chosen(make_frames, judge):
    frames = make_frames(3, ood=[0.9, 0.1, 0.2], driven=[None, *motions(0.3, 0.3)])
    guards = [{"of": "driven.steering_tire_angle", "over": 0.2}]
    assert judge(frames, {"of": "ood", "take": "max", "at_most": 1, "when": {"where": guards}}).value == 0.2


def test_a_free_road_meets_every_least_distance(make_frames, judge):
    condition = {"of": "time_to_collision", "take": "min", "at_least": 1.0}
    free = judge(make_frames(3), condition)
    assert (free.outcome, free.value, free.reason) == ("passed", None, "infinite, for nothing was ahead")
    near = judge(make_frames(3, time_to_collision=[None, 0.8, None]), condition)
    assert (near.outcome, near.value) == ("failed", 0.8)


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ({"of": "difference.command.acceleration", "take": "max"}, "the bag has no recorded_command"),
        ({"of": "difference.driven.acceleration", "take": "max"}, "the bag has no driven"),
        ({"of": "recorded_action.curvature", "take": "max"}, "the bag has no recorded_action"),
        ({"of": "ood", "take": "max", "when": {"after": 60.0}}, "no frame meets its `when`"),
        ({"of": "ood", "take": "max", "hold": 60.0}, "no stretch of frames lasts 60 s"),
        ({"of": "goals.keep_lane"}, "no moment was judged by the goal 'keep_lane'"),
        ({"of": "latency_ms.p99"}, "no latency was recorded"),
    ],
)
def test_what_cannot_be_judged_says_why_and_fails_only_where_it_is_required(make_frame, judge, condition, reason):
    frames = [make_frame(k, driven=None, recorded_command=None, recorded_action=None) for k in range(3)]
    verdict = judge(frames, {**condition, "at_most": 1.0})
    assert (verdict.outcome, verdict.reason, verdict.value) == ("not judged", reason, None)
    required = judge(frames, {**condition, "at_most": 1.0, "required": True})
    assert (required.outcome, required.reason) == ("failed", f"required, but {reason}")


def test_a_bag_without_frames_is_not_judged(judge):
    assert judge([], {"of": "ood", "take": "max", "at_most": 1.0}).reason == "no frame was replayed"


def test_the_whole_bag_can_be_bounded(make_frames, judge):
    frames = make_frames(3)
    facts = {"latency_ms": Latency(p50=1.0, p99=2.0, max=3.0), "goals": {"keep_lane": 0.4}, "problems": ("a", "b")}
    for of, value in (("frames", 3.0), ("latency_ms.p99", 2.0), ("goals.keep_lane", 0.4), ("problems", 2.0)):
        assert judge(frames, {"of": of, "at_most": 10.0}, **facts).value == value


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"of": "oood", "take": "max"}, "no such quantity; known: speed, ood, seen"),
        ({"of": "ood", "take": "maximum"}, "take of ood is one of max, min, mean, rms, or a quantile as p99"),
        ({"of": "ood", "take": "p100"}, "take of ood is one of"),
        ({"of": "ood", "take": "count"}, "take of ood is one of"),
        ({"of": "intervened", "take": "max"}, "take of intervened is one of share, count, longest"),
        ({"of": "ood"}, "needs one of take, share_over and share_under"),
        ({"of": "ood", "take": "max", "share_over": 1}, "needs one of take, share_over and share_under"),
        ({"of": "ood", "take": "max", "at_most": None}, "needs at_most or at_least"),
        ({"of": "ood", "take": "max", "at_least": 2.0}, "no value is at least 2.0 and at most 1.0"),
        ({"of": "ood", "take": "mean", "hold": 1.0}, "hold goes with take: max and take: min"),
        ({"of": "ood", "take": "max", "hold": -1.0}, "hold: Input should be greater than or equal to 0"),
        ({"of": "ood", "take": "max", "at_moist": 1.0}, "at_moist: Extra inputs are not permitted"),
        ({"of": "ood", "take": "max", "is": "fault"}, "`is` goes with state and reasons"),
        ({"of": "state", "take": "count"}, "`is` goes with state and reasons"),
        ({"of": "state", "take": "count", "is": "falt"}, "no state of the gate: falt; known: disengaged"),
        ({"of": "frames", "take": "max"}, "frames is one number of the whole bag"),
        ({"of": "frames", "hold": 1.0}, "frames is one number of the whole bag"),
        ({"of": "frames", "when": {"after": 1.0}}, "frames is one number of the whole bag"),
        ({"of": "ood", "take": "max", "when": {"after": 2.0, "before": 1.0}}, "before must be later than after"),
        ({"of": "ood", "take": "max", "when": {"where": [{"of": "speed"}]}}, "a number needs `over` or `under`"),
        ({"of": "ood", "take": "max", "when": {"where": [{"of": "frames", "over": 1}]}}, "no such quantity"),
    ],
)
def test_an_impossible_condition_is_refused_with_its_place(load, wrong, told):
    good = {"of": "ood", "take": "max", "at_most": 1.0}
    with pytest.raises(ConfigError) as error:
        load(good, {"at_most": 1.0, **wrong})
    assert "conditions.1" in str(error.value)
    assert told in str(error.value)


def test_two_conditions_of_one_name_are_refused(load):
    same = {"name": "one", "of": "ood", "take": "max", "at_most": 1.0}
    with pytest.raises(ConfigError, match="names must differ: one"):
        load(same, same)


def test_a_tolerance_that_fits_no_field_is_refused(load):
    with pytest.raises(ConfigError, match=r"tolerances: .*comand\.\*: no such field"):
        load(tolerances={"comand.*": 0.1})


def test_the_shipped_conditions_pass_a_drive_as_it_was_recorded(make_frames):
    frames = make_frames(200)
    summary = summarize_replay(frames, bag="a", latency_ms=Latency(p50=20.0, p99=40.0, max=60.0))
    assert {v.outcome for v in judge_conditions(load_conditions("default"), frames, summary)} == {"passed"}


def test_the_shipped_conditions_need_only_frames(make_frame):
    frames = [make_frame(k, driven=None, recorded_command=None, recorded_action=None) for k in range(40)]
    conditions = load_conditions("default")
    outcomes = {v.condition: v.outcome for v in judge_conditions(conditions, frames, summarize_replay(frames, bag="a"))}
    assert outcomes["steers as recorded"] == outcomes["accelerates as driven"] == "not judged"
    assert "failed" not in outcomes.values()
    assert judge_conditions(conditions, [], ReplaySummary(bag="a"))[0].outcome == "failed"


def test_a_verdict_reads_as_a_sentence(make_frames, judge):
    frames = make_frames(3, ood=[0.1, 0.95, 0.95])
    verdict = judge(frames, {"of": "ood", "take": "max", "hold": 0.05, "at_most": 0.9})
    assert verdict.describe() == "max of ood that lasts 0.05 s is 0.95, must be at most 0.9; worst at 0.100 s"


@pytest.mark.parametrize(
    ("outcomes", "equal", "error", "outcome"),
    [
        ((), None, "", "not judged"),
        (("not judged",), None, "", "not judged"),
        (("passed", "not judged"), None, "", "passed"),
        (("passed", "failed"), None, "", "failed"),
        (("passed",), False, "", "failed"),
        ((), True, "", "passed"),
        (("passed",), True, "cannot be read", "error"),
    ],
)
def test_one_failure_fails_the_bag(outcomes, equal, error, outcome):
    verdicts = tuple(Verdict(condition="a", outcome=o, quantity="ood", bound="at most 1") for o in outcomes)
    comparison = None if equal is None else ReferenceComparison(frames=1, equal=equal)
    assert JudgedBag(Path("a"), ReplaySummary(bag="a", error=error), verdicts, comparison).outcome == outcome
