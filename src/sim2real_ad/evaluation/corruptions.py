"""Pictures that no driving should be trusted on, for measuring whether the out-of-distribution score tells."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import cv2
import numpy as np

from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.types import UInt8Array

Corruption = Callable[[UInt8Array, np.random.Generator], UInt8Array]
"""A picture (H, W, 3) uint8 and random numbers to another picture of the same shape."""


def black_out(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """The sensor gives nothing but a little noise."""
    return np.clip(random.normal(0.0, 2.0, rgb.shape), 0, 255).astype(np.uint8)


def blur_heavily(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Out of focus or behind rain: a Gaussian blur of 2 to 4 hundredths of the width."""
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), rgb.shape[1] * random.uniform(0.02, 0.04)), np.uint8)


def occlude(rgb: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Mud, a leaf or a sticker over 40 to 70 % of the picture's width and height."""
    height, width = rgb.shape[:2]
    high, wide = (round(side * random.uniform(0.4, 0.7)) for side in (height, width))
    top, left = int(random.integers(height - high + 1)), int(random.integers(width - wide + 1))
    occluded = rgb.copy()
    colour = random.integers(0, 120, 3).astype(np.uint8)
    patch = np.zeros((height, width), np.uint8)
    cv2.ellipse(patch, (left + wide // 2, top + high // 2), (wide // 2, high // 2), 0.0, 0.0, 360.0, 255, -1)
    if random.random() < 0.5:
        patch[top : top + high, left : left + wide] = 255
    occluded[patch > 0] = colour
    return occluded


CORRUPTIONS: Mapping[str, Corruption] = {"blackout": black_out, "heavy blur": blur_heavily, "occlusion": occlude}


def miscalibrated(camera: CameraModel, random: np.random.Generator) -> CameraModel:
    """Return a calibration that is grossly wrong for a camera's pictures: another mount angle or another lens.

    The pitch is off by 4 to 8 degrees, the roll by 5 to 10, or the focal length by a third to two thirds.
    """
    kind, side = int(random.integers(3)), float(random.choice(np.array([-1.0, 1.0])))
    if kind == 0:
        return camera.off_by(pitch_deg=side * random.uniform(4.0, 8.0))
    if kind == 1:
        return camera.off_by(roll_deg=side * random.uniform(5.0, 10.0))
    return camera.off_by(zoom=random.uniform(1.33, 1.67) ** side)


def turned_aside(rgb: UInt8Array, camera: CameraModel, random: np.random.Generator) -> UInt8Array:
    """Return what a camera shows that was just turned by 6 to 12 degrees to a side; black where it shows more."""
    angle = math.radians(random.uniform(6.0, 12.0))
    columns = round(camera.fx / camera.width * rgb.shape[1] * math.tan(angle))
    moved = np.zeros_like(rgb)
    if random.random() < 0.5:
        moved[:, columns:] = rgb[:, :-columns]
    else:
        moved[:, :-columns] = rgb[:, columns:]
    return moved
