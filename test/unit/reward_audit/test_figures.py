"""The audit's figures agree with their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.evaluation.rank_statistics import auroc, ranks, spearman
from sim2real_ad.reward.audit_figures import auroc_interval

SCORES = st.lists(st.integers(0, 6).map(lambda k: k / 6.0), min_size=1, max_size=30)


@given(safe=SCORES, unsafe=SCORES)
def test_auroc_is_the_share_of_pairs_in_the_right_order(safe: list[float], unsafe: list[float]) -> None:
    pairs = [(a > b) + 0.5 * (a == b) for a in safe for b in unsafe]
    assert auroc(np.array(safe), np.array(unsafe)) == pytest.approx(np.mean(pairs))


@given(safe=SCORES, unsafe=SCORES)
def test_inverted_scores_have_the_complement(safe: list[float], unsafe: list[float]) -> None:
    straight, inverted = auroc(np.array(safe), np.array(unsafe)), auroc(-np.array(safe), -np.array(unsafe))
    assert straight is not None
    assert inverted == pytest.approx(1.0 - straight)


def test_without_one_of_the_kinds_there_is_no_auroc() -> None:
    assert auroc(np.array([0.5]), np.zeros(0)) is None
    assert auroc_interval(np.ones(3), np.ones(3, np.bool_), np.zeros(3, np.int64)) is None


def test_the_interval_is_wider_where_the_same_moments_come_from_few_episodes() -> None:
    rng = np.random.default_rng(0)
    is_safe = np.arange(400) % 2 == 0
    shift = np.repeat(rng.normal(0.0, 0.5, 8), 50)
    scores = np.where(is_safe, 0.4, 0.0) + shift + rng.normal(0.0, 0.2, 400)
    few = auroc_interval(scores, is_safe, np.repeat(np.arange(8), 50))
    many = auroc_interval(scores, is_safe, np.arange(400))
    assert few is not None
    assert many is not None
    assert few.low <= few.value <= few.high
    assert few.high - few.low > 1.3 * (many.high - many.low)


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=30, unique=True))
def test_spearman_is_one_for_any_rising_function(values: list[float]) -> None:
    x = np.array(values)
    assert spearman(x, ranks(x) ** 3) == pytest.approx(1.0)
    assert spearman(x, -(ranks(x) ** 3)) == pytest.approx(-1.0)


def test_ties_share_a_rank_and_a_constant_has_no_correlation() -> None:
    assert ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]
    assert spearman(np.ones(5), np.arange(5.0)) is None
