"""Picture augmentation for the adapter: what cameras, light and a windscreen do to a picture.

Renders are all of one kind; roads are not. Each effect alone is plausible, and none moves anything in the picture, so
that labels stay true; what a bonnet hides is told.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from sim2real_ad.types import UInt8Array

Effect = Callable[[UInt8Array, np.random.Generator], UInt8Array]


BONNET = 0.3
"""Share of pictures with the own car's bonnet in them."""
OUTLINED = 0.3
"""Share of these that are black there, as the level view is where a camera's YAML outlines the own car."""


def augment_picture(
    rgb: UInt8Array, random: np.random.Generator, bottom: int | None = None
) -> tuple[UInt8Array, NDArray[np.bool_]]:
    """Return a copy (H, W, 3) as another camera in another light would take it, and what a bonnet hides (H, W).

    bottom: rows that the camera's picture fills, at whose lower edge a bonnet is; all of them without.
    """
    picture, hidden = rgb.copy(), np.zeros(rgb.shape[:2], np.bool_)
    if random.random() < BONNET:
        hidden = _bonnet_outline(rgb.shape[0], rgb.shape[1], rgb.shape[0] if bottom is None else bottom, random)
    for odds, effect in _OF_THE_SCENE:
        picture = effect(picture, random) if random.random() < odds else picture
    if hidden.any():
        picture[hidden] = _bonnet(picture, random)[hidden]
    for odds, effect in _OF_LIGHT_AND_CAMERA:
        picture = effect(picture, random) if random.random() < odds else picture
    if hidden.any() and random.random() < OUTLINED:
        picture[hidden] = 0
    return picture, hidden


