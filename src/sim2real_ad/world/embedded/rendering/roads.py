"""What is driven and walked on: road surface, markings, stop lines, pavements with kerbs, and the marks of age."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.polygon import orient

from sim2real_ad.world.embedded.appearance import Appearance
from sim2real_ad.world.embedded.rendering.mesh import Material, Mesh, quads
from sim2real_ad.world.embedded.rendering.shapes import closed_ring, open_ring, polygon, polyline_normals, ribbon
from sim2real_ad.world.embedded.rendering.terrain import Land
from sim2real_ad.world.embedded.rendering.textures import LAYER, PAVING_TILE_M, ROAD_TILE_M
from sim2real_ad.world.protocol import SceneGeometry

PATCH_Z, MARKING_Z, STOP_LINE_Z = 0.002, 0.004, 0.006
"""Heights above the road, m: enough to win the depth test, too little to move a pixel."""
PAVEMENT_Z = 0.12
VERGE_Z = -0.02
SEAM_M = 0.015
"""Each piece of road is this much larger all round: outlines are simplified by millimetres, and no seam may gape."""
FLATNESS_M = 0.01
"""How far a curve may be straightened: a thirtieth of a pixel ten metres ahead."""
DASH_M, GAP_M = 3.0, 6.0
PAINT_TILE_M = 4.0
KERB_M = 0.16


@dataclass(frozen=True)
class RoadPlan:
    """What of the roads is the same in every world on a map; gloss and the stones' colour are still to come.

    borders: closed rings (N, 2) round all that is paved, which is to their left.
    """

    paint: Mesh
    asphalt: Mesh
    kerbs: Mesh
    slabs: Mesh
    borders: tuple[NDArray[np.float64], ...]


def road_plan(scene: SceneGeometry) -> RoadPlan:
    """Lay out the surfaces of a scene."""
    asphalt = Material("drivable", LAYER["asphalt"])
    surfaces = [polygon(piece, 0.0, asphalt, ROAD_TILE_M) for outline in scene.drivable for piece in _grown(outline)]
    slab = Material("pavement", LAYER["paving"])
    return RoadPlan(
        paint=Mesh.merged([*map(_stop_line, scene.stop_lines), *(_marking(*line) for line in scene.marking_lines)]),
        asphalt=Mesh.merged(surfaces),
        kerbs=Mesh.merged(mesh for ring in _rings(scene.pavement, 0.02) for mesh in _kerb(ring)),
        slabs=Mesh.merged(polygon(outline, PAVEMENT_Z, slab, PAVING_TILE_M) for outline in scene.pavement),
        borders=tuple(_rings((*scene.drivable, *scene.pavement), 0.1)),
    )


def _grown(outline: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the outlines of a piece of road made larger by SEAM_M, without needless corners."""
    grown = shapely.Polygon(open_ring(outline)).buffer(SEAM_M, join_style="mitre").simplify(FLATNESS_M)
    parts = [part for part in shapely.get_parts(grown) if part.geom_type == "Polygon"]
    return [np.asarray(part.exterior.coords)[:-1] for part in parts]


def _rings(outlines: Iterable[NDArray[np.float64]], flatness: float) -> list[NDArray[np.float64]]:
    """Return closed rings (N, 2) round what is connected, which is to their left."""
    grown = [shapely.Polygon(open_ring(outline)).buffer(0.03, join_style="mitre") for outline in outlines]
    whole = shapely.simplify(shapely.union_all(grown), flatness)
    areas = [orient(part) for part in shapely.get_parts(whole) if part.geom_type == "Polygon"]
    return [np.asarray(ring.coords) for area in areas for ring in (area.exterior, *area.interiors)]


def road_mesh(plan: RoadPlan, scene: SceneGeometry, land: Land, look: Appearance) -> Mesh:
    """Return every painted, paved and driven surface of a scene, uppermost first."""
    gloss = 0.08 + 0.9 * look.wetness
    stone_gloss = 0.05 + 0.35 * look.wetness
    return Mesh.merged(
        [
            plan.paint.finished(0.05 + 0.4 * look.wetness),
            *_age(scene, land, look, gloss),
            plan.asphalt.finished(gloss),
            plan.kerbs.finished(stone_gloss, look.palette.kerb),
            plan.slabs.finished(stone_gloss),
            *_verges(plan, look),
        ]
    )


def _stop_line(bar: NDArray[np.float64]) -> Mesh:
    return polygon(bar, STOP_LINE_Z, Material("stop_line", LAYER["white_paint"]), PAINT_TILE_M)


