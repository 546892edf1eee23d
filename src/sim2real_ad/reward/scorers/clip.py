"""A CLIP or SigLIP model from a local folder, by transformers. Nothing is fetched."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when the library is imported

import torch
from transformers import AutoConfig, AutoImageProcessor, AutoTokenizer, CLIPModel, SiglipModel
from transformers.utils import logging as library_logging

from sim2real_ad.errors import ScorerError
from sim2real_ad.reward.scorers.dual import DualEncoder, unit_rows
from sim2real_ad.types import FloatArray, UInt8Array

MODELS = {"clip": CLIPModel, "siglip": SiglipModel}
TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "spiece.model")


class ClipScorer(DualEncoder):
    """CLIP (arXiv 2103.00020) or SigLIP (arXiv 2303.15343), as `save_pretrained` leaves them. Implements Scorer."""

    def __init__(self, folder: Path, name: str = "") -> None:
        """Raises ScorerError where the folder is missing, incomplete, or holds another kind of model."""
        if not folder.is_dir():
            raise ScorerError(f"scorer 'clip': no model folder at {folder}")
        try:
            self._load(folder)
        except ScorerError:
            raise
        except Exception as error:  # the library raises OSError, ValueError, KeyError and more for a broken folder
            raise ScorerError(f"scorer 'clip': cannot load a model from {folder}: {error}") from error
        super().__init__(name or f"clip:{folder}", self._dimension())

    def embed_images(self, images: Sequence[UInt8Array]) -> FloatArray:
        """Embed pictures (H, W, 3) uint8 RGB. Returns (N, D) float32 of length 1. Raises ScorerError."""
        inputs = self._processor(images=list(images), input_data_format="channels_last", return_tensors="pt")
        return self._features(self._model.get_image_features, {"pixel_values": inputs["pixel_values"]})

    def embed_texts(self, texts: Sequence[str]) -> FloatArray:
        """Embed sentences, cut at the model's length. Returns (M, D) float32 of length 1. Raises ScorerError."""
        length = self._config.text_config.max_position_embeddings
        # SigLIP was trained on sentences padded to the full length, without a mask.
        padding: Any = "max_length" if self._config.model_type == "siglip" else True
        tokens = self._tokenizer(list(texts), padding=padding, truncation=True, max_length=length, return_tensors="pt")
        names = ("input_ids",) if self._config.model_type == "siglip" else ("input_ids", "attention_mask")
        return self._features(self._model.get_text_features, {name: tokens[name] for name in names})

    def _load(self, folder: Path) -> None:
        library_logging.disable_progress_bar()
        self._config = AutoConfig.from_pretrained(folder, local_files_only=True)
        if self._config.model_type not in MODELS:
            known = ", ".join(MODELS)
            raise ScorerError(f"scorer 'clip': {folder} holds a '{self._config.model_type}' model, expected {known}")
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        # The library makes up what a folder lacks, random weights and an empty vocabulary, with a warning at most.
        if not any((folder / name).is_file() for name in TOKENIZER_FILES):
            raise ScorerError(f"scorer 'clip': {folder} holds no tokenizer ({', '.join(TOKENIZER_FILES)})")
        kind = MODELS[self._config.model_type]
        model, loading = kind.from_pretrained(folder, local_files_only=True, output_loading_info=True)
        missing = sorted(loading["missing_keys"])
        if missing:
            raise ScorerError(f"scorer 'clip': {folder} lacks {len(missing)} weights, {missing[0]} first")
        self._model = model.eval().to(self._device)
        # The Pillow processor: the other one needs torchvision and rounds otherwise.
        self._processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil")
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)

    def _dimension(self) -> int:
        if self._config.model_type == "clip":
            return int(self._config.projection_dim)
        # SigLIP's text tower ends in a projection to the width of its vision tower.
        return int(self._config.vision_config.hidden_size)

    def _features(self, tower: Any, inputs: dict[str, torch.Tensor]) -> FloatArray:
        with torch.inference_mode():
            output = tower(**{name: tensor.to(self._device) for name, tensor in inputs.items()})
        # Version 5 of the library returns the pooled features in an output object, version 4 the features themselves.
        features = output if isinstance(output, torch.Tensor) else output.pooler_output
        return unit_rows(np.asarray(features.float().cpu().numpy(), dtype=np.float32))
