"""What polygons cover of a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray


def covered(polygons: Iterable[Sequence[tuple[float, float]]], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which pixels of a picture (height, width) lie in one of the polygons; corners are (x, y) in pixels."""
    filled = np.zeros(shape, np.uint8)
    for polygon in polygons:
        cv2.fillPoly(filled, [np.rint(polygon).astype(np.int32)], 1)
    return filled > 0
