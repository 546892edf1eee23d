import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.evaluation.statistics import wilson_interval
from sim2real_ad.training.experiment.comparison import bootstrap_interval, compare, mcnemar
from sim2real_ad.training.experiment.drives import Drive
from sim2real_ad.training.experiment.figures import JudgedRun, group_runs, lateral_jerk, rate_over_seeds, summarise
from sim2real_ad.training.experiment.spec import RunSpec

SCENARIOS = ("a", "b")


def run_of(reward="vlm", seed=1, algorithm="sac", start="imitated", episodes=2):
    return RunSpec(
        algorithm=algorithm,
        reward=reward,
        start=start,
        seed=seed,
        steps=0 if reward == "none" else 100,
        scenarios=SCENARIOS,
        episodes=episodes,
        first_seed=0,
        settings={},
    )


def judged(outcomes, reward="vlm", seed=1, jerk=1.0, speed=5.0, **of):
    """outcomes: a string a scenario, + for a success at that seed and - for a collision."""
    run = run_of(reward, seed, algorithm="none" if reward == "none" else "sac", episodes=len(outcomes[0]), **of)
    drives = [
        Drive(
            scenario=name,
            seed=number,
            success=mark == "+",
            infractions=() if mark == "+" else ("collision",),
            ticks=100,
            mean_speed=speed,
            rms_lateral_jerk=jerk,
        )
        for name, marks in zip(SCENARIOS, outcomes, strict=True)
        for number, mark in enumerate(marks)
    ]
    return JudgedRun(run, tuple(drives))


def test_one_seed_has_the_interval_of_its_drives():
    rate = rate_over_seeds([(9, 10)])
    assert (rate.mean, rate.low, rate.high) == (0.9, *wilson_interval(9, 10))


def test_seeds_that_disagree_widen_the_interval_to_student_s():
    # Rates 0.2, 0.5, 0.8: mean 0.5, deviation 0.3, t(0.975, 2) = 4.302653; half width 4.302653 * 0.3 / sqrt(3) = 0.745.
    wide = rate_over_seeds([(200, 1000), (500, 1000), (800, 1000)])
    assert (wide.mean, wide.low, wide.high) == (0.5, 0.0, 1.0)
    # Rates 0.48, 0.50, 0.52: deviation 0.02; half width 4.302653 * 0.02 / sqrt(3) = 0.049683.
    near = rate_over_seeds([(480, 1000), (500, 1000), (520, 1000)])
    assert near.low == pytest.approx(0.5 - 0.049683, abs=1e-5)
    assert near.high == pytest.approx(0.5 + 0.049683, abs=1e-5)


def test_seeds_that_agree_by_chance_keep_the_scatter_of_their_drives():
    rate = rate_over_seeds([(50, 50), (50, 50), (50, 50)])
    assert (rate.low, rate.high) == wilson_interval(150, 150)


def test_a_rate_of_no_drives_is_no_rate():
    with pytest.raises(ValueError, match="no drives"):
        rate_over_seeds([(0, 0)])


@given(st.lists(st.integers(0, 20), min_size=1, max_size=5))
def test_an_interval_holds_its_rate(successes):
    rate = rate_over_seeds([(count, 20) for count in successes])
    assert 0.0 <= rate.low <= rate.mean <= rate.high <= 1.0


def test_a_group_adds_up_its_seeds():
    group = summarise([judged(["++", "+-"], seed=1, speed=4.0), judged(["--", "++"], seed=2, speed=6.0)])
    assert (group.start, group.algorithm, group.reward, group.seeds, group.steps) == (
        "imitated",
        "sac",
        "vlm",
        (1, 2),
        100,
    )
    assert {name: rate.mean for name, rate in group.rates.items()} == {"a": 0.5, "b": 0.75}
    assert group.overall.mean == 5 / 8
    assert group.infractions == {"collision": pytest.approx(37.5)}
    assert group.mean_speed == 5.0