def reflect(rgb: UInt8Array, other: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Return a picture with another one, blurred and turned over, faintly mirrored in the windscreen."""
    ghost = cv2.GaussianBlur(cv2.flip(other, int(random.integers(-1, 2))), (0, 0), random.uniform(1.0, 6.0))
    share = random.uniform(0.05, 0.3)
    return np.asarray(cv2.addWeighted(rgb, 1.0 - 0.5 * share, ghost, share, 0.0), np.uint8)


def _tone(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Another gamma, gain a channel, offset."""
    levels = np.linspace(0.0, 1.0, 256)
    gamma, offset = np.exp(random.normal(0.0, 0.3)), random.normal(0.0, 0.05)
    gains = np.exp(random.normal(0.0, 0.25) + random.normal(0.0, 0.1, 3))
    curves = np.clip(gains[:, None] * levels**gamma + offset, 0.0, 1.0)
    return np.asarray(cv2.LUT(rgb, (curves.T[None] * 255.0).round().astype(np.uint8)), np.uint8)


def _colours(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Mean and spread of lightness and of both colours moved towards those of some other place."""
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    mean, spread = (figure[:, 0] for figure in cv2.meanStdDev(lab))
    wanted_mean = np.array([random.uniform(70, 170), random.normal(128, 5), random.normal(128, 8)])
    wanted_spread = np.array([random.uniform(30, 75), random.uniform(2, 12), random.uniform(3, 20)])
    share = random.uniform(0.3, 1.0)
    stretch = 1.0 + share * (wanted_spread / (spread + 1.0) - 1.0)
    curves = (np.arange(256)[:, None] - mean) * stretch + mean + share * (wanted_mean - mean)
    moved = cv2.LUT(lab, np.clip(curves, 0, 255).astype(np.uint8)[None])
    return np.asarray(cv2.cvtColor(moved, cv2.COLOR_LAB2RGB), np.uint8)


def _grey(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    grey = np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    share = random.uniform(0.2, 1.0)
    return np.asarray(cv2.addWeighted(rgb, 1.0 - share, grey, share, 0.0), np.uint8)


def _shadows(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """One to three soft shadows, some of them stripes across the road."""
    height, width = rgb.shape[:2]
    light = np.ones((height, width), np.float32)
    for _ in range(int(random.integers(1, 4))):
        middle = random.uniform((0, 0.25 * height), (width, height))
        reach = random.uniform((10, 4), (0.5 * width, 0.25 * height))
        angles = np.sort(random.uniform(0.0, 2.0 * np.pi, 6))
        corners = middle + reach * np.column_stack((np.cos(angles), np.sin(angles)))
        shade = np.zeros((height, width), np.float32)
        cv2.fillPoly(shade, [corners.astype(np.int32)], 1.0)
        shade = np.asarray(cv2.GaussianBlur(shade, (0, 0), random.uniform(0.5, 5.0)), np.float32)
        light *= 1.0 - random.uniform(0.3, 0.75) * shade
    return np.asarray(rgb * light[..., None], np.uint8)


def _glare(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    height, width = rgb.shape[:2]
    x, y, size = random.uniform(0, width), random.uniform(0, 0.6 * height), random.uniform(20.0, 120.0)
    across, down = (np.exp(-((np.arange(s) - at) ** 2) / (2.0 * size**2)) for s, at in ((width, x), (height, y)))
    glow = (random.uniform(30.0, 160.0) * down[:, None] * across).astype(np.float32)
    return np.clip(rgb + glow[..., None], 0, 255).astype(np.uint8)


def _bonnet_outline(height: int, width: int, bottom: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """Return what the own car's bonnet hides (height, width) from the lower edge of a picture of `bottom` rows.

    It is arched, and bulges where the wings are.
    """
    top = bottom - random.uniform(3.0, 0.18 * height)
    columns = np.linspace(0.0, width, 25)
    across = 2.0 * (columns / width - random.uniform(0.4, 0.6))
    arch = random.uniform(-2.0, 12.0) * across**2
    wings = random.uniform(0.0, 8.0) * np.exp(-(((np.abs(across) - random.uniform(0.6, 1.0)) / 0.2) ** 2))
    outline = np.column_stack((np.append(columns, (width, 0)), np.append(top + arch - wings, (height, height))))
    bonnet = np.zeros((height, width), np.uint8)
    cv2.fillPoly(bonnet, [outline.astype(np.int32)], 255)
    return bonnet > 0


def _bonnet(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Paint (H, W, 3) in which the scene is mirrored, upside down and blurred: of any colour, or dull and as grey as a
    road; dust lies on some."""
    height, width = rgb.shape[:2]
    dull = random.random() < 0.4
    colour = random.uniform(5.0, 160.0) + random.normal(0.0, 5.0 if dull else 20.0, 3)
    shine = np.linspace(random.uniform(0.6, 1.6), 1.0, height)[:, None, None]
    mirrored = cv2.GaussianBlur(cv2.flip(rgb, 0), (0, 0), random.uniform(1.0, 8.0))
    paint = colour * shine + random.uniform(0.0, 0.15 if dull else 0.6) * mirrored
    if random.random() < 0.5:
        grain = random.normal(0.0, 1.0, (height, max(width // int(random.integers(1, 6)), 1))).astype(np.float32)
        dust = cv2.resize(grain, (width, height), interpolation=cv2.INTER_LINEAR)
        paint = paint + random.uniform(3.0, 20.0) * np.clip(dust - random.uniform(-1.0, 1.5), 0.0, 2.0)[..., None]
    return np.clip(paint, 0, 255).astype(np.uint8)


def _dirt(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Noise in patches: drops, dust, rough asphalt."""
    height, width = rgb.shape[:2]
    coarse = random.normal(0.0, 1.0, (height // int(random.integers(3, 12)), width // int(random.integers(3, 12))))
    patches = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(rgb + random.uniform(3.0, 16.0) * patches[..., None], 0, 255).astype(np.uint8)


def _vignette(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    height, width = rgb.shape[:2]
    rows, columns = (np.linspace(-1.0, 1.0, side, dtype=np.float32) for side in (height, width))
    light = 1.0 - np.float32(random.uniform(0.1, 0.5)) * (rows[:, None] ** 2 + columns**2) / 2.0
    return np.asarray(rgb * light[..., None], np.uint8)


def _blur(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    if random.random() < 0.7:
        return np.asarray(cv2.GaussianBlur(rgb, (0, 0), random.uniform(0.3, 1.5)), np.uint8)
    return np.asarray(cv2.blur(rgb, (int(random.integers(2, 6)), 1)), np.uint8)


def _resample(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """What is left of a sensor with fewer pixels."""
    height, width = rgb.shape[:2]
    share = random.uniform(0.4, 0.95)
    small = cv2.resize(rgb, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _sharpen(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    amount = random.uniform(0.3, 1.5)
    return np.asarray(cv2.addWeighted(rgb, 1.0 + amount, cv2.GaussianBlur(rgb, (0, 0), 1.0), -amount, 0.0), np.uint8)


def _noise(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    noise = np.empty(rgb.shape, np.int16)
    cv2.setRNGSeed(int(random.integers(2**31)))
    cv2.randn(noise, 0, random.uniform(1.0, 14.0))
    return np.clip(rgb + noise, 0, 255).astype(np.uint8)


def _jpeg(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    coded = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(25, 95))])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


_OF_THE_SCENE: tuple[tuple[float, Effect], ...] = ((0.3, _shadows),)
_OF_LIGHT_AND_CAMERA: tuple[tuple[float, Effect], ...] = (
    (0.5, _colours),
    (0.7, _tone),
    (0.25, _grey),
    (0.12, _glare),
    (0.2, _dirt),
    (0.25, _vignette),
    (0.4, _resample),
    (0.25, _blur),
    (0.15, _sharpen),
    (0.5, _noise),
    (0.4, _jpeg),
)
"""In the order that light takes: light, lens, sensor, coding."""
