"""Scenarios that training practises and nothing is judged by."""

import pytest

from sim2real_ad.config import share_path
from sim2real_ad.errors import ScenarioError
from sim2real_ad.training.config import StudentTraining
from sim2real_ad.world.scenarios import load_practice, load_scenario, scenario_names

PRACTICE = sorted(path.stem for path in (share_path() / "config" / "practice").glob("*.yaml"))


def test_practice_comes_by_name_like_a_scenario_and_scenarios_do_too():
    assert [load_practice(name).name for name in PRACTICE] == PRACTICE
    assert load_practice("stop_sign") == load_scenario("stop_sign")


@pytest.mark.parametrize("name", PRACTICE)
def test_nobody_is_judged_by_practice(name):
    assert name not in scenario_names()
    with pytest.raises(ScenarioError, match="known names"):
        load_scenario(name)


def test_all_that_a_student_practises_by_default_exists():
    for name in StudentTraining().practice:
        load_practice(name)


def test_a_queue_has_somebody_in_front_every_time():
    (lead,) = (actor for actor in load_practice("queue_at_stop_line").actors if actor.type == "lead")
    assert lead.probability == 1.0
