"""What a drive tells better than a single picture: that the camera does not sit and look as it was calibrated.

A calibration is wrong in every picture or in none, while a single picture may well look odd. So the doubt is taken over
a stretch of road: the median of what the pictures say, one a metre. A car that stands sees the same again and learns
nothing new; only until it has driven for the first time every picture counts, for there are no others.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from sim2real_ad.types import EgoState, seconds_from_ns

SPACING_M = 1.0
"""Between two pictures that count."""
PICTURES = 40
"""That the median is of: what looks odd for less than 20 m is not told."""
LONGEST_PAUSE_S = 0.5
"""Between two pictures; how far the car came in a longer one is not known."""


class Misfit:
    """Follows the doubts of one drive through one camera."""

    def __init__(self) -> None:
        self._scores: deque[float] = deque(maxlen=PICTURES)
        self._stamp_ns: int | None = None
        self._driven_m, self._has_driven = 0.0, False

    def step(self, stamp_ns: int, score: float, ego: EgoState) -> float:
        """Return the doubt 0..1 after one more picture. score: what the picture says by itself, 0..1."""
        self._driven_m += abs(ego.speed) * self._elapsed_s(stamp_ns)
        is_next = self._driven_m >= SPACING_M
        if is_next:
            self._driven_m, self._has_driven = self._driven_m % SPACING_M, True
        if is_next or not self._has_driven:
            self._scores.append(score)
        return float(np.median(self._scores))

    def reset(self) -> None:
        """Forget the drive: the camera may sit otherwise from now on."""
        self._scores.clear()
        self._stamp_ns = None
        self._driven_m, self._has_driven = 0.0, False

    def _elapsed_s(self, stamp_ns: int) -> float:
        """Return the s since the last picture, 0 where that is not known or too long."""
        before_ns, self._stamp_ns = self._stamp_ns, stamp_ns
        elapsed_s = 0.0 if before_ns is None else seconds_from_ns(stamp_ns - before_ns)
        return elapsed_s if 0.0 < elapsed_s <= LONGEST_PAUSE_S else 0.0
