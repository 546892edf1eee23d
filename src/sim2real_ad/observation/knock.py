"""What a single picture cannot tell either: that the camera was turned from one picture to the next.

A car turns and pitches by little between two pictures, and its yaw rate tells most of it; a camera that is knocked
turns at once, and everything that it shows moves alike. Two halves of the last picture are looked for in the new one
(normalized cross-correlation): both must have moved, alike, and by more than any car turns.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.types import EgoState, UInt8Array, ns_from_seconds, seconds_from_ns

WIDTH = 80
"""Columns, at least, of the small picture that is looked at: some 1 deg each."""
STRIP = (0.15, 0.75)
"""Rows of the picture that are looked at, as shares of its height: below is road, which flows past."""
LONGEST_PAUSE_S = 0.2
"""Between two pictures; after a longer one the car may have turned itself."""
TURNED = math.radians(5.0)
"""The least angle; a car that pitches over a kerb, or turns as hard as it can, turns by less in one frame."""
ALIKE = 2
"""Columns and rows by which the halves may have moved differently."""
CERTAIN, BETTER = 0.6, 2.5
"""Correlation of either half at its new place; and how many times as far from 1 it must be where the half should be."""
LEAST_CONTRAST = 3.0
"""Standard deviation, of 255, of a half; plainer ones are found everywhere."""
REMEMBERED_NS = ns_from_seconds(2.0)
"""For how long a knock is told: longer than the gate waits before it stops for what it does not know."""


class Move(NamedTuple):
    """Where a half went, in columns to the right and rows down, and how well it fits there and where it was."""

    right: int
    down: int
    there: float
    before: float


class KnockedCamera:
    """Follows the pictures of one drive through one camera."""

    def __init__(self, camera: CameraModel) -> None:
        self._focal = camera.fx / camera.width
        self._last: UInt8Array | None = None
        self._stamp_ns = 0
        self._knocked_ns: int | None = None

    def step(self, stamp_ns: int, rgb: UInt8Array, ego: EgoState) -> float:
        """Return 1 where the picture (H, W, 3) moved as only a turned camera's does, and for a while after; else 0."""
        strip, last = _strip(rgb), self._last
        elapsed_s = seconds_from_ns(stamp_ns - self._stamp_ns)
        self._last, self._stamp_ns = strip, stamp_ns
        soon = 0.0 < elapsed_s <= LONGEST_PAUSE_S
        if last is not None and last.shape == strip.shape and soon:
            knocked = self._is_knock(last, strip, ego.yaw_rate * elapsed_s)
            self._knocked_ns = stamp_ns if knocked else self._knocked_ns
        recent = self._knocked_ns is not None and 0 <= stamp_ns - self._knocked_ns < REMEMBERED_NS
        return float(recent)

    def reset(self) -> None:
        """Forget the drive."""
        self._last = self._knocked_ns = None

    def _is_knock(self, last: UInt8Array, strip: UInt8Array, car_turned: float) -> bool:
        """Compare two strips. car_turned: rad to the left, by its yaw rate; what it sees goes to the right then."""
        focal = self._focal * strip.shape[1]
        expected = round(focal * math.tan(car_turned))
        left, right = (_move(half, start, strip, expected) for half, start in _halves(last))
        if left is None or right is None:
            return False
        alike = abs(left.right - right.right) <= ALIKE and abs(left.down - right.down) <= ALIKE
        certain = all(m.there >= CERTAIN and 1.0 - m.before >= BETTER * (1.0 - m.there) for m in (left, right))
        least = focal * math.tan(TURNED)
        return alike and certain and all(math.hypot(m.right - expected, m.down) > least for m in (left, right))


def _strip(rgb: UInt8Array) -> UInt8Array:
    """Return the strip that is looked at, (rows, columns) uint8 grey; a pixel is the mean of a square of them."""
    height, width = rgb.shape[:2]
    side = max(1, width // WIDTH)
    rows, columns = round((STRIP[1] - STRIP[0]) * height) // side, width // side
    top = round(STRIP[0] * height)
    squares = rgb[top : top + rows * side, : columns * side]
    small = cv2.resize(squares, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


def _halves(strip: UInt8Array) -> list[tuple[UInt8Array, tuple[int, int]]]:
    """Return two pieces beside the middle of a strip, each with the row and column at which it begins."""
    rows, columns = strip.shape
    top, wide = rows // 6, columns // 4
    return [(strip[top : rows - top, start : start + wide], (top, start)) for start in (wide, 2 * wide)]


def _move(half: UInt8Array, start: tuple[int, int], strip: UInt8Array, expected: int) -> Move | None:
    """Return where a half of the last strip is in the new one; None where it is too plain to be found.

    expected: columns to the right by which it should have moved.
    """
    if float(half.std()) < LEAST_CONTRAST:
        return None
    fits: NDArray[np.float32] = np.asarray(cv2.matchTemplate(strip, half, cv2.TM_CCOEFF_NORMED), np.float32)
    row, column = np.unravel_index(int(fits.argmax()), fits.shape)
    usual = min(max(start[1] + expected, 0), fits.shape[1] - 1)
    return Move(int(column) - start[1], int(row) - start[0], float(fits[row, column]), float(fits[start[0], usual]))
