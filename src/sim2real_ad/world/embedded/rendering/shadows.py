"""Shadows on the ground: what stands in the sun darkens the land, the road and whatever else lies flat behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import MultiPoint, Polygon, union_all
from shapely.geometry.base import BaseGeometry

from sim2real_ad.world.embedded.appearance import Appearance, Light
from sim2real_ad.world.embedded.rendering.mesh import Colour, Material, Mesh, flat_triangles
from sim2real_ad.world.embedded.rendering.shapes import open_ring, triangulate

SHADE_Z = 0.02
REACH_M = 45.0
"""No shadow is longer: with the sun near the horizon the whole land would lie in the shade."""
SHADE: Colour = (0.02, 0.03, 0.06)


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
    """Return all shadows as one surface, so that none is darkened twice."""
    slope = shadow_offset(look.light)
    shapes = [_shadow(caster, slope) for caster in casters]
    whole = union_all([shape for shape in shapes if shape.is_valid and shape.area > 0.1], grid_size=0.05)
    parts = getattr(whole, "geoms", [whole])
    shade = Material("terrain", 0, SHADE)
    return Mesh.merged(_surface(part, shade) for part in parts if isinstance(part, Polygon) and not part.is_empty)


def _shadow(caster: Caster, slope: NDArray[np.float64]) -> BaseGeometry:
    reach = np.linalg.norm(slope)
    limit = REACH_M / reach if reach > 0 else caster.high
    low, high = (min(height, limit) * slope for height in (caster.low, caster.high))
    return MultiPoint(np.vstack((caster.outline + low, caster.outline + high))).convex_hull


def _surface(part: Polygon, shade: Material) -> Mesh:
    """Return one connected shadow; holes (a court between houses) are shaded too."""
    ring = open_ring(np.asarray(part.simplify(0.1).exterior.coords))
    mesh = flat_triangles(ring, triangulate(ring), SHADE_Z, shade, 1.0)
    mesh.vertices["uv"][:, :2] = 0.5
    mesh.vertices["colour"][:, 3] = 255
    return mesh