def _marking(line: NDArray[np.float64], width: float, dashed: bool, yellow: bool) -> Mesh:
    material = Material("lane_marking", LAYER["yellow_paint" if yellow else "white_paint"])
    pieces = dashes(line, DASH_M, GAP_M) if dashed else [np.asarray(line, np.float64)]
    straightened = [np.asarray(shapely.LineString(piece).simplify(FLATNESS_M).coords) for piece in pieces]
    return Mesh.merged(ribbon(piece, width, MARKING_Z, material, PAINT_TILE_M) for piece in straightened)


def dashes(line: NDArray[np.float64], dash: float, gap: float) -> list[NDArray[np.float64]]:
    """Cut a polyline (N, 2) into dashes of a length, with gaps, in m; the first starts with the line."""
    points = np.asarray(line, np.float64)
    along = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))))
    pieces = []
    for start in np.arange(0.0, along[-1], dash + gap):
        end = min(start + dash, along[-1])
        if end - start < 0.2:
            continue
        inner = along[(along > start + 1e-6) & (along < end - 1e-6)]
        at = np.concatenate(([start], inner, [end]))
        pieces.append(np.column_stack((np.interp(at, along, points[:, 0]), np.interp(at, along, points[:, 1]))))
    return pieces


def _kerb(ring: NDArray[np.float64]) -> list[Mesh]:
    """Return the face and the top of the stones along a closed ring (N, 2) that has the pavement to its left."""
    stone = Material("pavement", LAYER["concrete"])
    low = np.column_stack((ring, np.full(len(ring), -0.1)))
    high = np.column_stack((ring, np.full(len(ring), PAVEMENT_Z)))
    face = quads(np.stack((low[:-1], low[1:], high[1:], high[:-1]), axis=1), stone)
    return [face, ribbon(ring + polyline_normals(ring) * (KERB_M / 2), KERB_M, PAVEMENT_Z + 0.004, stone, 1.0)]


def _verges(plan: RoadPlan, look: Appearance) -> list[Mesh]:
    """Bare soil along the road's edge; what lies under a road is hidden by it."""
    width = float(look.rng("verge").choice((0.0, 0.8, 1.6, 2.6)))
    if width == 0.0:
        return []
    soil = Material("terrain", LAYER["verge"])
    return [ribbon(ring, 2.0 * width, VERGE_Z, soil, 3.0) for ring in plan.borders]


def _age(scene: SceneGeometry, land: Land, look: Appearance, gloss: float) -> list[Mesh]:
    """Repairs, sealed cracks and manhole covers, here and there along the lanes."""
    rng = look.rng("repairs")
    rate = float(rng.choice((0.0, 0.03, 0.08, 0.15)))
    repair = Material("drivable", LAYER["repair"], gloss=gloss)
    iron = Material("drivable", LAYER["metal"], (0.32, 0.31, 0.30), gloss=0.2)
    seal = Material("drivable", LAYER["plain"], (0.13, 0.13, 0.14), gloss=0.2)
    meshes = []
    for ring in map(closed_ring, scene.drivable):
        side = polyline_normals(ring)
        for index in np.flatnonzero(rng.uniform(size=len(ring)) < rate):
            centre = ring[index] + side[index] * rng.uniform(-3.2, 3.2)
            ahead = np.array((side[index, 1], -side[index, 0]))
            kind, size = rng.uniform(), rng.uniform((0.7, 0.3), (6.0, 1.1))
            if kind < 0.55:
                meshes.append(_patch(centre, ahead * size[0], side[index] * size[1], repair, land))
            elif kind < 0.7:
                meshes.append(_patch(centre, ahead * 0.33, side[index] * 0.33, iron, land))
            else:
                sway = np.cumsum(rng.normal(0.0, 0.09, 14))[:, None] * side[index]
                meshes.append(_seal(centre + np.linspace(-3, 3, 14)[:, None] * ahead + sway, seal, land))
    return meshes


def _patch(
    centre: NDArray[np.float64], ahead: NDArray[np.float64], side: NDArray[np.float64], material: Material, land: Land
) -> Mesh:
    corners = centre + np.array((-ahead - side, ahead - side, ahead + side, -ahead + side))
    return polygon(corners, PATCH_Z, material, ROAD_TILE_M) if _on_road(corners, land) else Mesh.empty()


def _seal(line: NDArray[np.float64], material: Material, land: Land) -> Mesh:
    return ribbon(line, 0.06, PATCH_Z, material, 1.0) if _on_road(line, land) else Mesh.empty()


def _on_road(points: NDArray[np.float64], land: Land) -> bool:
    return bool(np.all(land.clearance(points) == 0.0))
