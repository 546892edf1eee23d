"""The picture that a vision-language model looks at: the bird's-eye view in clear colours, the car and its way ahead.

Speed and steering cannot be seen in a bird's-eye view, so they are drawn: a ribbon over the ground that the car covers
in the next RIBBON_S at its speed and curvature, with a bar across it where the car's front is in one second.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.guidance import Scene
from sim2real_ad.types import UInt8Array

VIEW_HEIGHT, VIEW_WIDTH = 192, 128
PIXELS_PER_METRE = 6.0
VIEW_X_MIN = -1.6
"""m behind base_link that the picture shows, so that the whole car is in it; it reaches 30.4 m ahead, 10.6 m aside."""
RIBBON_S = 2.0
BAR_S = 1.0
RIBBON_POINTS = 14
LIKELY = 128
"""A cell holds a class from this probability (times 255) on."""

GROUND = (38, 92, 48)
COLOURS = {
    "drivable": (92, 96, 104),
    "lane_marking": (232, 226, 196),
    "stop_line": (255, 40, 40),
    "vehicle": (60, 120, 255),
    "pedestrian": (255, 90, 220),
    "obstacle": (255, 150, 30),
}
"""RGB by channel; of several in one cell the later one shows. A channel that is not named here stays unseen."""
CAR, RIBBON, BAR = (255, 255, 255), (120, 255, 230), (10, 10, 10)
RIBBON_SHARE = 0.4
_SHIFT = 4
"""Fractional bits of the coordinates handed to OpenCV."""


@dataclass(frozen=True)
class Footprint:
    """The car's outline from base_link, m."""

    front: float = 3.80
    rear: float = 1.05
    width: float = 1.86


SALOON = Footprint()


def paint_scene(scene: Scene, spec: BevSpec, footprint: Footprint = SALOON) -> UInt8Array:
    """Draw a scene: (VIEW_HEIGHT, VIEW_WIDTH, 3) uint8 RGB, ahead is up, left is left. Costs about 0.1 ms.

    Raises ValueError where the scene's BEV is not of the spec's shape.
    """
    if scene.bev.shape != spec.shape:
        raise ValueError(f"scene.bev is {scene.bev.shape}, the spec says {spec.shape}")
    picture = _palette(spec)[_uppermost(scene.bev)]
    picture = cv2.warpAffine(
        picture,
        _view_from_cell(spec),
        (VIEW_WIDTH, VIEW_HEIGHT),
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_REPLICATE,
    )
    _draw_ribbon(picture, scene, footprint)
    half = footprint.width / 2.0
    front, rear = footprint.front, -footprint.rear
    outline = np.array([(front, half), (front, -half), (rear, -half), (rear, half)])
    cv2.fillConvexPoly(picture, _pixels(outline), CAR, cv2.LINE_AA, _SHIFT)
    return np.asarray(picture, np.uint8)


def _uppermost(bev: UInt8Array) -> NDArray[np.uint8]:
    """Return (H, W): 1 + the index of the last channel that is likely in a cell, 0 where none is."""
    shown = np.zeros(bev.shape[1:], np.uint8)
    for index, layer in enumerate(bev, start=1):
        np.maximum(shown, (layer >= LIKELY) * np.uint8(index), out=shown)
    return shown


def _draw_ribbon(picture: UInt8Array, scene: Scene, footprint: Footprint) -> None:
    reach = max(scene.speed, 0.0) * RIBBON_S
    if reach < 0.05:
        return
    stations = np.linspace(0.0, footprint.front + reach, RIBBON_POINTS)
    half = footprint.width / 2.0
    edges = np.concatenate(
        (_beside_arc(stations, scene.curvature, half), _beside_arc(stations, scene.curvature, -half)[::-1])
    )
    tinted = picture.copy()
    cv2.fillPoly(tinted, [_pixels(edges)], RIBBON, cv2.LINE_AA, _SHIFT)
    cv2.addWeighted(tinted, RIBBON_SHARE, picture, 1.0 - RIBBON_SHARE, 0.0, dst=picture)
    cv2.polylines(picture, [_pixels(edges)], False, RIBBON, 1, cv2.LINE_AA, _SHIFT)
    bar = np.array([footprint.front + max(scene.speed, 0.0) * BAR_S])
    ends = np.concatenate((_beside_arc(bar, scene.curvature, half), _beside_arc(bar, scene.curvature, -half)))
    cv2.polylines(picture, [_pixels(ends)], False, BAR, 1, cv2.LINE_AA, _SHIFT)


def _beside_arc(stations: NDArray[np.float64], curvature: float, lateral: float) -> NDArray[np.float64]:
    """Return base_link points (N, 2) at stations in m along the driven arc, `lateral` m to its left."""
    turn = stations * curvature
    # sin(t)/t and (1 - cos(t))/t stay exact where the arc is straight.
    along = stations * np.sinc(turn / np.pi)
    left = stations * np.sinc(turn / (2.0 * np.pi)) * np.sin(turn / 2.0)
    return np.stack((along - lateral * np.sin(turn), left + lateral * np.cos(turn)), axis=-1)


def _pixels(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """Convert base_link points (N, 2) to OpenCV's fixed-point (column, row) (N, 2)."""
    rows = VIEW_HEIGHT - 0.5 - (points[:, 0] - VIEW_X_MIN) * PIXELS_PER_METRE
    columns = VIEW_WIDTH / 2.0 - 0.5 - points[:, 1] * PIXELS_PER_METRE
    scaled = np.stack((columns, rows), axis=-1) * (1 << _SHIFT)
    return np.clip(np.rint(scaled), -1e6, 1e6).astype(np.int32)


@lru_cache(maxsize=8)
def _palette(spec: BevSpec) -> UInt8Array:
    colours = [COLOURS.get(name) for name in spec.channels]
    return np.array([GROUND, *(colour or GROUND for colour in colours)], np.uint8)


@lru_cache(maxsize=8)
def _view_from_cell(spec: BevSpec) -> NDArray[np.float64]:
    """Return the affine map (2, 3) from a cell's (column, row) to the picture's."""
    scale = spec.resolution * PIXELS_PER_METRE
    column = VIEW_WIDTH / 2.0 - 0.5 - (spec.y_max - 0.5 * spec.resolution) * PIXELS_PER_METRE
    row = VIEW_HEIGHT - 0.5 - (spec.x_max - 0.5 * spec.resolution - VIEW_X_MIN) * PIXELS_PER_METRE
    return np.array([[scale, 0.0, column], [0.0, scale, row]])
