import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.evaluation.statistics import median, quantile, wilson_interval

trials_and_successes = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3 (score, no continuity correction).
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_has_the_published_values(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


@given(trials_and_successes)
def test_wilson_interval_equals_scipy(counts: tuple[int, int]) -> None:
    stats = pytest.importorskip("scipy.stats")
    reference = stats.binomtest(*counts).proportion_ci(method="wilson")
    assert wilson_interval(*counts) == pytest.approx((reference.low, reference.high), abs=1e-12)


@given(trials_and_successes)
def test_wilson_interval_holds_the_rate_and_mirrors(counts: tuple[int, int]) -> None:
    successes, trials = counts
    low, high = wilson_interval(successes, trials)
    assert 0.0 <= low <= successes / trials <= high <= 1.0
    assert wilson_interval(trials - successes, trials) == pytest.approx((1.0 - high, 1.0 - low))


@given(trials_and_successes)
def test_more_trials_at_the_same_rate_narrow_the_interval(counts: tuple[int, int]) -> None:
    narrow, wide = wilson_interval(counts[0] * 4, counts[1] * 4), wilson_interval(*counts)
    assert narrow[1] - narrow[0] < wide[1] - wide[0]


def test_no_trial_says_nothing() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("counts", [(3, 2), (-1, 2)])
def test_impossible_counts_are_refused(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"successes must lie in 0\.\.2"):
        wilson_interval(*counts)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.floats(0.0, 1.0))
def test_quantile_equals_numpy(values: list[float], fraction: float) -> None:
    assert quantile(values, fraction) == pytest.approx(float(np.quantile(values, fraction)), rel=1e-9, abs=1e-6)


def test_median_of_an_even_count_is_the_mean_of_the_middle_two() -> None:
    assert median([4.0, 1.0, 3.0, 2.0]) == 2.5


def test_quantile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)
