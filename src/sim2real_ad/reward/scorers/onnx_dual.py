"""An ONNX dual encoder from a folder: image.onnx, text.onnx, tokenizer.json, preprocess.yaml. Runs without torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from pydantic import Field

from sim2real_ad.config import StrictModel, load_config
from sim2real_ad.errors import CheckpointError, ScorerError
from sim2real_ad.policy.runtime import open_network
from sim2real_ad.reward.scorers.dual import DualEncoder, unit_rows
from sim2real_ad.types import FloatArray, UInt8Array

IMAGE_FILE, TEXT_FILE, TOKENIZER_FILE, PREPROCESS_FILE = "image.onnx", "text.onnx", "tokenizer.json", "preprocess.yaml"
TEXT_INPUTS = ("input_ids", "attention_mask")
_INTEGERS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}

Triple = tuple[float, float, float]
Positive = Annotated[float, Field(gt=0.0)]


class Preprocess(StrictModel):
    """How pictures and sentences become tensors; what preprocess.yaml holds.

    size: side of the square picture, pixels; fit: stretch it, or scale its shorter side and crop the middle; mean,
    std: of RGB in 0..1; context_length: tokens a sentence is cut to; pad_to_context: whether every sentence is padded
    to that length; pad_id: the token to pad with.
    """

    size: int = Field(ge=1)
    fit: Literal["stretch", "crop"] = "crop"
    mean: Triple
    std: tuple[Positive, Positive, Positive]
    context_length: int = Field(ge=1)
    pad_to_context: bool = True
    pad_id: int = Field(default=0, ge=0)


class OnnxScorer(DualEncoder):
    """Two towers in ONNX Runtime.

    image.onnx: one input (N, 3, size, size) float32; text.onnx: input_ids and, if it wants, attention_mask (M, L);
    the first output of each is (N, D). Implements Scorer.
    """

    def __init__(self, folder: Path, name: str = "") -> None:
        """Raises ScorerError naming the missing file or the wrong input; ConfigError for preprocess.yaml."""
        missing = [n for n in (IMAGE_FILE, TEXT_FILE, TOKENIZER_FILE, PREPROCESS_FILE) if not (folder / n).is_file()]
        if missing:
            raise ScorerError(f"scorer 'onnx': {folder} lacks {', '.join(missing)}")
        self._preprocess = load_config(folder / PREPROCESS_FILE, Preprocess)
        self._image, self._text = _open(folder / IMAGE_FILE), _open(folder / TEXT_FILE)
        self._text_inputs = _text_inputs(self._text, folder / TEXT_FILE)
        self._tokenizer = _tokenizer(folder / TOKENIZER_FILE, self._preprocess)
        if len(self._image.get_inputs()) != 1:
            raise ScorerError(f"{folder / IMAGE_FILE}: {len(self._image.get_inputs())} inputs, expected one")
        super().__init__(name or f"onnx:{folder}", self._output_width(folder))

    def embed_images(self, images: Sequence[UInt8Array]) -> FloatArray:
        """Embed pictures (H, W, 3) uint8 RGB. Returns (N, D) float32 of length 1. Raises ScorerError."""
        pixels = np.stack([normalise(image, self._preprocess) for image in images])
        return self._run(self._image, {self._image.get_inputs()[0].name: pixels})

    def embed_texts(self, texts: Sequence[str]) -> FloatArray:
        """Embed sentences, cut at the context length. Returns (M, D) float32 of length 1. Raises ScorerError."""
        encoded = self._tokenizer.encode_batch(list(texts))
        columns = {"input_ids": [e.ids for e in encoded], "attention_mask": [e.attention_mask for e in encoded]}
        return self._run(self._text, {n: np.asarray(columns[n], dtype=t) for n, t in self._text_inputs.items()})

    def _run(self, session: Any, feed: dict[str, np.ndarray]) -> FloatArray:
        return unit_rows(np.asarray(session.run(None, feed)[0], dtype=np.float32))

    def _output_width(self, folder: Path) -> int:
        """Found by running both towers once: an exported graph need not declare its width, or may declare it wrong."""
        try:
            side = self._preprocess.size
            widths = [
                self.embed_images([np.zeros((side, side, 3), np.uint8)]).shape[1:],
                self.embed_texts(["a road"]).shape[1:],
            ]
        except Exception as error:  # the runtime's exceptions share no base class
            raise ScorerError(f"scorer 'onnx': the towers in {folder} do not run: {error}") from error
        if widths[0] != widths[1]:
            raise ScorerError(f"scorer 'onnx': {folder}: pictures are {widths[0]} wide, sentences {widths[1]}")
        return int(widths[0][0])


def normalise(image: UInt8Array, preprocess: Preprocess) -> FloatArray:
    """Resize and normalise one picture (H, W, 3) uint8 RGB to (3, size, size) float32."""
    size = preprocess.size
    if preprocess.fit == "crop":
        height, width = image.shape[:2]
        scale = size / min(height, width)
        image = _resized(image, max(round(width * scale), size), max(round(height * scale), size))
        top, left = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
        image = image[top : top + size, left : left + size]
    else:
        image = _resized(image, size, size)
    mean, std = np.array(preprocess.mean, np.float32), np.array(preprocess.std, np.float32)
    scaled = (image.astype(np.float32) / 255.0 - mean) / std
    return np.ascontiguousarray(scaled.transpose(2, 0, 1), dtype=np.float32)


def _resized(image: UInt8Array, width: int, height: int) -> UInt8Array:
    if image.shape[:2] == (height, width):
        return image
    # Averaging when shrinking, as the libraries' antialiased filters do; bicubic when enlarging.
    shrinks = width < image.shape[1]
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC))


def _open(path: Path) -> Any:
    try:
        return open_network(path)
    except CheckpointError as error:
        raise ScorerError(str(error)) from error


def _text_inputs(session: Any, path: Path) -> dict[str, type]:
    found = {node.name: node.type for node in session.get_inputs()}
    wrong = [f"{n} {t}" for n, t in found.items() if n not in TEXT_INPUTS or t not in _INTEGERS]
    if wrong or "input_ids" not in found:
        raise ScorerError(f"{path}: inputs {found}, expected {' and '.join(TEXT_INPUTS)} of int64 or int32")
    return {name: _INTEGERS[kind] for name, kind in found.items()}


def _tokenizer(path: Path, preprocess: Preprocess) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises a bare Exception
        raise ScorerError(f"cannot read the tokenizer {path}: {error}") from error
    tokenizer.enable_truncation(preprocess.context_length)
    length = preprocess.context_length if preprocess.pad_to_context else None
    tokenizer.enable_padding(length=length, pad_id=preprocess.pad_id)
    return tokenizer
