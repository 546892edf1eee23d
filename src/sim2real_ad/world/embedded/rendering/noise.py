"""Seamless random patterns, cheap enough to draw anew for every world."""

from __future__ import annotations

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]
SIZE = 256
"""Edge of a texture in pixels."""
BANK_SEED = 20


def smooth_noise(rng: np.random.Generator, cells: int, size: int = SIZE) -> FloatImage:
    """Return a (size, size) pattern, about -1..1, with `cells` random values an edge, which repeats seamlessly."""
    coarse = rng.uniform(-1.0, 1.0, (cells, cells)).astype(np.float32)
    if cells >= size:
        return coarse[:size, :size]
    margin = 2
    padded = np.pad(coarse, margin, mode="wrap")
    step = size // cells
    large = cv2.resize(padded, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(large[margin * step :, margin * step :][:size, :size])


@functools.lru_cache(maxsize=1)
def _bank() -> tuple[dict[int, FloatImage], ...]:
    """Patterns of several grain sizes that all worlds share; every use shifts and turns them its own way."""
    rng = np.random.default_rng(BANK_SEED)
    return tuple({cells: smooth_noise(rng, cells) for cells in (4, 8, 16, 32, 64, 128, 256)} for _ in range(3))


def grain(rng: np.random.Generator, weights: dict[int, float]) -> FloatImage:
    """Return a (SIZE, SIZE) seamless sum of patterns: weights by number of cells an edge (4, 8, ... 256)."""
    total = np.zeros((SIZE, SIZE), np.float32)
    banks = _bank()
    for cells, weight in weights.items():
        pattern = banks[int(rng.integers(len(banks)))][cells]
        shift = rng.integers(SIZE, size=2)
        turned = np.rot90(pattern, int(rng.integers(4)))
        total += np.float32(weight) * np.roll(turned, (int(shift[0]), int(shift[1])), axis=(0, 1))
    return total


def cracks(rng: np.random.Generator, count: int) -> FloatImage:
    """Return a (SIZE, SIZE) seamless mask, 0..1, of branching crack lines."""
    mask = np.zeros((SIZE, SIZE), np.uint8)
    for _ in range(count):
        heading = rng.uniform(0.0, 2.0 * np.pi)
        turns = np.cumsum(rng.normal(0.0, 0.35, 40)) + heading
        path = rng.uniform(0, SIZE, 2) + np.cumsum(np.column_stack((np.cos(turns), np.sin(turns))) * 3.0, axis=0)
        for dx in (-SIZE, 0, SIZE):
            for dy in (-SIZE, 0, SIZE):
                line = np.round(path + np.array((dx, dy))).astype(np.int32).reshape(-1, 1, 2)
                cv2.polylines(mask, [line], False, int(rng.integers(120, 255)), 1)
    return mask.astype(np.float32) / 255.0
