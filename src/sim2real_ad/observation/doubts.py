"""How much is doubted of one picture, and of what kind the doubt is."""

from __future__ import annotations

from typing import NamedTuple


class Doubts(NamedTuple):
    """spoilt: that the picture is black, blurred, covered, torn, ...; misfit: that a camera so calibrated would not
    have taken it. Both 0..1, 0.5 where as strong as in one of a hundred held-out pictures."""

    spoilt: float = 0.0
    misfit: float = 0.0

    @property
    def ood(self) -> float:
        """The out-of-distribution score of the picture by itself, 0..1."""
        return max(self)
