"""Shadows on the ground: what stands in the sun darkens the land, the road and whatever else lies flat behind it."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sim2real_ad.world.embedded.appearance import Appearance, Light
from sim2real_ad.world.embedded.rendering.mesh import Material, Mesh, make_vertices
from sim2real_ad.world.embedded.rendering.shapes import counter_clockwise

SHADE_Z, HIGHEST_SHADE_Z = 0.02, 0.06
"""Heights above the ground, m: of an actor's own shade and the lowest and highest of what stands still."""
REACH_M = 45.0
"""No shadow is longer: with the sun near the horizon the whole land would lie in the shade."""
SHADE = Material("terrain", 0, (0.02, 0.03, 0.06))


@dataclass(frozen=True)
class Caster:
    """Something upright that casts a shadow: its outline (N, 2) from `low` to `high` m above the ground."""

    outline: NDArray[np.float64]
    low: float
    high: float


def shadow_offset(light: Light) -> NDArray[np.float64]:
    """Return how far (x, y) in m a point's shadow lies from its foot, for a metre of height."""
    x, y, z = light.sun_direction
    return np.array((-x / z, -y / z))


def shadow_mesh(casters: list[Caster], look: Appearance) -> Mesh:
    """Return all shadows, each a hair lower than the one before it.

    Drawn in this order with depth, a shadow is not drawn where another already lies: nothing is darkened twice.
    """
    slope = shadow_offset(look.light)
    hulls = [_shadow(caster, slope) for caster in casters]
    if not hulls:
        return Mesh.empty()
    sizes = np.array([len(hull) for hull in hulls])
    heights = np.linspace(HIGHEST_SHADE_Z, SHADE_Z, len(hulls))
    position = np.column_stack((np.concatenate(hulls), np.repeat(heights, sizes)))
    uv = np.full((len(position), 2), 0.5)
    vertices = make_vertices(position, np.tile((0.0, 0.0, 1.0), (len(position), 1)), uv, SHADE)
    vertices["colour"][:, 3] = 255
    first = np.cumsum(sizes) - sizes
    fans = [start + _fan(size) for start, size in zip(first.tolist(), sizes.tolist(), strict=True)]
    return Mesh(vertices, np.concatenate(fans).astype(np.uint32))


def _shadow(caster: Caster, slope: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a shadow's convex outline (N, 2), counter-clockwise."""
    reach = float(np.linalg.norm(slope))
    limit = REACH_M / reach if reach > 0 else caster.high
    low, high = (min(height, limit) * slope for height in (caster.low, caster.high))
    centre = caster.outline.mean(axis=0)
    points = np.vstack((caster.outline + low, caster.outline + high)) - centre
    hull = cv2.convexHull(points.astype(np.float32), clockwise=False).reshape(-1, 2)
    return counter_clockwise(hull.astype(np.float64)) + centre


@functools.lru_cache(maxsize=64)
def _fan(size: int) -> NDArray[np.int64]:
    corner = np.arange(1, size - 1)
    return np.column_stack((np.zeros_like(corner), corner, corner + 1))
