"""Stop signs: an octagon on a post, red and lettered in front, bare metal behind."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.types import Pose2
from sim2real_ad.world.embedded.rendering.mesh import Material, Mesh, quads
from sim2real_ad.world.embedded.rendering.shapes import cylinder
from sim2real_ad.world.embedded.rendering.textures import LAYER

STOP_SIGN_WIDTH_M = 0.90
STOP_SIGN_CENTRE_M = 2.45
"""Across the flats, and height of the centre above the ground: the large size of the Vienna Convention's sign B2."""
PLATE_M = 0.02
POST_RADIUS_M = 0.045


def stop_sign(pose: Pose2) -> Mesh:
    """Return a sign on its post. A driver heading along the pose's yaw reads it."""
    front, back = (_octagon(offset) for offset in (-PLATE_M, PLATE_M))
    face = Material("stop_sign", LAYER["stop_sign"], glow=0.25)
    metal = Material("stop_sign", LAYER["plain"], (0.55, 0.56, 0.58))
    post = Material("pole", LAYER["plain"], (0.58, 0.59, 0.60))
    rim = [quads([(back[i], back[(i + 1) % 8], front[(i + 1) % 8], front[i])], metal) for i in range(8)]
    top = STOP_SIGN_CENTRE_M + 0.35
    stand = cylinder((PLATE_M + POST_RADIUS_M, 0, -0.05), (0, 0, top), (POST_RADIUS_M, POST_RADIUS_M), post, sides=7)
    sign = Mesh.merged([_fan(front, face, mirrored=False), _fan(back[::-1], metal, mirrored=True), *rim, stand])
    return sign.placed(pose.x, pose.y, 0.0, pose.yaw)


def _octagon(x: float) -> NDArray[np.float64]:
    """Return the corners (8, 3), counter-clockwise as the driver sees them (looking along +x, left is +y)."""
    angle = np.radians(22.5 + 45.0 * np.arange(8))
    radius = STOP_SIGN_WIDTH_M / 2.0 / math.cos(math.radians(22.5))
    right, up = radius * np.cos(angle), radius * np.sin(angle)
    return np.column_stack((np.full(8, x), -right, up + STOP_SIGN_CENTRE_M))


def _fan(ring: NDArray[np.float64], material: Material, *, mirrored: bool) -> Mesh:
    """Fill an octagon with three quads; the texture spans its square."""
    right = -ring[:, 1] if not mirrored else ring[:, 1]
    span = STOP_SIGN_WIDTH_M
    uv = np.column_stack((right / span + 0.5, (ring[:, 2] - STOP_SIGN_CENTRE_M) / span + 0.5))
    order = np.array(((0, 1, 2, 3), (0, 3, 4, 7), (4, 5, 6, 7)))
    return quads(ring[order], material, uv[order])
