"""What is driven and walked on: road surface, markings, stop lines, pavements with kerbs, and the marks of age."""

from __future__ import annotations

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
SEAM_Z, SEAM_M = -0.003, 0.06
"""Asphalt under the seams between pieces of road: their outlines are simplified by millimetres."""
DASH_M, GAP_M = 3.0, 6.0
PAINT_TILE_M = 4.0
KERB_M = 0.16


def road_mesh(scene: SceneGeometry, land: Land, look: Appearance) -> Mesh:
    """Return every painted, paved and driven surface of a scene, uppermost first."""
    asphalt = Material("drivable", LAYER["asphalt"], gloss=0.06 + 0.6 * look.wetness)
    return Mesh.merged(
        [
            *(_stop_line(bar) for bar in scene.stop_lines),
            *(_marking(*line) for line in scene.marking_lines),
            *_age(scene, land, look, asphalt),
            *(polygon(outline, 0.0, asphalt, ROAD_TILE_M) for outline in scene.drivable),
            *(_seam(outline, asphalt) for outline in scene.drivable),
            *_pavements(scene, look),
            *_verges(scene, look),
        ]
    )


def _seam(outline: NDArray[np.float64], asphalt: Material) -> Mesh:
    band = ribbon(closed_ring(outline), SEAM_M, SEAM_Z, asphalt, 1.0)
    band.vertices["uv"][:, :2] = band.vertices["position"][:, :2] / ROAD_TILE_M
    return band


def _stop_line(bar: NDArray[np.float64]) -> Mesh:
    return polygon(bar, STOP_LINE_Z, Material("stop_line", LAYER["white_paint"], gloss=0.05), PAINT_TILE_M)


def _marking(line: NDArray[np.float64], width: float, dashed: bool, yellow: bool) -> Mesh:
    material = Material("lane_marking", LAYER["yellow_paint" if yellow else "white_paint"], gloss=0.05)
    pieces = dashes(line, DASH_M, GAP_M) if dashed else [np.asarray(line, np.float64)]
    return Mesh.merged(ribbon(piece, width, MARKING_Z, material, PAINT_TILE_M) for piece in pieces)


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


def _pavements(scene: SceneGeometry, look: Appearance) -> list[Mesh]:
    """Slabs of paving, with kerb stones round what is connected."""
    gloss = 0.05 + 0.35 * look.wetness
    paving = Material("pavement", LAYER["paving"], gloss=gloss)
    stone = Material("pavement", LAYER["concrete"], look.palette.kerb, gloss=gloss)
    outlines = [shapely.Polygon(open_ring(outline)).buffer(0.03, join_style="mitre") for outline in scene.pavement]
    whole = shapely.union_all(outlines)
    areas = [part for part in shapely.get_parts(whole) if part.geom_type == "Polygon"]
    rings = [np.asarray(ring.coords) for area in areas for ring in (orient(area).exterior, *orient(area).interiors)]
    slabs = [polygon(outline, PAVEMENT_Z, paving, PAVING_TILE_M) for outline in scene.pavement]
    return [mesh for ring in rings for mesh in _kerb(ring, stone)] + slabs


def _kerb(ring: NDArray[np.float64], stone: Material) -> list[Mesh]:
    """Return the face and the top of the stones along a closed ring (N, 2) that has the pavement to its left."""
    low = np.column_stack((ring, np.full(len(ring), -0.1)))
    high = np.column_stack((ring, np.full(len(ring), PAVEMENT_Z)))
    face = quads(np.stack((low[:-1], low[1:], high[1:], high[:-1]), axis=1), stone)
    return [face, ribbon(ring + polyline_normals(ring) * (KERB_M / 2), KERB_M, PAVEMENT_Z + 0.004, stone, 1.0)]


def _verges(scene: SceneGeometry, look: Appearance) -> list[Mesh]:
    """Bare soil along the road's edge; what lies under a road is hidden by it."""
    width = float(look.rng("verge").choice((0.0, 0.8, 1.6, 2.6)))
    if width == 0.0:
        return []
    soil = Material("terrain", LAYER["verge"])
    return [ribbon(closed_ring(outline), 2.0 * width, VERGE_Z, soil, 3.0) for outline in scene.drivable]


def _age(scene: SceneGeometry, land: Land, look: Appearance, asphalt: Material) -> list[Mesh]:
    """Repairs, sealed cracks and manhole covers, here and there along the lanes."""
    rng = look.rng("repairs")
    rate = float(rng.choice((0.0, 0.03, 0.08, 0.15)))
    repair = Material("drivable", LAYER["repair"], gloss=asphalt.gloss)
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
