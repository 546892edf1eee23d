"""Facade textures: a tile of 4 x 4 bays, each with a window; walls are white or brick and take the house's colour."""

from __future__ import annotations

import cv2
import numpy as np

from sim2real_ad.world.embedded.rendering.noise import SIZE, FloatImage, grain

FACADES = ("facade_plaster", "facade_brick", "facade_glass", "facade_panel", "facade_boards", "facade_shed")
BAYS = 4
BAY_M = 3.0
"""A bay is this wide and this high, so a facade tile covers BAYS * BAY_M metres."""
BAY = SIZE // BAYS


def draw_facade(name: str, rng: np.random.Generator) -> FloatImage:
    """Return one facade, (SIZE, SIZE, 3)."""
    wall = _wall(name, rng)
    wide, high = _window_size(name, rng)
    frame = float(rng.uniform(0.25, 1.0))
    divided = int(rng.integers(1, 3))
    shutters = name in ("facade_plaster", "facade_boards") and rng.uniform() < 0.5
    leaf = rng.uniform(0.25, 0.8, 3).astype(np.float32)
    for row in range(BAYS):
        for column in range(BAYS):
            if name == "facade_shed" and row != 1:
                continue
            left, top = column * BAY + (BAY - wide) // 2, row * BAY + (BAY - high) // 2 - 2
            if shutters:
                wall[top : top + high, left - 9 : left + wide + 9] = leaf
            _window(wall, rng, (left, top, wide, high), frame, divided)
    return wall


def _wall(name: str, rng: np.random.Generator) -> FloatImage:
    tone = grain(rng, {4: 0.05, 16: 0.04, 128: 0.03})
    if name == "facade_brick":
        bricks = cv2.resize(rng.uniform(-0.12, 0.12, (64, 32)).astype(np.float32), (SIZE, SIZE), interpolation=0)
        tone = tone + bricks - (np.arange(SIZE) % 4 == 0).astype(np.float32)[:, None] * 0.1
    elif name == "facade_boards":
        tone = tone - (np.arange(SIZE) % 8 < 2).astype(np.float32)[:, None] * 0.16
    elif name == "facade_shed":
        tone = tone + np.sin(np.linspace(0.0, 80.0 * np.pi, SIZE)).astype(np.float32)[None] * np.float32(0.09)
    elif name == "facade_panel":
        seam = (np.arange(SIZE) % BAY < 2).astype(np.float32)
        tone = tone - seam[:, None] * np.float32(0.2) - seam[None] * np.float32(0.2)
    return np.repeat((0.95 + tone)[..., None], 3, axis=2).astype(np.float32)


def _window_size(name: str, rng: np.random.Generator) -> tuple[int, int]:
    """Return (width, height) in pixels of a 64-pixel bay."""
    if name == "facade_glass":
        return BAY - 4, BAY - 14
    if name == "facade_shed":
        return 40, 16
    if name == "facade_panel":
        return int(rng.integers(34, 52)), int(rng.integers(26, 36))
    return int(rng.integers(22, 34)), int(rng.integers(30, 44))


def _window(
    wall: FloatImage, rng: np.random.Generator, place: tuple[int, int, int, int], frame: float, divided: int
) -> None:
    """Paint one window: frame, panes that mirror some sky, now and then a curtain or a lit room."""
    left, top, wide, high = place
    wall[top - 2 : top + high + 2, left - 2 : left + wide + 2] = frame
    wall[top + high + 2 : top + high + 5, left - 4 : left + wide + 4] *= np.float32(0.75)
    shade = float(rng.uniform(0.12, 0.34))
    fade = np.linspace(1.35, 0.8, high, dtype=np.float32)[:, None, None]
    glass = np.array((shade * 0.9, shade, shade * 1.15), np.float32) * fade
    wall[top : top + high, left : left + wide] = glass
    kind = rng.uniform()
    if kind < 0.25:
        drop = int(high * rng.uniform(0.3, 0.9))
        wall[top : top + drop, left : left + wide] = (0.72, 0.70, 0.64)
    elif kind < 0.33:
        wall[top : top + high, left : left + wide] = (0.85, 0.72, 0.45)
    for cut in range(1, divided + 1):
        x = left + wide * cut // (divided + 1)
        wall[top : top + high, x : x + 2] = frame
