"""What the camera cannot see: recorded observations hold nothing beside and just before the car, scorers expect a road.

Filled from what was seen of the same ground a moment earlier, and before anything was seen there, from the ground next
to it. Only what stands still is remembered.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sim2real_ad.geometry.frames import base_from_map, map_from_base
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import Pose2, UInt8Array

STILL = ("drivable", "lane_marking", "stop_line", "obstacle")
EXTENDED = ("drivable", "lane_marking")
"""Channels that go on under the car as they are in front of it."""
SEEN = 128


class GroundMemory:
    """Follows one drive, observation by observation, in order of time."""

    def __init__(self, spec: BevSpec) -> None:
        self._spec = spec
        self._still = [spec.index(name) for name in STILL if name in spec.channels]
        self._extended = [spec.index(name) for name in EXTENDED if name in spec.channels]
        self._pose: Pose2 | None = None
        self._ground: UInt8Array = np.zeros(spec.shape, np.uint8)
        self._known: NDArray[np.bool_] = np.zeros(spec.shape[1:], np.bool_)

    def fill(self, bev: UInt8Array, validity: UInt8Array, pose: Pose2) -> UInt8Array:
        """Return the BEV (C, H, W) with what the camera does not see now (validity (H, W) below SEEN) filled in.

        pose: of base_link in the map frame.
        """
        seen = validity >= SEEN
        filled = bev.copy()
        if self._pose is not None:
            self._move(self._pose, pose)
            remembered = self._known & ~seen
            for channel in self._still:
                filled[channel][remembered] = self._ground[channel][remembered]
            seen = seen | remembered
        self._pose, self._ground, self._known = pose, filled.copy(), seen
        self._extend(filled, seen)
        return filled

    def _move(self, before: Pose2, now: Pose2) -> None:
        """Lay what is remembered into the car's frame of now."""
        height, width = self._known.shape
        matrix = _before_from_now(self._spec, before, now)
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        for channel in self._still:
            self._ground[channel] = cv2.warpAffine(self._ground[channel], matrix, (width, height), flags=flags)
        known = cv2.warpAffine(self._known.astype(np.uint8), matrix, (width, height), flags=flags)
        self._known = np.asarray(known > 0)

    def _extend(self, filled: UInt8Array, seen: NDArray[np.bool_]) -> None:
        """Let each column go on towards the car as it is where it was seen last; row 0 is farthest ahead."""
        rows = np.arange(len(seen))[:, None]
        nearest = np.where(seen, rows, -1).max(axis=0)
        below = (rows > nearest) & (nearest >= 0)
        source = np.broadcast_to(np.maximum(nearest, 0), seen.shape)
        for channel in self._extended:
            extended = np.take_along_axis(filled[channel], source, axis=0)
            filled[channel][below] = extended[below]


def _before_from_now(spec: BevSpec, before: Pose2, now: Pose2) -> NDArray[np.float64]:
    """Return the affine map (2, 3) from a cell's (column, row) of now to that of the earlier frame."""
    columns_rows = np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
    x = spec.x_max - (columns_rows[:, 1] + 0.5) * spec.resolution
    y = spec.y_max - (columns_rows[:, 0] + 0.5) * spec.resolution
    earlier = base_from_map(map_from_base(np.stack((x, y), axis=-1), now), before)
    cells = spec.cells_from_base(earlier)[:, ::-1]
    return np.asarray(cv2.getAffineTransform(columns_rows.astype(np.float32), cells.astype(np.float32)), np.float64)
