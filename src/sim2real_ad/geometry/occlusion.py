"""What stands on the ground hides the ground behind it: from a bird's-eye view back to what the camera can see."""

from __future__ import annotations

import math

import cv2
import numpy as np

from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import FloatArray


def hidden_by(standing: FloatArray, thing_height: float, camera: CameraModel, spec: BevSpec) -> FloatArray:
    """Tell how surely things hide the ground of each cell from the camera.

    standing: probability (H, W) float32 that a thing of thing_height m stands in a cell. Returns (H, W) float32: the
    greatest probability along the line of sight to the cell, where that line runs lower than the thing is high; the
    cell itself counts, for a thing hides what it stands on.
    """
    cells = spec.cell_centres()
    foot = np.array([camera.mount.x, camera.mount.y])
    # At a share t of the way from camera to ground the line of sight is (1 - t) camera heights high.
    first = max(0.0, 1.0 - thing_height / camera.mount.z)
    farthest = float(np.hypot(*(cells - foot).reshape(-1, 2).T).max())
    steps = max(2, math.ceil(farthest * (1.0 - first) / (0.5 * spec.resolution)))
    hidden: FloatArray = standing.astype(np.float32)
    for share in np.linspace(first, 1.0, steps):
        passed = spec.cells_from_base(foot + share * (cells - foot)).astype(np.float32)
        met = cv2.remap(standing, passed[..., 1], passed[..., 0], cv2.INTER_LINEAR, borderValue=0)
        hidden = np.maximum(hidden, met)
    return hidden
