"""What a single picture cannot tell: that the camera shows the same one again while the car drives."""

from __future__ import annotations

import numpy as np

from sim2real_ad.types import EgoState, UInt8Array, seconds_from_ns

DRIVING_SPEED = 0.5
"""m/s. A standing car in a still world may well see the same picture twice, a driving one never does: noise alone
changes some pixel."""
SOME_ROWS = 16
"""Every so many rows are looked at first."""
FROZEN_AFTER_S = 0.08
"""A camera that gives one frame twice in a row at 20 Hz has lost one; longer than this it is frozen."""


class FrozenPicture:
    """Follows the pictures of one drive."""

    def __init__(self) -> None:
        self._last: UInt8Array | None = None
        self._since_ns = 0

    def step(self, stamp_ns: int, rgb: UInt8Array, ego: EgoState) -> float:
        """Return 1 where the picture (H, W, 3) has not changed by one bit for too long while the car drove, else 0."""
        if not self._stays(rgb) or abs(ego.speed) < DRIVING_SPEED:
            self._last, self._since_ns = rgb, stamp_ns
            return 0.0
        return float(seconds_from_ns(stamp_ns - self._since_ns) > FROZEN_AFTER_S)

    def reset(self) -> None:
        """Forget the drive."""
        self._last = None

    def _stays(self, rgb: UInt8Array) -> bool:
        """Tell whether a picture is the last one, to the bit; a few of its rows tell of most that it is not."""
        last = self._last
        if last is None or last.shape != rgb.shape or not np.array_equal(last[::SOME_ROWS], rgb[::SOME_ROWS]):
            return False
        return np.array_equal(last, rgb)
