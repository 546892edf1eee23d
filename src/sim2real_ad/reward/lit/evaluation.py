"""Figures of a scorer: how well it tells unsafe from safe in sentences it never saw, and how indifferent it is else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.evaluation import rank_statistics
from sim2real_ad.reward.lit.facts import Facts
from sim2real_ad.reward.lit.held_out import CHOOSING, HELD_OUT
from sim2real_ad.reward.lit.unrelated import HELD_OUT_PAIRS, NEAR_DOMAIN_PAIRS
from sim2real_ad.reward.scorer import Contrast, Scorer
from sim2real_ad.types import FloatArray, UInt8Array

VLM_RL = Contrast(
    positive="The road is clear with no car accidents", negative="Two cars have collided with each other on the road"
)
"""The two sentences of VLM-RL (arXiv 2412.15544)."""
PARAPHRASES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "clear_road": (("no_collision", "way_clear", "safe_distance"), ("collision", "too_close")),
    "lane_keeping": (("on_road", "lane_kept"), ("leaving_road", "off_road")),
    "stop_line": (("line_obeyed", "line_halting"), ("line_run",)),
    "overall": (("safe",), ("unsafe",)),
}
"""By kind of danger, the statements whose held-out sentences are (good, bad)."""


@dataclass(frozen=True)
class PairFigure:
    """One pair of sentences: kind of danger it is about, and the AUROC of its margin for that against safe moments."""

    kind: str
    positive: str
    negative: str
    auroc: float


def held_out_contrasts(kind: str, choosing: bool = False) -> tuple[Contrast, ...]:
    """Return every held-out good sentence of a kind against every bad one; choosing: of those for work on the head."""
    good, bad = PARAPHRASES[kind]
    source = CHOOSING if choosing else HELD_OUT
    positives = [text for key in good for text in source[key]]
    negatives = [text for key in bad for text in source[key]]
    return tuple(Contrast(positive, negative) for positive in positives for negative in negatives)


def unrelated_contrasts(near_domain: bool = False) -> tuple[Contrast, ...]:
    """Return the held-out pairs that have nothing to do with driving."""
    pairs = NEAR_DOMAIN_PAIRS if near_domain else HELD_OUT_PAIRS
    return tuple(Contrast(first, second) for first, second in pairs)


def labels(facts: Sequence[Facts], kind: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return (unsafe in this way (N,), counts at all (N,)): moments unsafe in another way are no examples of safe."""
    unsafe = np.array([fact.unsafe is True for fact in facts])
    known = np.array([fact.unsafe is not None for fact in facts])
    mine = {
        "clear_road": [fact.hits for fact in facts],
        "lane_keeping": [fact.leaves for fact in facts],
        "stop_line": [fact.runs_line is True for fact in facts],
        "overall": unsafe.tolist(),
    }
    bad = np.array(mine[kind])
    return bad, known & (bad | ~unsafe)


def auroc(score: NDArray[np.floating], positive: NDArray[np.bool_]) -> float:
    """Return the AUROC of scores (N,) for labels (N,), NaN where there are no examples of one kind."""
    value = rank_statistics.auroc(score[positive], score[~positive])
    return math.nan if value is None else value


def pair_figures(
    scorer: Scorer, images: FloatArray, facts: Sequence[Facts], kind: str, contrasts: Sequence[Contrast]
) -> list[PairFigure]:
    """Return a figure a contrast. images: embedded pictures (N, D) of the moments."""
    bad, counts = labels(facts, kind)
    margins = margins_of(scorer, images[counts], contrasts)
    return [
        PairFigure(kind, contrast.positive, contrast.negative, auroc(-margins[:, k], bad[counts]))
        for k, contrast in enumerate(contrasts)
    ]


def margins_of(scorer: Scorer, images: FloatArray, contrasts: Sequence[Contrast]) -> FloatArray:
    """Return margins (N, K) of embedded pictures (N, D), as the scorer's `score` would."""
    positive = scorer.embed_texts([contrast.positive for contrast in contrasts])
    negative = scorer.embed_texts([contrast.negative for contrast in contrasts])
    return np.asarray(images @ (positive - negative).T, np.float32)


def embed_in_batches(scorer: Scorer, pictures: Sequence[UInt8Array], batch: int = 64) -> FloatArray:
    """Embed pictures (N, D) a batch at a time."""
    parts = [scorer.embed_images(pictures[start : start + batch]) for start in range(0, len(pictures), batch)]
    return np.concatenate(parts)
