"""The static scene: everything that does not move, made from plain geometry and a world's looks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sim2real_ad.world.embedded.appearance import Appearance
from sim2real_ad.world.embedded.rendering.furniture import furniture_meshes
from sim2real_ad.world.embedded.rendering.mesh import Mesh, split_by_cell
from sim2real_ad.world.embedded.rendering.roads import PAVEMENT_Z, road_mesh
from sim2real_ad.world.embedded.rendering.settlement import settlement_mesh
from sim2real_ad.world.embedded.rendering.shadows import shadow_mesh
from sim2real_ad.world.embedded.rendering.terrain import land_mesh, survey
from sim2real_ad.world.protocol import SceneGeometry

CELL_M = 80.0
"""Edge of the squares that are culled one by one."""


@dataclass(frozen=True)
class StaticScene:
    """Meshes by the way they are drawn, one a square of the map: solid, with holes, and the shade they cast."""

    solid: tuple[Mesh, ...]
    cutout: tuple[Mesh, ...]
    shade: tuple[Mesh, ...]
    pavements: tuple[tuple[tuple[float, float, float, float], NDArray[np.float32]], ...]

    def ground_height(self, x: float, y: float) -> float:
        """Return the height in m that an actor at (x, y) stands on: the road's 0 or the pavement's."""
        for (x_min, y_min, x_max, y_max), outline in self.pavements:
            if x_min <= x <= x_max and y_min <= y <= y_max and cv2.pointPolygonTest(outline, (x, y), False) >= 0:
                return PAVEMENT_Z
        return 0.0


def build_scene(scene: SceneGeometry, look: Appearance) -> StaticScene:
    """Build the static scene of a map. The same scene and looks give the same meshes."""
    land = survey(scene, look)
    settled, cut_plants, casters = settlement_mesh(scene, land, look)
    solid_parts, cut_parts, more = furniture_meshes(scene, land, look)
    solid = Mesh.merged([*solid_parts, settled, road_mesh(scene, land, look), land_mesh(land, look)])
    shade = shadow_mesh([*casters, *more], look)
    return StaticScene(
        solid=tuple(split_by_cell(solid, CELL_M)),
        cutout=tuple(split_by_cell(Mesh.merged([*cut_parts, cut_plants]), CELL_M)),
        shade=tuple(split_by_cell(shade, CELL_M)),
        pavements=tuple(map(_boxed, scene.pavement)),
    )


def _boxed(
    outline: NDArray[np.float64],
) -> tuple[tuple[float, float, float, float], NDArray[np.float32]]:
    points = np.asarray(outline, np.float32)
    x_min, y_min = map(float, points.min(axis=0))
    x_max, y_max = map(float, points.max(axis=0))
    return (x_min, y_min, x_max, y_max), points.reshape(-1, 1, 2)
