"""Numbers that survive the wire: the messages and CARLA carry float32, so stages hand on float32 values only."""

from __future__ import annotations

import numpy as np

FLOAT32_EPSILON = 2.0**-23
"""Two numbers that are relatively closer than this are one number on the wire."""


def as_float32(value: float) -> float:
    """Return the nearest value that float32 can hold."""
    return float(np.float32(value))


def clip_to_float32(value: float, low: float, high: float) -> float:
    """Clip to [low, high] and return a float32 value inside it, so that rounding never crosses a limit.

    Raises ValueError where value is NaN: no limit can hold it.
    """
    if value != value:
        raise ValueError(f"cannot clip NaN to {low}..{high}")
    rounded = as_float32(min(max(value, low), high))
    if rounded > high:
        return float(np.nextafter(np.float32(rounded), np.float32(-np.inf)))
    if rounded < low:
        return float(np.nextafter(np.float32(rounded), np.float32(np.inf)))
    return rounded
