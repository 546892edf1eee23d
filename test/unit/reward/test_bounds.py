import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sim2real_ad.reward.bounds import GoalScores, agree, bound_goals, combine
from sim2real_ad.reward.calibration import Agreement, Calibration, Logistic, Ramp
from sim2real_ad.reward.goals import Goal, Goals
from sim2real_ad.reward.guidance import NEUTRAL


def goals_of(*shapes):
    """Goals by (weight, paraphrases)."""
    made = []
    for index, (weight, count) in enumerate(shapes):
        sides = [[f"{side} {index} {k}" for k in range(count)] for side in ("good", "bad")]
        made.append(Goal(name=f"goal_{index}", weight=weight, positive=sides[0], negative=sides[1]))
    return Goals(goals=made)


GOALS = goals_of((1.0, 3), (0.5, 2))
EVEN = Calibration(scorer="x", default=Ramp(low=-1.0, high=1.0))
CURVES = st.one_of(
    st.builds(Ramp, low=st.floats(-1.0, -0.01), high=st.floats(0.0, 1.0)),
    st.builds(Logistic, a=st.floats(0.1, 500.0), b=st.floats(-20.0, 20.0), low=st.just(-0.4), high=st.just(0.4)),
)
CALIBRATIONS = st.builds(
    Calibration,
    scorer=st.just("x"),
    default=CURVES,
    agreement=st.builds(Agreement, max_spread=st.floats(0.1, 1.0), majority=st.floats(0.5, 1.0)),
)
ANYTHING = arrays(np.float32, (4, 5), elements=st.floats(-2.0, 2.0, width=32) | st.just(np.nan))


def values_of(margins, goals=GOALS, calibration=EVEN):
    return combine(bound_goals(np.float32(margins), goals, calibration), goals)


@given(ANYTHING, CALIBRATIONS)
def test_values_stay_within_0_and_1_without_nan_and_neutral_where_abstained(margins, calibration):
    per_goal = bound_goals(margins, GOALS, calibration)
    for scores in (per_goal, combine(per_goal, GOALS)):
        assert scores.values.dtype == np.float32
        assert scores.abstained.dtype == np.bool_
        assert ((scores.values >= 0.0) & (scores.values <= 1.0)).all()
        assert (scores.values[scores.abstained] == NEUTRAL).all()


@given(ANYTHING, arrays(np.float32, (4, 5), elements=st.floats(0.0, 2.0, width=32)), CALIBRATIONS)
def test_a_higher_margin_never_earns_less(margins, more, calibration):
    lower = bound_goals(margins, GOALS, calibration)
    higher = bound_goals(np.minimum(margins + more, 2.0), GOALS, calibration)
    both = ~lower.abstained & ~higher.abstained
    assert (higher.values >= lower.values)[both].all()
    # The value of a scene likewise, wherever no goal abstains.
    whole = both.all(axis=1)
    assert (combine(higher, GOALS).values >= combine(lower, GOALS).values)[whole].all()


@given(ANYTHING, st.floats(0.05, 2.0), st.floats(0.5, 1.0), st.floats(0.1, 1.0))
def test_a_goal_abstains_alike_when_good_and_bad_are_exchanged(margins, width, majority, max_spread):
    calibration = Calibration(
        scorer="x",
        default=Ramp(low=-width, high=width),
        agreement=Agreement(majority=majority, max_spread=max_spread),
    )
    one, other = (bound_goals(m, GOALS, calibration) for m in (margins, -margins))
    assert np.array_equal(one.abstained, other.abstained)
    assert np.allclose(one.values, 1.0 - other.values, atol=1e-6)


@given(ANYTHING)
def test_the_order_of_paraphrases_does_not_matter(margins):
    turned = margins[:, [2, 0, 1, 4, 3]]
    one, other = bound_goals(margins, GOALS, EVEN), bound_goals(turned, GOALS, EVEN)
    assert np.array_equal(one.abstained, other.abstained)
    assert np.array_equal(one.values, other.values)


@pytest.mark.parametrize(
    ("answers", "value"),
    [
        ([0.9, 0.9, 0.9], 0.9),
        ([0.9, 0.7, 0.8], 0.8),
        ([0.6, 0.7, 0.4], 0.6),
        ([0.1, 0.2, 0.3], 0.2),
        ([0.9, 0.8, np.nan], 0.85),
        ([0.9, 0.8, 0.1], None),
        ([0.9, np.nan, np.nan], None),
        ([np.nan, np.nan, np.nan], None),
        ([0.6, 0.4], None),
        ([0.6, 0.5], 0.55),
        ([0.7, np.nan], None),
        ([0.7], 0.7),
        ([np.nan], None),
        ([0.6, 0.6, 0.4, 0.4], None),
    ],
)
def test_paraphrases_give_their_median_or_abstain_where_they_disagree_or_are_too_few(answers, value):
    scores = agree(np.array([answers]), Agreement())
    assert bool(scores.abstained[0]) == (value is None)
    assert scores.values[0] == pytest.approx(NEUTRAL if value is None else value)


def test_one_violated_goal_is_not_averaged_away_by_any_number_that_are_met():
    goals = goals_of(*[(1.0, 1)] * 10)
    margins = np.full((1, 10), 0.9, np.float32)
    margins[0, 4] = -0.9
    assert values_of(margins, goals).values[0] == pytest.approx(0.05)


def test_a_goal_of_half_the_weight_takes_away_at_most_half():
    assert values_of([[1.0, 1.0, 1.0, -1.0, -1.0]]).values[0] == pytest.approx(0.5)
    assert values_of([[-1.0, -1.0, -1.0, 1.0, 1.0]]).values[0] == pytest.approx(0.0)


def test_a_scene_abstains_with_one_of_its_goals_unless_another_is_violated():
    disagreeing, met, violated = [1.0, -1.0], [0.9, 0.9, 0.9], [-0.8, -0.8, -0.8]
    scores = values_of([met + disagreeing, violated + disagreeing, [*met, 1.0, 1.0]])
    assert scores.abstained.tolist() == [True, False, False]
    assert scores.values == pytest.approx([NEUTRAL, 0.1, 0.95])


def test_no_scenes_are_no_scores():
    per_goal = bound_goals(np.zeros((0, 5), np.float32), GOALS, EVEN)
    assert isinstance(per_goal, GoalScores)
    assert per_goal.values.shape == (0, 2)
    assert combine(per_goal, GOALS).values.shape == (0,)
