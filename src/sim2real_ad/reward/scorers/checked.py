"""One check round every backend: wrong shapes are refused, NaN is no answer, and both are counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sim2real_ad.errors import ScorerError
from sim2real_ad.reward.scorer import Contrast, Scorer
from sim2real_ad.types import FloatArray, UInt8Array

LENGTH_TOLERANCE = 1e-3
"""How far an embedding's length may be from 1, and a margin outside -2..2: half-precision models round that much."""


class CheckedScorer:
    """A scorer whose answers keep the contract, whatever the backend does.

    An exception of the backend, a wrong shape or dtype, and an embedding that is not of length 1 are ScorerErrors. A
    margin that is NaN, infinite or outside -2..2 is no answer: NaN. Implements Scorer.
    """

    def __init__(self, backend: Scorer) -> None:
        self.backend = backend
        self.name = backend.name
        self.dimension = backend.dimension
        self.asked = 0
        self.unanswered = 0

    def embed_images(self, images: Sequence[UInt8Array]) -> FloatArray:
        """Embed pictures (H, W, 3) uint8 RGB. Returns (N, D) float32 of length 1. Raises ScorerError."""
        self._check_pictures(images)
        return self._embedded("pictures", self.backend.embed_images, images)

    def embed_texts(self, texts: Sequence[str]) -> FloatArray:
        """Embed sentences. Returns (M, D) float32 of length 1. Raises ScorerError."""
        empty = [text for text in texts if not isinstance(text, str) or not text.strip()]
        if empty:
            raise ScorerError(f"scorer '{self.name}': a sentence must not be empty, got {empty[0]!r}")
        return self._embedded("sentences", self.backend.embed_texts, texts)

    def score(self, images: Sequence[UInt8Array], contrasts: Sequence[Contrast]) -> FloatArray:
        """Return margins (N, K) float32 in [-2, 2], NaN for no answer. Raises ScorerError."""
        self._check_pictures(images)
        if not contrasts:
            raise ScorerError(f"scorer '{self.name}': no contrasts to score")
        shape = (len(images), len(contrasts))
        if not images:
            return np.zeros(shape, np.float32)
        margins = self._array("margins", self.backend.score, shape, images, contrasts)
        usable = np.abs(margins) <= 2.0 + LENGTH_TOLERANCE  # False for NaN
        self.asked += margins.size
        self.unanswered += int((~usable).sum())
        return np.where(usable, np.clip(margins, -2.0, 2.0), np.float32(np.nan))

    def record(self) -> dict[str, int | float | str]:
        """Return counts for the training record, with the backend's own where it keeps any."""
        own: dict[str, int | float | str] = getattr(self.backend, "record", dict)()
        return {"margins_asked": self.asked, "margins_unanswered": self.unanswered, **own}

    def _embedded(self, what: str, embed: Callable[..., Any], items: Sequence[Any]) -> FloatArray:
        if not items:
            return np.zeros((0, self.dimension), np.float32)
        rows = self._array(what, embed, (len(items), self.dimension), items)
        lengths = np.linalg.norm(rows, axis=1)
        wrong = ~(np.abs(lengths - 1.0) <= LENGTH_TOLERANCE)
        if wrong.any():
            raise ScorerError(
                f"scorer '{self.name}': {int(wrong.sum())} of {len(items)} {what} have embeddings of length "
                f"{lengths[wrong][0]:.4g}, expected 1"
            )
        return rows

    def _array(self, what: str, function: Callable[..., Any], shape: tuple[int, ...], *inputs: Any) -> FloatArray:
        try:
            answer = function(*inputs)
        except ScorerError:
            raise
        except Exception as error:  # backends raise what their libraries raise, without a common base
            raise ScorerError(f"scorer '{self.name}' failed on {what}: {type(error).__name__}: {error}") from error
        if not isinstance(answer, np.ndarray) or answer.dtype != np.float32 or answer.shape != shape:
            got = f"{answer.shape} {answer.dtype}" if isinstance(answer, np.ndarray) else type(answer).__name__
            raise ScorerError(f"scorer '{self.name}' gave {got} for {what}, expected {shape} float32")
        return answer

    def _check_pictures(self, images: Sequence[UInt8Array]) -> None:
        for image in images:
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
                raise ScorerError(
                    f"scorer '{self.name}': a picture must be (H, W, 3) uint8, got {image.shape} {image.dtype}"
                )
