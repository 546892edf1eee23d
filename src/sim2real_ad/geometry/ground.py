"""Inverse perspective mapping: where in the picture each cell of the bird's-eye view is to be looked up."""

from __future__ import annotations

import numpy as np

from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import FloatArray, UInt8Array

OUTSIDE = -2.0
"""Grid coordinate of cells the camera does not see: a full picture away, so that bilinear sampling reads padding."""


def ground_grid(camera: CameraModel, spec: BevSpec, height: float = 0.0) -> tuple[FloatArray, UInt8Array]:
    """Look up every BEV cell in the picture of a camera.

    height: of the sampled plane above the ground, m. Returns the grid (H, W, 2) float32 of (x, y) picture
    coordinates, -1 at the left/top edge and +1 at the right/bottom edge (ONNX GridSample, align_corners 0), so the
    grid holds for the picture resized to any size; and the validity (H, W) uint8, 255 where the cell's centre is
    inside the picture. Cells that are not seen hold OUTSIDE.
    """
    _, rows, columns = spec.shape
    centres = spec.cell_centres().reshape(-1, 2)
    points = np.column_stack((centres, np.full(len(centres), height)))
    pixels, seen = camera.project(points)
    grid = 2.0 * pixels / (camera.width, camera.height) - 1.0
    lookup: FloatArray = np.where(seen[:, None], grid, OUTSIDE).astype(np.float32)
    validity: UInt8Array = np.where(seen, 255, 0).astype(np.uint8)
    return lookup.reshape(rows, columns, 2), validity.reshape(rows, columns)
