"""The exact bird's-eye view: the map rasterised once, sampled at every cell, and the actors drawn over it.

What a channel says of a cell, whose centre is c and whose side is r:
- drivable: c lies on the drivable surface;
- lane_marking, stop_line: paint comes within r / 2 of c, so a line thinner than a cell still shows unbroken;
- vehicle, pedestrian, obstacle: c lies in the actor's box, or the cell is one that the box's outline passes (then c
  is within 0.75 r of the box), or the box's centre lies in the cell: nothing is too small to show.
Edges of the static channels are exact to 0.2 m, the error of a raster of RASTER_CELL; those of boxes to 0.05 m, that of
OpenCV where it cuts a polygon off at the grid's border.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from sim2real_ad.errors import MapError
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import Pose2, UInt8Array
from sim2real_ad.world.embedded.roads import RoadNetwork
from sim2real_ad.world.protocol import ActorState

RASTER_CELL = 0.125
"""Side of a cell of the map's raster, m."""
RASTER_LIMIT = 400_000_000
"""Most cells that a map's raster may have; a byte each."""
STATIC_CHANNELS = ("drivable", "lane_marking", "stop_line")
ACTOR_CHANNELS = ("vehicle", "pedestrian", "obstacle")

_SHIFT = 8
"""Fractional bits of the corners handed to OpenCV."""
_SIGNS = np.array([1 + 1j, -1 + 1j, -1 - 1j, 1 - 1j])
"""Corners of a box in turn, x + iy."""
_NOTHING = np.zeros((1, 1), np.uint8)


