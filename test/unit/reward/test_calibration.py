import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.errors import ConfigError, ScorerError
from sim2real_ad.reward.calibration import (
    PROBABILITY_RAMP,
    VLM_RL_RAMP,
    default_calibration,
    fit_calibration,
    fit_curve,
    load_calibration,
    save_calibration,
)
from sim2real_ad.reward.goals import load_goals

GOALS = load_goals("driving")


class Named:
    def __init__(self, name="x", dimension=4):
        self.name = name
        self.dimension = dimension


def labelled(shift=0.2, noise=0.1, count=2000, offset=0.0, share=0.3, seed=0):
    """Margins (N,) and labels (N,): safe ones higher by a shift."""
    random = np.random.default_rng(seed)
    unsafe = random.random(count) < share
    return offset + random.normal(0.0, noise, count) + np.where(unsafe, -shift / 2, shift / 2), unsafe


def test_two_overlapping_bells_give_the_logistic_curve_that_theory_says():
    margins, unsafe = labelled(shift=0.2, noise=0.1, count=200_000, offset=0.05)
    curve = fit_curve(margins, unsafe)
    # log odds of two normals of equal spread: (shift / noise^2) (margin - offset), for equally frequent kinds.
    assert curve.a == pytest.approx(0.2 / 0.1**2, rel=0.03)
    assert -curve.b / curve.a == pytest.approx(0.05, abs=0.002)


def test_a_rare_danger_counts_as_much_as_a_frequent_one():
    crossing = []
    for share in (0.02, 0.5):
        curve = fit_curve(*labelled(count=100_000, share=share))
        crossing.append(-curve.b / curve.a)
    assert crossing == pytest.approx([0.0, 0.0], abs=0.006)


@given(st.floats(-1.0, 1.0), st.floats(0.001, 1.0))
def test_kinds_that_do_not_overlap_still_give_a_finite_curve_between_them(offset, gap):
    margins = offset + gap * np.concatenate((np.linspace(-1.0, -0.5, 40), np.linspace(0.5, 1.0, 20)))
    curve = fit_curve(margins, np.arange(60) < 40)
    values = curve.values(margins)
    assert np.isfinite(curve.a)
    assert (values[:40] < 0.5).all()
    assert (values[40:] > 0.5).all()


def test_no_margin_earns_more_than_those_seen_in_fitting():
    margins, unsafe = labelled(noise=0.3)
    curve = fit_curve(margins, unsafe)
    most, least = curve.values(np.array([curve.high, curve.low]))
    assert margins.min() < curve.low < curve.high < margins.max()
    assert curve.values(np.array([2.0, -2.0])).tolist() == [most, least]


def test_answers_that_are_missing_are_left_out_of_the_fit():
    margins, unsafe = labelled()
    holes = np.append(margins, [np.nan] * 500)
    assert fit_curve(holes, np.append(unsafe, [True] * 500)) == fit_curve(margins, unsafe)


@pytest.mark.parametrize("shift", [-0.2, 0.0])
def test_a_scorer_that_lies_or_knows_nothing_cannot_be_calibrated(shift):
    margins, unsafe = labelled(shift=shift, count=4000)
    if shift == 0.0:
        margins = np.where(unsafe, 0.1, 0.1 - 1e-6)
    with pytest.raises(ScorerError, match=r"goal 'x': margins are no higher in safe"):
        fit_curve(margins, unsafe, "goal 'x'")


def test_too_few_examples_and_margins_that_never_differ_are_refused():
    margins, unsafe = labelled()
    with pytest.raises(ScorerError, match=r"3 unsafe, 50 safe examples; each needs 10"):
        fit_curve(np.append(margins[unsafe][:3], margins[~unsafe][:50]), np.arange(53) < 3)
    with pytest.raises(ScorerError, match="margins"):
        fit_curve(np.full(100, 0.25), np.arange(100) < 50)


def test_a_fitted_calibration_survives_its_file_to_the_bit(tmp_path):
    calibration = fit_calibration(Named("lit"), GOALS, *whole_set())
    save_calibration(calibration, tmp_path / "calibration.yaml")
    assert load_calibration(tmp_path / "calibration.yaml") == calibration
    assert calibration.fitted(GOALS)


def test_each_pair_of_sentences_has_its_curve_new_ones_the_goals_and_new_goals_the_default():
    calibration = fit_calibration(Named("lit"), GOALS, *whole_set())
    first = GOALS.goals[0]
    reworded = first.model_copy(update={"positive": ("all is clear", *first.positive[1:])})
    other = GOALS.goals[1].model_copy(update={"name": "other"})
    curves = calibration.curves(GOALS.model_copy(update={"goals": (reworded, other)}))
    own = calibration.goals["clear_road"]
    assert curves == (own.curve, own.contrasts[1].curve, own.contrasts[2].curve, *[VLM_RL_RAMP] * 3)
    # The pairs' zeros were half a unit apart; each curve found its own.
    zeros = [-c.curve.b / c.curve.a for c in own.contrasts]
    assert zeros == pytest.approx([-0.5, 0.0, 0.5], abs=0.02)


def whole_set():
    margins, unsafe = zip(*(labelled(offset=0.5 * (k % 3 - 1), seed=k // 3) for k in range(9)), strict=True)
    return np.stack(margins, axis=1), np.stack(unsafe[::3], axis=1)


def test_margins_or_labels_of_other_goals_are_refused():
    margins, unsafe = whole_set()
    for wrong in ((margins[:, :8], unsafe), (margins, unsafe[:, :2]), (margins[:, 0], unsafe)):
        with pytest.raises(ScorerError, match=r"K = 9, G = 3"):
            fit_calibration(Named(), GOALS, *wrong)


def test_a_scorer_that_nobody_fitted_gets_vlm_rls_ramp_and_a_chat_model_its_own_probability():
    assert default_calibration(Named(dimension=512)).default == VLM_RL_RAMP
    assert default_calibration(Named(dimension=0)).default == PROBABILITY_RAMP
    z = np.array([-0.1, 0.0, 0.015, 0.03, 0.2])
    assert VLM_RL_RAMP.values(-z) == pytest.approx(1.0 - np.clip(z, 0.0, 0.03) / 0.03)
    assert PROBABILITY_RAMP.values(np.array([-1.0, 0.5, 1.0])) == pytest.approx([0.0, 0.75, 1.0])


@pytest.mark.parametrize(
    "text",
    [
        "{scorer: x}",
        "{scorer: x, default: {kind: ramp, low: 1.0, high: 0.0}}",
        "{scorer: x, default: {kind: logistic, a: -3.0, b: 0.0}}",
        "{scorer: x, default: {kind: spline}}",
        "{scorer: x, default: {kind: ramp, low: .nan, high: 0.0}}",
        "{scorer: x, default: {kind: ramp, low: 0.0, high: 1.0}, format_version: 2}",
        "{scorer: x, default: {kind: ramp, low: 0.0, high: 1.0}, goal: {}}",
        "[1, 2]",
    ],
)
def test_a_calibration_file_that_is_not_one_is_refused_by_name(tmp_path, text):
    path = tmp_path / "calibration.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"calibration\.yaml"):
        load_calibration(path)
