"""The one interface to a vision-language model. Backends: see `reward/scorers/`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sim2real_ad.types import FloatArray, UInt8Array


@dataclass(frozen=True)
class Contrast:
    """Two sentences that contradict each other: what shall be, and what shall not."""

    positive: str
    negative: str


class Scorer(Protocol):
    """A vision-language model. name: as on the command line; dimension: D of its embeddings, 0 where it has none."""

    name: str
    dimension: int

    def embed_images(self, images: Sequence[UInt8Array]) -> FloatArray:
        """Embed pictures (H, W, 3) uint8 RGB. Returns (N, D) float32 of length 1. Raises ScorerError."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> FloatArray:
        """Embed sentences. Returns (M, D) float32 of length 1. Raises ScorerError."""
        ...

    def score(self, images: Sequence[UInt8Array], contrasts: Sequence[Contrast]) -> FloatArray:
        """Return margins (N, K) float32 in [-2, 2]: how much nearer each picture is to a contrast's positive sentence.

        For models with embeddings cos(image, positive) - cos(image, negative); NaN where the model gave no answer.
        Raises ScorerError.
        """
        ...
