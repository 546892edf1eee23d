"""Statistics of ranks: how well a score tells two kinds apart, and whether two scores order things alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating]
Flags = NDArray[np.bool_]


def auroc(above: Values, below: Values) -> float | None:
    """Return the chance that a score of (N,) is above one of (M,), ties counting half (Mann and Whitney 1947).

    None where either is empty.
    """
    if not len(above) or not len(below):
        return None
    scores = np.concatenate((above, below))
    return weighted_auroc(scores, np.arange(len(scores)) < len(above), np.ones(len(scores)))


def weighted_auroc(scores: Values, is_above: Flags, weights: Values) -> float:
    """Return the AUROC where each score (N,) counts its weight (N,); both kinds need some."""
    levels, inverse = np.unique(scores, return_inverse=True)
    above = np.bincount(inverse, weights * is_above, minlength=len(levels))
    below = np.bincount(inverse, weights * ~is_above, minlength=len(levels))
    lower = np.cumsum(below) - below
    return float(above @ (lower + 0.5 * below)) / float(above.sum() * below.sum())


def spearman(a: Values, b: Values) -> float | None:
    """Return Spearman's rank correlation of (N,) and (N,); None for fewer than 3 pairs or where one is constant."""
    if len(a) < 3:
        return None
    x, y = ranks(a), ranks(b)
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return None if scale == 0.0 else float(x @ y) / scale


def ranks(values: Values) -> NDArray[np.float64]:
    """Return the ranks (N,) from 1 on; ties share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2.0)[inverse], np.float64)
