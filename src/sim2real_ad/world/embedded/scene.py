"""The static scene: everything that does not move, made from plain geometry and a world's looks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sim2real_ad.world.embedded.appearance import Appearance
from sim2real_ad.world.embedded.rendering.furniture import Edges, furniture_meshes, road_edges
from sim2real_ad.world.embedded.rendering.mesh import Cell, Mesh, split_by_cell
from sim2real_ad.world.embedded.rendering.roads import PAVEMENT_Z, RoadPlan, road_mesh, road_plan
from sim2real_ad.world.embedded.rendering.settlement import Planted, settle
from sim2real_ad.world.embedded.rendering.shadows import shadow_mesh
from sim2real_ad.world.embedded.rendering.terrain import Land, land_mesh, measure_clearance, shape_land
from sim2real_ad.world.protocol import SceneGeometry

CELL_M = 80.0
"""Edge of the squares that are culled one by one."""
FLAT = np.full((2, 2), 0.0, np.float32)


@dataclass(frozen=True)
class SitePlan:
    """What is the same in every world on a map, and takes longest to work out."""

    scene: SceneGeometry
    origin: tuple[float, float]
    clearance: NDArray[np.float32]
    roads: RoadPlan
    edges: Edges
    pavements: tuple[tuple[tuple[float, float, float, float], NDArray[np.float32]], ...]


@dataclass(frozen=True)
class StaticScene:
    """Meshes by the way they are drawn: solid, with holes and from both sides, and shade; near_plants are replaced by
    their stand_ins where a square is far from the camera."""

    solid: tuple[Cell, ...]
    cutout: tuple[Cell, ...]
    near_plants: tuple[Cell, ...]
    stand_ins: tuple[Cell, ...]
    shade: tuple[Cell, ...]
    plan: SitePlan

    def ground_height(self, x: float, y: float) -> float:
        """Return the height in m that an actor at (x, y) stands on: the road's 0 or the pavement's."""
        for (x_min, y_min, x_max, y_max), outline in self.plan.pavements:
            if x_min <= x <= x_max and y_min <= y <= y_max and cv2.pointPolygonTest(outline, (x, y), False) >= 0:
                return PAVEMENT_Z
        return 0.0


def plan_site(scene: SceneGeometry) -> SitePlan:
    """Work out what of a map does not depend on the looks."""
    origin, clearance = measure_clearance(scene)
    edges = road_edges(scene, Land(origin, clearance, FLAT))
    return SitePlan(scene, origin, clearance, road_plan(scene), edges, tuple(map(_boxed, scene.pavement)))


def build_scene(plan: SitePlan, look: Appearance) -> StaticScene:
    """Build the static scene of a map. The same map and looks give the same meshes."""
    scene = plan.scene
    land = shape_land(plan.origin, plan.clearance, look)
    settled = settle(scene, land, look)
    things, open_things, casters = furniture_meshes(scene, plan.edges, land, look)
    roads = road_mesh(plan.roads, scene, land, look)
    solid = Mesh.merged([*things, settled.buildings, roads, land_mesh(land, look)])
    return StaticScene(
        solid=split_by_cell(solid, CELL_M),
        cutout=_cells(Planted.merged([settled.far_plants, *(Planted(part, part.centres()) for part in open_things)])),
        near_plants=_cells(settled.near_plants),
        stand_ins=_cells(settled.stand_ins),
        shade=split_by_cell(shadow_mesh([*settled.casters, *casters], look), CELL_M),
        plan=plan,
    )


def _cells(plants: Planted) -> tuple[Cell, ...]:
    return split_by_cell(plants.mesh, CELL_M, plants.anchors)


def _boxed(outline: NDArray[np.float64]) -> tuple[tuple[float, float, float, float], NDArray[np.float32]]:
    points = np.asarray(outline, np.float32)
    x_min, y_min = map(float, points.min(axis=0))
    x_max, y_max = map(float, points.max(axis=0))
    return (x_min, y_min, x_max, y_max), points.reshape(-1, 1, 2)
