"""The scorer's figures as one object, for the console, the record and the model card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from sim2real_ad.reward.goals import Goals
from sim2real_ad.reward.lit.evaluation import (
    PARAPHRASES,
    VLM_RL,
    PairFigure,
    auroc,
    held_out_contrasts,
    labels,
    margins_of,
    pair_figures,
    unrelated_contrasts,
)
from sim2real_ad.reward.lit.facts import Facts
from sim2real_ad.reward.scorer import Scorer
from sim2real_ad.types import FloatArray

LEAST_AUROC = 0.95
UNRELATED_BAND = (0.4, 0.6)


class Spread(BaseModel):
    """AUROCs of several pairs of sentences. together: of the pairs' mean margin, as guidance uses them."""

    model_config = ConfigDict(frozen=True)
    pairs: int
    together: float
    mean: float
    least: float
    greatest: float
    weakest: str


class ScorerFigures(BaseModel):
    """What `s2r scorer evaluate` measures on one set of moments.

    goals, paraphrases: by kind of danger; all_goals: of the least goal's mean margin, for any danger; vlm_rl: VLM-RL's
    own two sentences, for collisions; unrelated, near_domain: pairs that should be indifferent, for any danger.
    """

    model_config = ConfigDict(frozen=True)
    moments: int
    unsafe: dict[str, int]
    goals: dict[str, Spread]
    all_goals: float
    paraphrases: dict[str, Spread]
    vlm_rl: float
    unrelated: Spread
    undecided_pairs: int
    near_domain: Spread

    @property
    def tells_unsafe(self) -> bool:
        """Whether every way of asking, taken together as guidance does, reaches LEAST_AUROC."""
        spreads = (*self.goals.values(), *self.paraphrases.values())
        return min(self.all_goals, self.vlm_rl, *(spread.together for spread in spreads)) >= LEAST_AUROC

    @property
    def is_indifferent(self) -> bool:
        """Whether every unrelated pair stays within UNRELATED_BAND."""
        low, high = UNRELATED_BAND
        return low <= self.unrelated.least and self.unrelated.greatest <= high


def measure(scorer: Scorer, images: FloatArray, facts: Sequence[Facts], goals: Goals) -> ScorerFigures:
    """Measure a scorer on embedded pictures (N, D) and the facts of the same N moments.

    A goal counts for the kind of danger that it is named after; goals of other names count for any danger.
    """
    kinds = {goal.name: goal.name if goal.name in PARAPHRASES else "overall" for goal in goals.goals}
    margins = margins_of(scorer, images, goals.contrasts)
    least = np.stack([margins[:, columns].mean(axis=1) for columns in goals.columns], axis=1).min(axis=1)
    bad, counts = labels(facts, "overall")
    unrelated = pair_figures(scorer, images, facts, "overall", unrelated_contrasts())
    return ScorerFigures(
        moments=len(facts),
        unsafe={kind: int(labels(facts, kind)[0].sum()) for kind in PARAPHRASES},
        goals={goal.name: _spread(scorer, images, facts, kinds[goal.name], goal.contrasts) for goal in goals.goals},
        all_goals=auroc(-least[counts], bad[counts]),
        paraphrases={kind: _spread(scorer, images, facts, kind, held_out_contrasts(kind)) for kind in PARAPHRASES},
        vlm_rl=pair_figures(scorer, images, facts, "clear_road", [VLM_RL])[0].auroc,
        unrelated=_spread(scorer, images, facts, "overall", unrelated_contrasts()),
        undecided_pairs=sum(figure.auroc == 0.5 for figure in unrelated),
        near_domain=_spread(scorer, images, facts, "overall", unrelated_contrasts(near_domain=True)),
    )


def _spread(scorer: Scorer, images: FloatArray, facts: Sequence[Facts], kind: str, contrasts: Any) -> Spread:
    figures = pair_figures(scorer, images, facts, kind, contrasts)
    bad, counts = labels(facts, kind)
    mean_margin: NDArray[np.floating] = margins_of(scorer, images[counts], contrasts).mean(axis=1)
    values = [figure.auroc for figure in figures]
    weakest: PairFigure = min(figures, key=lambda figure: figure.auroc)
    return Spread(
        pairs=len(figures),
        together=auroc(-mean_margin, bad[counts]),
        mean=float(np.mean(values)),
        least=min(values),
        greatest=max(values),
        weakest=f"{weakest.positive} / {weakest.negative}",
    )
