"""How long a stage may take with a frame, and when the gate steps in."""

from sim2real_ad.safety.budgets import AGE, FrameBudgets
from sim2real_ad.safety.findings import Severity
from sim2real_ad.safety.limits import load_safety_limits

LIMITS = load_safety_limits().budgets.model_copy(update={"adapter": 35.0, "age": 100.0, "missed_in_a_row": 3})


def budgets(*took_ms, stage="adapter"):
    made = FrameBudgets(LIMITS)
    for value in took_ms:
        made.add(stage, value)
    return made


def test_a_frame_is_over_budget_only_above_it():
    made = budgets(35.0, 35.1, 20.0, 35.1)
    assert (made.frames["adapter"], made.missed["adapter"], made.worst_ms["adapter"]) == (4, 2, 35.1)


def test_the_longest_frame_is_remembered_whatever_comes_after():
    assert budgets(20.0, 30.0, 10.0).worst_ms == {"adapter": 30.0}


def test_a_stage_that_misses_its_budget_so_many_times_in_a_row_is_a_finding():
    assert budgets(36.0, 36.0).findings() == []
    (found,) = budgets(36.0, 36.0, 36.0).findings()
    assert (found.check, found.reason, found.severity) == ("budgets", "adapter_over_budget", Severity.STOP)
    assert found.detail == "3 frames in a row over 35.0 ms"


def test_one_frame_in_time_ends_a_row():
    assert budgets(36.0, 36.0, 35.0, 36.0, 36.0).findings() == []


def test_the_whole_way_has_a_budget_and_a_stage_without_one_is_not_followed():
    assert [f.reason for f in budgets(101.0, 102.0, 103.0, stage=AGE).findings()] == ["age_over_budget"]
    assert budgets(1e6, 1e6, 1e6, stage="recorder").frames == {}
    assert budgets(1e6, 1e6, 1e6, stage="missed_in_a_row").frames == {}


def test_a_new_drive_starts_with_nothing_missed():
    made = budgets(36.0, 36.0, 36.0)
    made.reset()
    assert (made.findings(), made.missed, made.frames, made.worst_ms) == ([], {}, {}, {})
