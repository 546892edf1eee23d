import pytest
import yaml

from sim2real_ad.errors import ConfigError
from sim2real_ad.reward.goals import load_goals
from sim2real_ad.reward.scorer import Contrast

GOAL = {"name": "clear", "positive": ["the road is clear"], "negative": ["a collision is imminent"]}


@pytest.fixture
def write(tmp_path):
    def written(*goals, **keys):
        path = tmp_path / "goals.yaml"
        path.write_text(yaml.safe_dump({"goals": list(goals), **keys}))
        return path

    return written


def test_the_shipped_goals_are_found_by_name_and_stand_for_nine_contrasts_of_three_goals():
    goals = load_goals("driving")
    assert goals.view == "bev"
    assert goals.names == ("clear_road", "lane_keeping", "stop_line")
    assert len(goals.contrasts) == 9
    assert [goals.contrasts[columns] for columns in goals.columns] == [goal.contrasts for goal in goals.goals]


def test_each_sentence_stands_in_one_contrast_and_a_shorter_list_starts_again(write):
    goals = load_goals(write(GOAL | {"positive": ["a", "b", "c"], "negative": ["x", "y"]}))
    assert goals.contrasts == (Contrast("a", "x"), Contrast("b", "y"), Contrast("c", "x"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"positive": []}, "positive"),
        ({"negative": ["a crash", "  "]}, "negative.1"),
        ({"positive": ["All is well", "all  is WELL."]}, "'all is well' twice"),
        ({"negative": ["The road is clear."]}, "'the road is clear' as positive and as negative"),
        ({"weight": 0.0}, "weight"),
        ({"weight": -1.0}, "weight"),
        ({"weight": float("nan")}, "weight"),
        ({"nmae": "x"}, "nmae"),
        ({"name": "Not a name"}, "name"),
        ({"positive": "the road is clear"}, "positive"),
        ({"positive": [5]}, "positive.0"),
    ],
)
def test_a_goal_that_says_nothing_or_contradicts_itself_is_refused(write, change, said):
    with pytest.raises(ConfigError, match=r"goals\.yaml: goals\.0") as caught:
        load_goals(write(GOAL | change))
    assert said in str(caught.value)


def test_no_goals_two_of_one_name_another_view_and_unknown_keys_are_refused(write):
    for path, said in [
        (lambda: write(), "goals"),
        (lambda: write(GOAL, GOAL), "'clear' is there twice"),
        (lambda: write(GOAL, view="lidar"), "view"),
        (lambda: write(GOAL, viwe="bev"), "viwe"),
    ]:
        with pytest.raises(ConfigError, match=said):
            load_goals(path())


def test_an_unknown_name_is_answered_with_those_that_there_are():
    with pytest.raises(ConfigError, match=r"goals: no 'drivng'; known names: .*driving"):
        load_goals("drivng")