class TruthBev:
    """Draws the exact BEV of a network. Holds the map's raster; render changes nothing."""

    def __init__(self, network: RoadNetwork, spec: BevSpec) -> None:
        """Raise MapError where the spec has a channel that nothing here draws, or the map is too large."""
        unknown = [name for name in spec.channels if name not in STATIC_CHANNELS + ACTOR_CHANNELS]
        if unknown:
            raise MapError(f"the exact BEV has no channel {', '.join(unknown)}")
        self.spec = spec
        self._raster, self._origin = _raster(network, spec.resolution)
        statics = [c for c in spec.channels if c in STATIC_CHANNELS]
        self._statics = [spec.index(c) for c in statics]
        self._bits = np.array([1 << STATIC_CHANNELS.index(c) for c in statics], np.uint8)[:, None, None]
        self._planes = {c: spec.index(c) for c in spec.channels if c in ACTOR_CHANNELS}
        self._zero = spec.cells_from_base(np.zeros(2))
        self._per_metre = spec.cells_from_base(np.ones(2)) - self._zero
        self._middle = complex(spec.x_min + spec.x_max, spec.y_min + spec.y_max) / 2.0
        self._reach = math.hypot(spec.x_max - spec.x_min, spec.y_max - spec.y_min) / 2.0

    def render(self, base: Pose2, actors: Sequence[ActorState]) -> UInt8Array:
        """Return the BEV (C, H, W), 0 or 255, of a base_link pose. The ego is not an actor and is not drawn."""
        bev = np.zeros(self.spec.shape, np.uint8)
        if self._statics:
            self._draw_map(bev, base)
        if actors and self._planes:
            self._draw_actors(bev, base, actors)
        return bev

    def _draw_map(self, bev: UInt8Array, base: Pose2) -> None:
        _, height, width = bev.shape
        matrix = self._raster_from_cell(base)
        left, top, window = self._window(matrix, height, width)
        matrix[:, 2] -= (left, top)
        cells = cv2.warpAffine(window, matrix, (width, height), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
        bev[self._statics] = np.negative(((cells & self._bits) != 0).view(np.uint8))  # 1 becomes 255

    def _draw_actors(self, bev: UInt8Array, base: Pose2, actors: Sequence[ActorState]) -> None:
        values = np.array([(a.pose.x, a.pose.y, a.pose.yaw, a.size[0], a.size[1]) for a in actors])
        centres = (values[:, 0] - base.x + 1j * (values[:, 1] - base.y)) * cmath.rect(1.0, -base.yaw)
        reach = self._reach + np.hypot(values[:, 3], values[:, 4]) / 2.0
        near = np.flatnonzero(np.abs(centres - self._middle) <= reach)
        if not len(near):
            return
        centres, values = centres[near], values[near]
        corners = (_SIGNS.real * values[:, 3:4] + 1j * _SIGNS.imag * values[:, 4:5]) / 2.0
        corners = centres[:, None] + corners * np.exp(1j * (values[:, 2:3] - base.yaw))
        polygons = np.rint(self._cells(corners)[..., ::-1] * (1 << _SHIFT)).astype(np.int32)
        cells = np.rint(self._cells(centres)).astype(int).tolist()
        _, height, width = bev.shape
        for index, polygon, (row, column) in zip(near.tolist(), polygons, cells, strict=True):
            plane = self._planes.get(actors[index].kind)
            if plane is None:
                continue
            cv2.fillConvexPoly(bev[plane], polygon, 255, cv2.LINE_8, _SHIFT)
            if 0 <= row < height and 0 <= column < width:
                bev[plane, row, column] = 255

    def _cells(self, points: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Convert base_link points (...), x + iy, to fractional (row, column) (..., 2)."""
        return self._zero + np.ascontiguousarray(points).view(np.float64).reshape(*points.shape, 2) * self._per_metre

    def _raster_from_cell(self, base: Pose2) -> NDArray[np.float64]:
        """Return the affine map (2, 3) from a cell's (column, row) to the raster's (column, row)."""
        turn = cmath.rect(1.0, base.yaw)
        first = complex(*(-self._zero / self._per_metre)) * turn + complex(base.x, base.y) - self._origin
        per_row, per_column = turn / self._per_metre[0], 1j * turn / self._per_metre[1]
        steps = np.array([per_column, per_row, first]) / RASTER_CELL
        steps[2] -= 0.5 + 0.5j
        return np.stack((steps.real, steps.imag))

    def _window(self, matrix: NDArray[np.float64], height: int, width: int) -> tuple[int, int, UInt8Array]:
        """Return the part of the raster that the cells fall on: OpenCV samples images of 32767 a side at most."""
        (along_u, down_u, u), (along_v, down_v, v) = matrix.tolist()
        us = (u, u + along_u * width, u + down_u * height, u + along_u * width + down_u * height)
        vs = (v, v + along_v * width, v + down_v * height, v + along_v * width + down_v * height)
        left, top = max(0, math.floor(min(us)) - 2), max(0, math.floor(min(vs)) - 2)
        window = self._raster[top : max(0, math.ceil(max(vs)) + 3), left : max(0, math.ceil(max(us)) + 3)]
        return (left, top, window) if window.size else (0, 0, _NOTHING)


@lru_cache(maxsize=4)
def _raster(network: RoadNetwork, resolution: float) -> tuple[UInt8Array, complex]:
    """Rasterise a network, a bit for each static channel. Row 0 has the least y; the origin is its corner, x + iy."""
    layers = (
        network.drivable_area,
        _thickened([_stripe(line, width) for line, width, _, _ in network.scene_geometry().marking_lines], resolution),
        _thickened([shapely.Polygon(line.quad) for line in network.stop_lines], resolution),
    )
    low, high = shapely.total_bounds(layers).reshape(2, 2) + np.array([[-1.0], [1.0]])
    columns, rows = (math.ceil(side / RASTER_CELL) for side in high - low)
    if columns * rows > RASTER_LIMIT:
        raise MapError(f"map '{network.name}' takes {columns} x {rows} cells of {RASTER_CELL} m, over {RASTER_LIMIT:,}")
    raster = np.zeros((rows, columns), np.uint8)
    for bit, layer in enumerate(layers):
        raster |= _filled(layer, low, (rows, columns)) << bit
    raster.setflags(write=False)
    return raster, complex(*low)


def _stripe(line: NDArray[np.float64], width: float) -> Any:
    return shapely.buffer(shapely.LineString(line), width / 2.0, cap_style="flat")


def _thickened(shapes: Sequence[Any], resolution: float) -> Any:
    """Grow paint by half a cell: it then covers the centres of the cells that it comes near."""
    return shapely.union_all(shapely.buffer(np.array(shapes, dtype=object), resolution / 2.0))


def _filled(shape: Any, origin: NDArray[np.float64], size: tuple[int, int]) -> UInt8Array:
    filled = np.zeros(size, np.uint8)
    for part in shapely.get_parts(shape):
        rings = [(np.asarray(ring.coords) - origin) / RASTER_CELL - 0.5 for ring in (part.exterior, *part.interiors)]
        cv2.fillPoly(filled, [np.rint(ring * (1 << _SHIFT)).astype(np.int32) for ring in rings], 1, cv2.LINE_8, _SHIFT)
    return filled
