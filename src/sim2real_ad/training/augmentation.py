"""Picture augmentation for the adapter: what cameras and light do to a picture, so that renders are not the limit."""

from __future__ import annotations

import cv2
import numpy as np

from sim2real_ad.types import UInt8Array


def augment_picture(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Return a copy (H, W, 3) with another exposure, white balance, saturation, sharpness and noise."""
    table = _tone_curve(random)
    picture: UInt8Array = np.stack([table[c][rgb[..., c]] for c in range(3)], axis=-1)
    if random.random() < 0.3:
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None]
        share = random.uniform(0.0, 0.8)
        picture = cv2.addWeighted(picture, 1.0 - share, np.repeat(grey, 3, axis=2), share, 0.0)
    if random.random() < 0.2:
        picture = cv2.GaussianBlur(picture, (3, 3), random.uniform(0.3, 1.0))
    if random.random() < 0.4:
        noise = np.empty(picture.shape, np.int16)
        cv2.setRNGSeed(int(random.integers(2**31)))
        cv2.randn(noise, 0, random.uniform(1.0, 8.0))
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    if random.random() < 0.2:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(40, 95))]
        coded = cv2.imencode(".jpg", picture, quality)[1]
        picture = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return picture


def _tone_curve(random: np.random.Generator) -> UInt8Array:
    """A lookup table (3, 256): gamma, gain a channel, offset."""
    levels = np.linspace(0.0, 1.0, 256)
    gamma, offset = np.exp(random.normal(0.0, 0.2)), random.normal(0.0, 0.03)
    gains = np.exp(random.normal(0.0, 0.15) + random.normal(0.0, 0.05, 3))
    curves = np.clip(gains[:, None] * levels**gamma + offset, 0.0, 1.0)
    table: UInt8Array = (curves * 255.0).round().astype(np.uint8)
    return table
