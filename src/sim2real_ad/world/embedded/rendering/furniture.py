"""Street furniture: stop signs, lamps, delineators, guard rails, fences and telegraph poles along the roads' edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.world.embedded.appearance import Appearance
from sim2real_ad.world.embedded.rendering.mesh import Material, Mesh, quads
from sim2real_ad.world.embedded.rendering.shadows import Caster
from sim2real_ad.world.embedded.rendering.shapes import box, closed_ring, counter_clockwise, cylinder
from sim2real_ad.world.embedded.rendering.signs import STOP_SIGN_CENTRE_M, STOP_SIGN_WIDTH_M, stop_sign
from sim2real_ad.world.embedded.rendering.terrain import Land
from sim2real_ad.world.embedded.rendering.textures import LAYER
from sim2real_ad.world.protocol import SceneGeometry

EDGE_STEP_M = 2.0
JUNCTION_CLEAR_M = 9.0
"""Nothing but its own sign stands this near to a stop sign: it must stay readable."""


Edges = list[NDArray[np.float64]]
"""Outer edges of the paved land, each (N, 4): point and unit normal away from it, about EDGE_STEP_M apart."""


def furniture_meshes(
    scene: SceneGeometry, edges: Edges, land: Land, look: Appearance
) -> tuple[list[Mesh], list[Mesh], list[Caster]]:
    """Return solid things, things with holes in their texture, and what casts shadows."""
    rng = look.rng("furniture")
    solid = [stop_sign(pose) for pose in scene.stop_signs]
    cut: list[Mesh] = []
    casters = [_sign_caster(pose.x, pose.y) for pose in scene.stop_signs]
    if scene.pavement:
        solid += [_along(_lamp(look, rng), edges, land, 1.0, int(rng.integers(12, 22)), scene)]
    else:
        if rng.uniform() < 0.55:
            solid += [_along(_delineator(), edges, land, 0.9, int(rng.integers(9, 20)), scene)]
        if rng.uniform() < 0.5:
            rails, posts = _guard_rails(edges, land, rng, scene)
            cut += rails
            solid += posts
        if rng.uniform() < 0.45:
            solid += [_along(_telegraph_pole(), edges, land, 5.0, 22, scene, one_side=True)]
    if rng.uniform() < 0.5:
        cut += _fences(edges, land, rng, scene)
    return solid, cut, casters


def _sign_caster(x: float, y: float) -> Caster:
    half = STOP_SIGN_WIDTH_M / 2.0
    square = np.array(((-half, -0.05), (half, -0.05), (half, 0.05), (-half, 0.05))) + np.array((x, y))
    return Caster(square, STOP_SIGN_CENTRE_M - half, STOP_SIGN_CENTRE_M + half)


def road_edges(scene: SceneGeometry, land: Land) -> Edges:
    """Return the outer edges of the paved land. A border between two pieces of it is none."""
    edges = []
    for outline in scene.pavement or scene.drivable:
        ring = closed_ring(counter_clockwise(outline))
        along = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(ring, axis=0), axis=1))))
        if along[-1] < 2 * EDGE_STEP_M:
            continue
        at = np.arange(EDGE_STEP_M / 2, along[-1], EDGE_STEP_M)
        points = np.column_stack((np.interp(at, along, ring[:, 0]), np.interp(at, along, ring[:, 1])))
        segment = np.clip(np.searchsorted(along, at, side="right") - 1, 0, len(ring) - 2)
        step = ring[segment + 1] - ring[segment]
        outward = np.column_stack((step[:, 1], -step[:, 0])) / np.maximum(np.linalg.norm(step, axis=1)[:, None], 1e-9)
        free = land.clearance(points + outward * 2.5) > 1.2
        edges += [np.column_stack((points[run], outward[run])) for run in _runs(free) if len(run) > 1]
    return edges


def _runs(mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    index = np.flatnonzero(mask)
    return np.split(index, np.flatnonzero(np.diff(index) > 1) + 1) if len(index) else []


def _clear_of_signs(points: NDArray[np.float64], scene: SceneGeometry) -> NDArray[np.bool_]:
    if not scene.stop_signs:
        return np.ones(len(points), np.bool_)
    signs = np.array([(pose.x, pose.y) for pose in scene.stop_signs])
    gap = np.hypot(points[:, None, 0] - signs[None, :, 0], points[:, None, 1] - signs[None, :, 1])
    return np.asarray(gap.min(axis=1) > JUNCTION_CLEAR_M)


def _along(
    thing: Mesh,
    edges: Edges,
    land: Land,
    offset: float,
    every: int,
    scene: SceneGeometry,
    *,
    one_side: bool = False,
) -> Mesh:
    """Set up a thing again and again, `offset` m outside the edge, every so many edge points; its +x faces the road."""
    if not edges:
        return Mesh.empty()
    rows = np.concatenate(edges)
    if one_side:
        rows = rows[rows[:, 3] > 0.25]
    rows = rows[every // 2 :: every]
    at = rows[:, :2] + rows[:, 2:] * offset
    keep = _clear_of_signs(at, scene) & (land.clearance(at) > min(offset, 2.0) * 0.4)
    at, rows = at[keep], rows[keep]
    if not len(at):
        return Mesh.empty()
    inward = np.arctan2(-rows[:, 3], -rows[:, 2])
    return thing.placed(at[:, 0], at[:, 1], land.height(at), inward)


def _lamp(look: Appearance, rng: np.random.Generator) -> Mesh:
    grey = float(rng.uniform(0.25, 0.6))
    steel = Material("pole", LAYER["plain"], (grey, grey * 1.02, grey))
    light = Material("pole", LAYER["plain"], (1.0, 0.93, 0.75), glow=0.3 + 0.7 * look.light.night)
    height, reach = float(rng.uniform(5.0, 8.0)), float(rng.uniform(0.8, 2.0))
    return Mesh.merged(
        [
            cylinder((0, 0, -0.3), (0, 0, height + 0.3), (0.09, 0.05), steel, sides=6),
            cylinder((0, 0, height), (reach, 0, 0.15), (0.04, 0.04), steel, sides=5),
            box((reach, 0, height + 0.08), (0.7, 0.25, 0.12), steel),
            box((reach, 0, height + 0.03), (0.55, 0.18, 0.05), light, bottom=True),
        ]
    )


def _delineator() -> Mesh:
    white = Material("pole", LAYER["plain"], (0.93, 0.93, 0.93))
    black = Material("pole", LAYER["plain"], (0.08, 0.08, 0.08))
    y, low, high = 0.06, 0.7, 0.92
    front = np.array(((0.052, -y, low), (0.052, y, low), (0.052, y, high), (0.052, -y, high)))
    rings = np.stack((front, front * (-1.0, -1.0, 1.0)))
    return Mesh.merged(
        [
            box((0, 0, -0.2), (0.10, 0.12, 1.2), white),
            quads(rings, black),
        ]
    )


def _telegraph_pole() -> Mesh:
    wood = Material("pole", LAYER["bark"])
    return Mesh.merged(
        [
            cylinder((0, 0, -0.3), (0, 0, 8.3), (0.15, 0.1), wood, sides=6),
            box((0, 0, 7.2), (0.12, 1.8, 0.12), wood),
        ]
    )


def _guard_rails(
    edges: Edges, land: Land, rng: np.random.Generator, scene: SceneGeometry
) -> tuple[list[Mesh], list[Mesh]]:
    """Return rails, to be drawn from both sides, and their posts."""
    steel = Material("pole", LAYER["plain"], (0.66, 0.68, 0.70), gloss=0.15)
    rails, posts = [], []
    post = box((0, 0, -0.3), (0.12, 0.12, 1.0), steel)
    for rows in edges:
        if len(rows) < 4 or rng.uniform() > 0.3:
            continue
        at = rows[:, :2] + rows[:, 2:] * 1.0
        if not _clear_of_signs(at, scene).all():
            continue
        rails.append(_band((at - rows[:, 2:] * 0.08)[::2], 0.45, 0.78, steel))
        posts.append(post.placed(at[::2, 0], at[::2, 1], land.height(at[::2]), 0.0))
    return rails, posts


def _fences(edges: Edges, land: Land, rng: np.random.Generator, scene: SceneGeometry) -> list[Mesh]:
    fence = Material("pole", LAYER["chain_fence"])
    meshes = []
    offset, height = float(rng.uniform(2.2, 4.0)), float(rng.uniform(0.8, 1.6))
    for rows in edges:
        if len(rows) < 5 or rng.uniform() > 0.4:
            continue
        at = rows[:, :2] + rows[:, 2:] * offset
        if _clear_of_signs(at, scene).all() and (land.clearance(at) > offset * 0.5).all():
            meshes.append(_band(at, -0.05, height, fence, tile=height * 1.3))
    return meshes


def _band(line: NDArray[np.float64], low: float, high: float, material: Material, tile: float = 1.0) -> Mesh:
    """Return an upright band along a line, to be drawn from both sides."""
    along = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1)))) / tile
    bottom, top = (np.column_stack((line, np.full(len(line), z))) for z in (low, high))
    front = np.stack((bottom[:-1], bottom[1:], top[1:], top[:-1]), axis=1)
    zero, one = np.zeros(len(line) - 1), np.ones(len(line) - 1)
    corners = ((along[:-1], zero), (along[1:], zero), (along[1:], one), (along[:-1], one))
    mesh = quads(front, material, np.stack([np.column_stack(corner) for corner in corners], axis=1))
    mesh.vertices["normal"] = (0.0, 0.0, 1.0)
    return mesh
