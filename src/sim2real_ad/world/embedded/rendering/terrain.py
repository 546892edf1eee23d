"""The land around the roads: how far each spot is from them, how high it lies, and its surface."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sim2real_ad.world.embedded.appearance import Appearance
from sim2real_ad.world.embedded.rendering.mesh import Material, Mesh, make_vertices
from sim2real_ad.world.embedded.rendering.noise import smooth_noise
from sim2real_ad.world.embedded.rendering.textures import LAYER, TERRAIN_TILE_M
from sim2real_ad.world.protocol import SceneGeometry

MARGIN_M = 256.0
"""Land reaches this far beyond the map's bounds, past the far plane of a camera on a road."""
RASTER_M = 1.0
CELL_M = 16.0
BELOW_ROAD_M = 0.04
FLAT_M = 24.0
"""The land is flat this near a road; farther out hills may rise over HILL_RUN_M."""
HILL_RUN_M = 90.0


@dataclass(frozen=True)
class Land:
    """Clearance and height over the map. origin: (x, y) of the raster's first cell, m."""

    origin: tuple[float, float]
    clearance_raster: NDArray[np.float32]
    hills: NDArray[np.float32]

    def clearance(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the distance in m of points (N, 2) from the nearest road or pavement; 0 on them, to about 1 m."""
        return self._look_up(self.clearance_raster, points, RASTER_M).astype(np.float64)

    def height(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the land's height in m at points (N, 2)."""
        cells = (np.asarray(points, np.float64) - self.origin) / CELL_M
        last = np.array(self.hills.shape)[::-1] - 2
        base = np.clip(np.floor(cells).astype(np.int64), 0, last)
        fx, fy = np.clip(cells - base, 0.0, 1.0).T
        x, y = base.T
        low = self.hills[y, x] * (1 - fx) + self.hills[y, x + 1] * fx
        high = self.hills[y + 1, x] * (1 - fx) + self.hills[y + 1, x + 1] * fx
        return low * (1 - fy) + high * fy

    def _look_up(self, raster: NDArray[np.float32], points: NDArray[np.float64], step: float) -> NDArray[np.float32]:
        index = np.floor((np.asarray(points, np.float64) - self.origin) / step).astype(np.int64)
        rows, columns = raster.shape
        return raster[np.clip(index[..., 1], 0, rows - 1), np.clip(index[..., 0], 0, columns - 1)]


def measure_clearance(scene: SceneGeometry) -> tuple[tuple[float, float], NDArray[np.float32]]:
    """Return the raster's origin (x, y) and, per cell, the distance in m from the nearest road or pavement."""
    x_min, y_min, x_max, y_max = scene.bounds
    origin = (x_min - MARGIN_M, y_min - MARGIN_M)
    columns = math.ceil((x_max - x_min + 2 * MARGIN_M) / RASTER_M)
    rows = math.ceil((y_max - y_min + 2 * MARGIN_M) / RASTER_M)
    free = np.ones((rows, columns), np.uint8)
    for outline in (*scene.drivable, *scene.pavement):
        pixels = np.floor((np.asarray(outline) - origin) / RASTER_M).astype(np.int32)
        cv2.fillPoly(free, [pixels.reshape(-1, 1, 2)], 0)
    return origin, cv2.distanceTransform(free, cv2.DIST_L2, 3) * np.float32(RASTER_M)


def shape_land(origin: tuple[float, float], clearance: NDArray[np.float32], look: Appearance) -> Land:
    """Raise a world's hills where its roads leave room."""
    return Land(origin, clearance, _hills(clearance, look))


def _hills(clearance: NDArray[np.float32], look: Appearance) -> NDArray[np.float32]:
    """Return heights (rows, columns) in m at the corners of the land's cells; below the road near it."""
    rng = look.rng("hills")
    step = round(CELL_M / RASTER_M)
    away = clearance[::step, ::step]
    rise = np.clip((away - FLAT_M) / HILL_RUN_M, 0.0, 1.0)
    relief = float(rng.choice((0.6, 2.5, 6.0, 11.0), p=(0.3, 0.3, 0.25, 0.15)))
    shape = smooth_noise(rng, 16)
    rows, columns = away.shape
    tiled = np.tile(shape, (rows // len(shape) + 1, columns // len(shape) + 1))[:rows, :columns]
    return (rise * rise * (3 - 2 * rise) * relief * (0.45 + 0.75 * tiled) - BELOW_ROAD_M).astype(np.float32)


def land_mesh(land: Land, look: Appearance) -> Mesh:
    """Return the land's surface within sight of a road, its colour varying over tens of metres."""
    step = round(CELL_M / RASTER_M)
    away = land.clearance_raster[::step, ::step]
    rows, columns = away.shape
    y, x = np.mgrid[0:rows, 0:columns]
    position = np.stack((x * CELL_M + land.origin[0], y * CELL_M + land.origin[1], land.hills), axis=-1)
    slope_y, slope_x = np.gradient(land.hills.astype(np.float64), CELL_M)
    normal = np.stack((-slope_x, -slope_y, np.ones_like(slope_x)), axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    flat = position.reshape(-1, 3)
    material = Material("terrain", LAYER["terrain"])
    vertices = make_vertices(flat, normal.reshape(-1, 3), flat[:, :2] / TERRAIN_TILE_M, material)
    vertices["colour"][:, :3] = _patchwork(rows, columns, look)
    index = np.arange(rows * columns, dtype=np.uint32).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    near = (away[:-1, :-1] < MARGIN_M).reshape(-1)
    halves = np.stack((np.stack((a, b, c), -1).reshape(-1, 3), np.stack((a, c, d), -1).reshape(-1, 3)), axis=1)
    return Mesh(vertices, halves[near].reshape(-1, 3))


def _patchwork(rows: int, columns: int, look: Appearance) -> NDArray[np.uint8]:
    """Return vertex colours (rows * columns, 3): meadows, dry and lush spots."""
    rng = look.rng("patchwork")
    brightness = 0.85 + 0.13 * _tiled(smooth_noise(rng, 32), rows, columns)
    shift = np.array(rng.uniform(-0.14, 0.14, 3)) * _tiled(smooth_noise(rng, 64), rows, columns)[..., None]
    return np.clip((brightness[..., None] + shift) * 255.0, 0, 255).astype(np.uint8).reshape(-1, 3)


def _tiled(pattern: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    return np.tile(pattern, (rows // len(pattern) + 1, columns // len(pattern) + 1))[:rows, :columns]
