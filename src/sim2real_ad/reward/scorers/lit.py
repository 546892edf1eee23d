"""`lit-minilm`: the default scorer, offline. Two frozen towers and a head trained on simulator pictures with captions.

It is not a foundation model: it knows the bird's-eye pictures of `reward.view` and the things that captions told it of
them. Asked about anything else it is exactly undecided. See the model card in `reward/shipped/lit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from sim2real_ad.reward.lit.head import DIMENSION, LitHead
from sim2real_ad.reward.lit.runtime import ImageEncoder, open_pictures_network, run_in_batches
from sim2real_ad.reward.lit.towers import ImageTower, text_tower
from sim2real_ad.reward.scorers.dual import DualEncoder
from sim2real_ad.reward.view import VIEW_HEIGHT, VIEW_WIDTH
from sim2real_ad.types import FloatArray, UInt8Array

NAME = "lit-minilm"
SHIPPED = Path(__file__).parents[1] / "shipped" / "lit"
HEAD_FILE = "head.safetensors"


class LitScorer(DualEncoder):
    """Frozen EfficientNet-lite0 maps and MiniLM sentences, brought together by a small head. Implements Scorer."""

    def __init__(self, folder: Path | LitHead = SHIPPED) -> None:
        """Load a folder's head, or take one. Raises ScorerError where it, or a tower's package, is missing."""
        super().__init__(NAME, DIMENSION)
        self._head = folder if isinstance(folder, LitHead) else LitHead.load(folder / HEAD_FILE)
        self._session = open_pictures_network(ImageEncoder(ImageTower(), self._head), ["embedded"])

    def embed_images(self, images: Sequence[UInt8Array]) -> FloatArray:
        """Embed pictures (H, W, 3) uint8 RGB, resized to the view's size. Returns (N, D) float32 of length 1."""
        if not images:
            return np.zeros((0, DIMENSION), np.float32)
        return np.asarray(run_in_batches(self._session, np.stack([_sized(image) for image in images]))[0], np.float32)

    def embed_texts(self, texts: Sequence[str]) -> FloatArray:
        """Embed sentences. Returns (M, D) float32 of length 1; all that are irrelevant get the same vector."""
        with torch.inference_mode():
            embedded = self._head.embed_texts(torch.from_numpy(text_tower().embed(texts)))
        return np.asarray(embedded.numpy(), np.float32)

    def relevance(self, texts: Sequence[str]) -> FloatArray:
        """Return how sure the head is (M,), 0..1, that a sentence speaks of what the pictures show."""
        with torch.inference_mode():
            return np.asarray(self._head.relevance(torch.from_numpy(text_tower().embed(texts))).numpy(), np.float32)


def _sized(image: UInt8Array) -> UInt8Array:
    if image.shape[:2] == (VIEW_HEIGHT, VIEW_WIDTH):
        return image
    return np.asarray(cv2.resize(image, (VIEW_WIDTH, VIEW_HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)
