"""Ways to spoil a picture, for teaching the adapter to doubt one: more kinds than are measured, and other strengths."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from sim2real_ad.types import UInt8Array

Spoiling = Callable[[UInt8Array, np.random.Generator], UInt8Array]


def spoil(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Return a picture (H, W, 3) uint8 spoilt in one of many ways."""
    return _WAYS[int(random.integers(len(_WAYS)))](rgb, random)


def _flat(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """One colour with noise: black, white-out, a dead sensor."""
    level = random.choice(np.array([0.0, 0.0, 10.0, 128.0, 240.0, 255.0])) + random.normal(0.0, 3.0, 3)
    return np.clip(level + random.normal(0.0, random.uniform(0.0, 8.0), rgb.shape), 0, 255).astype(np.uint8)


def _dark(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    return np.asarray(rgb * random.uniform(0.0, 0.08), np.uint8)


def _bleached(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    return np.clip(rgb * random.uniform(1.0, 4.0) + random.uniform(120.0, 230.0), 0, 255).astype(np.uint8)


def _blurred(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), random.uniform(4.5, 16.0)), np.uint8)


def _covered(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """A blot, blotched or plain, with soft or hard edges, over a third to nearly all of the picture."""
    height, width = rgb.shape[:2]
    mask = np.zeros((height, width), np.float32)
    share = random.uniform(0.4, 0.95)
    middle = random.uniform((0.3 * width, 0.3 * height), (0.7 * width, 0.7 * height))
    angles = np.sort(random.uniform(0.0, 2.0 * np.pi, int(random.integers(4, 12))))
    reach = np.array([width, height]) * share / 2.0
    corners = middle + reach * np.column_stack((np.cos(angles), np.sin(angles))) * 1.2
    if random.random() < 0.5:
        x, y = (middle - reach).astype(int)
        cv2.rectangle(mask, (int(x), int(y)), (int(x + 2 * reach[0]), int(y + 2 * reach[1])), 1.0, -1)
    else:
        cv2.fillPoly(mask, [corners.astype(np.int32)], 1.0)
    if random.random() < 0.5:
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), random.uniform(1.0, 8.0)), np.float32)
    cover = np.full(rgb.shape, random.integers(0, 200, 3), np.float32)
    if random.random() < 0.4:
        blotches = random.normal(0.0, 40.0, (6, 12, 1)).astype(np.float32)
        cover += cv2.resize(blotches, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    return np.clip(rgb + mask[..., None] * (cover - rgb), 0, 255).astype(np.uint8)


def _noisy(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    return np.clip(rgb + random.normal(0.0, random.uniform(50.0, 120.0), rgb.shape), 0, 255).astype(np.uint8)


def _turned_over(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    return np.ascontiguousarray(rgb[::-1])


def _torn(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """A transfer that lost its place: the picture rolled over in both directions."""
    height, width = rgb.shape[:2]
    rows, columns = int(random.integers(height // 4, 3 * height // 4)), int(random.integers(width))
    return np.ascontiguousarray(np.roll(rgb, (rows, columns), axis=(0, 1)))


def _shuffled(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Blocks of the picture in another order."""
    high, wide = rgb.shape[0] // 4, rgb.shape[1] // 6
    places = [(high * (n // 6), wide * (n % 6)) for n in range(24)]
    spoilt = rgb.copy()
    for (row, column), n in zip(places, random.permutation(24), strict=True):
        top, left = places[n]
        spoilt[row : row + high, column : column + wide] = rgb[top : top + high, left : left + wide]
    return spoilt


def _striped(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Rows that were not read out."""
    spoilt = rgb.copy()
    for _ in range(int(random.integers(3, 9))):
        first = int(random.integers(len(rgb)))
        spoilt[first : first + int(random.integers(8, 30))] = random.integers(0, 256, 3)
    return spoilt


_WAYS: tuple[Spoiling, ...] = (
    _flat,
    _dark,
    _bleached,
    _blurred,
    _blurred,
    _covered,
    _covered,
    _covered,
    _noisy,
    _turned_over,
    _torn,
    _shuffled,
    _striped,
)
