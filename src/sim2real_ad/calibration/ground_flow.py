"""How high a camera sits, from how fast the ground goes by: flow against odometry.

Ground that is laid flat by a calibration with height h' moves by h' / h times what the car drove.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.types import UInt8Array

Floats = NDArray[np.float64]

CELL = 0.05
"""m, along the road and across it."""
PATCH_LENGTH, PATCH_WIDTH = 8.0, 4.0
"""m of ground that are compared, along the road and across it."""
NEAREST, STEP = 2.0, 0.5
"""m ahead of the camera where a patch is looked for, and how far it is moved until all of it is seen."""
FARTHEST = 12.0
SLACK = 0.4
"""By how much the height may be off, relatively."""
LEAST_SHIFT = 0.2
"""m, below which a shift says little of a ratio."""
LEAST_MATCH = 0.4
"""Correlation below which two patches do not show the same ground."""
LEAST_DISTINCT = 0.2
"""By how much the best correlation must exceed the middling one."""


class GroundFlow:
    """Compares the ground just ahead of one calibrated camera between pictures."""

    def __init__(self, camera: CameraModel) -> None:
        self._grid: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
        ahead = np.arange(PATCH_LENGTH, 0.0, -CELL)
        left = np.arange(PATCH_WIDTH / 2.0, -PATCH_WIDTH / 2.0, -CELL)
        for near in np.arange(NEAREST, FARTHEST, STEP):
            x, y = np.meshgrid(camera.mount.x + near + ahead, camera.mount.y + left, indexing="ij")
            pixels, seen = camera.project(np.column_stack((x.ravel(), y.ravel(), np.zeros(x.size))))
            if seen.all():
                lookup = (pixels - 0.5).astype(np.float32).reshape(*x.shape, 2)
                self._grid = (np.ascontiguousarray(lookup[..., 0]), np.ascontiguousarray(lookup[..., 1]))
                return

    def ratio(self, before: UInt8Array, after: UInt8Array, driven: float) -> float | None:
        """Return assumed over true height, from two pictures (H, W, 3) between which the car drove so many m.

        None where the ground shows nothing that can be followed.
        """
        if self._grid is None or driven < LEAST_SHIFT:
            return None
        first, second = self._patch(before), self._patch(after)
        shifts = np.arange(max(1, int(driven * (1.0 - SLACK) / CELL)), int(driven * (1.0 + SLACK) / CELL) + 2)
        if len(shifts) < 5 or shifts[-1] > 0.7 * len(first):
            return None
        matches = np.array([_match(first[: len(first) - s], second[s:]) for s in shifts])
        best = int(np.argmax(matches))
        distinct = float(matches[best] - np.median(matches))
        if not 0 < best < len(shifts) - 1 or matches[best] < LEAST_MATCH or distinct < LEAST_DISTINCT:
            return None
        return float(CELL * (shifts[best] + _peak(*matches[best - 1 : best + 2].tolist())) / driven)

    def _patch(self, rgb: UInt8Array) -> Floats:
        """Return the ground's brightness, far to near, without what runs along the road, like lane lines."""
        assert self._grid is not None
        bright = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
        flat = cv2.remap(bright, *self._grid, cv2.INTER_LINEAR).astype(np.float64)
        return np.asarray(flat - cv2.blur(flat, (1, round(2.0 / CELL)), borderType=cv2.BORDER_REFLECT))


def _match(first: Floats, second: Floats) -> float:
    """Return the correlation of two patches."""
    a, b = first - first.mean(), second - second.mean()
    size = float(np.sqrt(np.sum(a * a) * np.sum(b * b)))
    return float(np.sum(a * b)) / size if size > 0.0 else 0.0


def _peak(left: float, middle: float, right: float) -> float:
    """Return where a parabola through three values a step apart is highest, in steps from the middle."""
    bend = left - 2.0 * middle + right
    return 0.5 * (left - right) / bend if bend < 0.0 else 0.0
