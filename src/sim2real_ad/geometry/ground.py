"""Inverse perspective mapping: where in the picture each cell of the bird's-eye view is, and the other way round."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import FloatArray, UInt8Array

OUTSIDE = -2.0
"""Grid coordinate of cells the camera does not see: a full picture away, so that bilinear sampling reads padding."""

_UNDISTORT_STEPS = 25
_WIDEST = 10.0
"""Tangent of the greatest angle off the optical axis that undistortion may pass through, 84 degrees."""


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


def ground_under_pixels(camera: CameraModel) -> FloatArray:
    """Return where on flat ground every pixel's centre looks: base_link (x, y), (camera height, camera width, 2) m.

    The inverse of what `ground_grid` does, lens distortion included. NaN at and above the horizon, and where the
    distortion polynomial is not invertible: a point counts only if the camera projects it back into the same pixel.
    """
    columns, rows = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    pixels = np.stack((columns, rows), axis=-1).reshape(-1, 2)
    rays = rays_in_base(camera, pixels)
    falling = rays[:, 2] < -1e-6
    reach = camera.mount.z / np.where(falling, -rays[:, 2], 1.0)
    ground = np.where(falling[:, None], rays * reach[:, None], 0.0)[:, :2] + (camera.mount.x, camera.mount.y)
    back, seen = camera.project(np.column_stack((ground, np.zeros(len(ground)))))
    same = falling & seen & (np.abs(back - pixels).max(axis=1) < 0.5)
    points: FloatArray = np.where(same[:, None], ground, np.nan).astype(np.float32)
    return points.reshape(camera.height, camera.width, 2)


def horizon(camera: CameraModel) -> NDArray[np.float64]:
    """Return the line where flat ground ends in the picture: pixels (N, 2) from left to right, N = 0 if out of sight.

    Projects ground that is so far away that the camera's height is nothing, all round the camera's axis.
    """
    yaw = math.radians(camera.mount.yaw_deg)
    angles = yaw + np.radians(np.linspace(89.0, -89.0, 1069))
    far = 1e6 * np.column_stack((np.cos(angles), np.sin(angles), np.zeros_like(angles)))
    pixels, seen = camera.project(far)
    return pixels[seen]


def rays_in_base(camera: CameraModel, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the directions (N, 3) in base_link of the rays through pixels (N, 2)."""
    wanted = (pixels - (camera.cx, camera.cy)) / (camera.fx, camera.fy)
    plain = wanted.copy()
    for _ in range(_UNDISTORT_STEPS if any(camera.distortion) else 0):
        missing = wanted - _distorted(plain, camera.distortion)
        plain = np.clip(plain + missing, -_WIDEST, _WIDEST)
        if np.abs(missing).max() < 1e-6:
            break
    body = np.column_stack((np.ones(len(plain)), -plain))
    return body @ camera.mount.rotation_base_from_body().T


def _distorted(plain: NDArray[np.float64], distortion: tuple[float, ...]) -> NDArray[np.float64]:
    """Bend normalised picture coordinates (N, 2) by the plumb_bob model: k1, k2, p1, p2, k3."""
    k1, k2, p1, p2, k3 = distortion
    x, y = plain.T
    xx, xy, yy = x * x, x * y, y * y
    square = xx + yy
    radial = 1.0 + square * (k1 + square * (k2 + square * k3))
    across = 2.0 * p1 * xy + p2 * (square + 2.0 * xx)
    down = p1 * (square + 2.0 * yy) + 2.0 * p2 * xy
    return np.column_stack((x * radial + across, y * radial + down))