def test_lateral_jerk_is_the_root_mean_square_over_ticks_not_over_drives():
    short = Drive(scenario="a", seed=0, success=True, infractions=(), ticks=100, mean_speed=5.0, rms_lateral_jerk=3.0)
    long = short.model_copy(update={"ticks": 300, "rms_lateral_jerk": 1.0})
    assert lateral_jerk([short, long]) == pytest.approx(math.sqrt((100 * 9 + 300 * 1) / 400))


def test_runs_are_grouped_by_all_but_the_seed():
    runs = [judged(["+", "+"], seed=2), judged(["+", "+"], reward="sparse"), judged(["+", "+"], seed=1)]
    assert {key[2]: [one.run.seed for one in held] for key, held in group_runs(runs).items()} == {
        "vlm": [1, 2],
        "sparse": [1],
    }


def test_a_difference_counts_drive_by_drive():
    guided = judged(["++++", "+++-"], jerk=1.0, speed=6.0)
    start = judged(["+---", "++-+"], reward="none", seed=0, jerk=3.0, speed=5.0)
    difference = compare([guided], [start])
    # 7 of 8 against 4 of 8; won at a1, a2, a3, b2, lost at b3.
    assert difference.success == pytest.approx(3 / 8)
    assert (difference.gained, difference.lost, difference.pairs) == (4, 1, 1)
    assert difference.p_value == pytest.approx(2 * (1 + 5) / 32)
    assert difference.infractions == pytest.approx(100 * (1 - 4) / 8)
    assert difference.rms_lateral_jerk == pytest.approx(-2.0)
    assert difference.mean_speed == pytest.approx(1.0)
    assert difference.low <= difference.success <= difference.high


def test_equal_policies_differ_in_nothing():
    difference = compare([judged(["+-", "++"])], [judged(["+-", "++"], reward="sparse")])
    assert (difference.success, difference.low, difference.high, difference.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_the_start_pairs_with_every_seed_and_another_training_with_its_own():
    guided = [judged(["++", "++"], seed=seed) for seed in (1, 2, 3)]
    assert compare(guided, [judged(["--", "--"], reward="none", seed=0)]).pairs == 3
    assert compare(guided, [judged(["--", "--"], reward="sparse", seed=2)]).pairs == 1
    lonely = compare(guided, [judged(["--", "--"], reward="sparse", seed=9)])
    assert (lonely.pairs, lonely.p_value, lonely.success) == (0, None, 1.0)


def test_only_drives_that_both_were_judged_on_count():
    longer = judged(["+++", "+++"])
    shorter = judged(["+", "-"], reward="sparse")
    assert compare([longer], [shorter]).success == 0.5


def test_groups_without_a_drive_in_common_are_not_compared():
    one = judged(["+", "+"])
    other = JudgedRun(run_of("sparse"), (one.drives[0].model_copy(update={"seed": 5}),))
    with pytest.raises(ValueError, match="share no judged drive"):
        compare([one], [other])


def test_mcnemar_is_a_fair_coin_s_two_sided_tail():
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(3, 3) == 1.0
    assert mcnemar(10, 0) == pytest.approx(2 / 1024)
    assert mcnemar(8, 2) == mcnemar(2, 8) == pytest.approx(2 * (1 + 10 + 45) / 1024)


def test_the_bootstrap_knows_the_scatter_of_a_mean_and_gives_it_again():
    values = np.random.default_rng(1).choice([-1.0, 0.0, 1.0], 400, p=[0.1, 0.6, 0.3])
    low, high = bootstrap_interval(values, ["a"] * 400)
    error = 1.96 * values.std() / math.sqrt(400)
    assert low == pytest.approx(values.mean() - error, abs=0.01)
    assert high == pytest.approx(values.mean() + error, abs=0.01)
    assert (low, high) == bootstrap_interval(values, ["a"] * 400)


def test_the_bootstrap_resamples_within_each_scenario():
    values = np.array([1.0] * 50 + [0.0] * 50)
    assert bootstrap_interval(values, ["a"] * 50 + ["b"] * 50) == (0.5, 0.5)
    assert bootstrap_interval(values, ["a"] * 100) != (0.5, 0.5)
