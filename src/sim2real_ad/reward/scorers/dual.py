"""Scoring by two towers: pictures and sentences meet in one space, and a margin is a difference of cosines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from sim2real_ad.errors import ScorerError
from sim2real_ad.reward.scorer import Contrast
from sim2real_ad.types import FloatArray, UInt8Array


class DualEncoder(ABC):
    """Base of scorers with embeddings. Each sentence is embedded once in the life of the scorer."""

    def __init__(self, name: str, dimension: int) -> None:
        self.name = name
        self.dimension = dimension
        self._known: dict[str, FloatArray] = {}

    @abstractmethod
    def embed_images(self, images: Sequence[UInt8Array]) -> FloatArray:
        """Embed pictures (H, W, 3) uint8 RGB. Returns (N, D) float32 of length 1. Raises ScorerError."""

    @abstractmethod
    def embed_texts(self, texts: Sequence[str]) -> FloatArray:
        """Embed sentences. Returns (M, D) float32 of length 1. Raises ScorerError."""

    def score(self, images: Sequence[UInt8Array], contrasts: Sequence[Contrast]) -> FloatArray:
        """Return cos(image, positive) - cos(image, negative), (N, K) float32. Raises ScorerError."""
        positive = self._texts([contrast.positive for contrast in contrasts])
        negative = self._texts([contrast.negative for contrast in contrasts])
        return np.asarray(self.embed_images(images) @ (positive - negative).T, dtype=np.float32)

    def _texts(self, sentences: Sequence[str]) -> FloatArray:
        new = list(dict.fromkeys(sentence for sentence in sentences if sentence not in self._known))
        if new:
            embedded = self.embed_texts(new)
            if embedded.shape != (len(new), self.dimension) or not np.isfinite(embedded).all():
                raise ScorerError(f"scorer '{self.name}': {len(new)} sentences gave {embedded.shape}, NaN or infinity")
            self._known.update(zip(new, embedded, strict=True))
        return np.stack([self._known[sentence] for sentence in sentences])


def unit_rows(rows: FloatArray) -> FloatArray:
    """Scale rows (N, D) to length 1; a row of zeros, NaN or infinity has no direction and becomes NaN."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    usable = np.isfinite(lengths) & (lengths > 0.0)
    return np.asarray(np.where(usable, rows / np.where(usable, lengths, 1.0), np.nan), dtype=np.float32)
