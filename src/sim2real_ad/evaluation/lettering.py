"""Letters, panels and scales on pictures, in sizes that follow the picture's."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from sim2real_ad.types import UInt8Array

Colour = tuple[int, int, int]
WHITE: Colour = (245, 247, 250)
SHADE: Colour = (10, 12, 16)
FONT = cv2.FONT_HERSHEY_SIMPLEX


def text_size(text: str, scale: float) -> tuple[int, int]:
    """Return width and height of a text in pixels."""
    (width, height), _ = cv2.getTextSize(text, FONT, scale, 1)
    return int(width), int(height)


def write(picture: UInt8Array, text: str, at: tuple[float, float], scale: float, colour: Colour = WHITE) -> None:
    """Write a text, its lower left corner at (x, y), with a dark rim that keeps it readable on anything."""
    where = round(at[0]), round(at[1])
    weight = max(1, round(2.0 * scale))
    for right, down in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        rim = where[0] + right, where[1] + down
        cv2.putText(picture, text, rim, FONT, scale, SHADE, weight, cv2.LINE_AA)
    cv2.putText(picture, text, where, FONT, scale, colour, weight, cv2.LINE_AA)


def shade(picture: UInt8Array, corner: tuple[int, int], size: tuple[int, int], strength: float = 0.6) -> None:
    """Darken a rectangle, given by its upper left corner (x, y) and its size (width, height)."""
    (x, y), (width, height) = corner, size
    part = picture[y : y + height, x : x + width]
    part[:] = part + strength * (np.array(SHADE, np.float32) - part)


def write_legend(
    picture: UInt8Array, entries: Sequence[tuple[str, Colour]], at: tuple[float, float], scale: float
) -> None:
    """Write names behind a patch of their colour in one row, its lower left corner at (x, y)."""
    x, y = at
    side = round(22.0 * scale)
    for name, colour in entries:
        cv2.rectangle(picture, (round(x), round(y) - side), (round(x) + side, round(y)), colour, -1)
        write(picture, name, (x + 1.4 * side, y), scale)
        x += 2.4 * side + text_size(name, scale)[0]


def legend_width(names: Sequence[str], scale: float) -> float:
    """Return the width in pixels that `write_legend` takes."""
    return sum(2.4 * round(22.0 * scale) + text_size(name, scale)[0] for name in names)
