"""Solid shapes to build things from: boxes, prisms, cylinders, balls, ribbons and polygons."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from panda3d.core import LPoint2d, Triangulator

from sim2real_ad.world.embedded.rendering.mesh import Material, Mesh, flat_triangles, make_vertices, quads

BOX_FACES = ((0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7), (4, 5, 6, 7), (3, 2, 1, 0))
"""Corners of a box's faces: -y, +x, +y, -x, top, bottom; corners 0..3 go round the bottom, 4..7 the top."""


def box(centre: ArrayLike, size: ArrayLike, material: Material, *, tile: float = 1.0, bottom: bool = False) -> Mesh:
    """Return a box by the centre of its bottom face and (length, width, height), m; texture repeats every `tile` m."""
    return frustum(centre, size, (np.asarray(size, np.float64)[:2]), material, tile=tile, bottom=bottom)


def frustum(
    centre: ArrayLike,
    size: ArrayLike,
    top: ArrayLike,
    material: Material,
    *,
    shift: float = 0.0,
    tile: float = 1.0,
    bottom: bool = False,
) -> Mesh:
    """Return a box whose top face has another (length, width), moved by `shift` m along x."""
    length, width, height = np.asarray(size, np.float64)
    x, y = np.array([-0.5, 0.5, 0.5, -0.5]), np.array([-0.5, -0.5, 0.5, 0.5])
    top_length, top_width = np.asarray(top, np.float64)
    low = np.column_stack((x * length, y * width, np.zeros(4)))
    high = np.column_stack((x * top_length + shift, y * top_width, np.full(4, height)))
    corners = np.concatenate((low, high)) + np.asarray(centre, np.float64)
    faces = BOX_FACES if bottom else BOX_FACES[:5]
    across = (length, width, length, width, length, length)
    along = (height, height, height, height, width, width)
    uv = [((0, 0), (u, 0), (u, v), (0, v)) for u, v in zip(across, along, strict=True)]
    return quads(corners[np.array(faces)], material, np.array(uv[: len(faces)]) / tile)


def loft(sections: ArrayLike, material: Material, *, caps: bool = True) -> Mesh:
    """Return the skin over (S, K, 3) cross-sections, convex and in the same sense; caps close both ends."""
    rings = np.asarray(sections, np.float64)
    following = np.roll(rings, -1, axis=1)
    sides = np.stack((rings[:-1], following[:-1], following[1:], rings[1:]), axis=2)
    cores = (rings[:-1].mean(axis=1) + rings[1:].mean(axis=1)) / 2.0
    skin = _facing_away(sides.reshape(-1, 4, 3), np.repeat(cores, rings.shape[1], axis=0))
    if not caps:
        return quads(skin, material)
    middle = rings.mean(axis=(0, 1))
    ends = [_facing_away(fan, np.broadcast_to(middle, (len(fan), 3))) for fan in (_fan(rings[0]), _fan(rings[-1]))]
    return quads(np.concatenate((skin, *ends)), material)


def _facing_away(corners: NDArray[np.float64], cores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn quads (F, 4, 3) over that face the point (F, 3) they should hide."""
    normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    outward = np.einsum("ij,ij->i", normal, corners.mean(axis=1) - cores) >= 0
    return np.where(outward[:, None, None], corners, corners[:, ::-1])


def _fan(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the quads (K - 2, 4, 3) that fill a convex ring (K, 3)."""
    middle = np.arange(1, len(ring) - 1)
    corners = np.stack((np.broadcast_to(ring[0], (len(middle), 3)), ring[middle], ring[middle + 1]), axis=1)
    return np.concatenate((corners, corners[:, 2:]), axis=1)


def cylinder(
    base: ArrayLike,
    axis: ArrayLike,
    radii: tuple[float, float],
    material: Material,
    *,
    sides: int = 8,
    cap: Material | None = None,
) -> Mesh:
    """Return a cylinder or cone from `base` along `axis` (3,), m; radii at base and end; smooth round.

    cap: material of the two end faces, none where None.
    """
    start, along = np.asarray(base, np.float64), np.asarray(axis, np.float64)
    helper = np.array((1.0, 0.0, 0.0)) if abs(along[0]) < 0.9 * np.linalg.norm(along) else np.array((0.0, 1.0, 0.0))
    first = np.cross(along, helper)
    first /= np.linalg.norm(first)
    second = np.cross(along, first) / np.linalg.norm(along)
    angle = np.linspace(0.0, 2.0 * math.pi, sides + 1)
    out = np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second
    rings = np.stack((start + out * radii[0], start + along + out * radii[1]))
    u = np.linspace(0.0, 1.0, sides + 1)
    uv = np.stack((np.column_stack((u, np.zeros_like(u))), np.column_stack((u, np.ones_like(u)))))
    vertices = make_vertices(rings.reshape(-1, 3), np.tile(out, (2, 1)), uv.reshape(-1, 2), material)
    i = np.arange(sides, dtype=np.uint32)
    n = np.uint32(sides + 1)
    skin = Mesh(vertices, np.concatenate((np.stack((i, i + 1, i + n + 1), 1), np.stack((i, i + n + 1, i + n), 1))))
    if cap is None:
        return skin
    middle = start + along / 2.0
    ends = [_facing_away(fan, np.broadcast_to(middle, (len(fan), 3))) for fan in map(_fan, rings[:, :-1])]
    return Mesh.merged([skin, quads(np.concatenate(ends), cap)])


@functools.lru_cache(maxsize=4)
def icosphere(subdivisions: int) -> tuple[NDArray[np.float64], NDArray[np.uint32]]:
    """Return the (N, 3) unit vertices and (M, 3) outward triangles of a ball of near-equal triangles."""
    t = (1.0 + math.sqrt(5.0)) / 2.0
    points: list[tuple[float, float, float]] = [(-1, t, 0), (1, t, 0), (-1, -t, 0), (1, -t, 0), (0, -1, t), (0, 1, t)]
    points += [(0, -1, -t), (0, 1, -t), (t, 0, -1), (t, 0, 1), (-t, 0, -1), (-t, 0, 1)]
    vertices = np.array(points, np.float64) / math.sqrt(1.0 + t * t)
    centres = np.array(points, np.float64)
    close = np.linalg.norm(centres[:, None] - centres[None], axis=2) < 2.1
    triples = [(a, b, c) for a in range(12) for b in range(a + 1, 12) for c in range(b + 1, 12)]
    faces = np.array([f for f in triples if close[f[0], f[1]] and close[f[1], f[2]] and close[f[0], f[2]]])
    for _ in range(subdivisions):
        vertices, faces = _subdivide(vertices, faces)
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    outward = np.einsum("ij,ij->i", np.cross(b - a, c - a), a + b + c) > 0
    return vertices, np.where(outward[:, None], faces, faces[:, ::-1]).astype(np.uint32)


def _subdivide(
    vertices: NDArray[np.float64], faces: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, inverse = np.unique(edges, axis=0, return_inverse=True)
    middle = vertices[unique].mean(axis=1)
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    ab, bc, ca = (inverse.reshape(-1, 3) + len(vertices)).T
    a, b, c = faces.T
    parts = [np.stack(f, axis=1) for f in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
    return np.concatenate((vertices, middle)), np.concatenate(parts)


def ball(
    centre: ArrayLike, radii: ArrayLike, material: Material, *, subdivisions: int = 1, bumps: ArrayLike = 1.0
) -> Mesh:
    """Return an ellipsoid with smooth normals; bumps: (N,) factors on its vertices' radius."""
    unit, triangles = icosphere(subdivisions)
    scale = np.asarray(radii, np.float64)
    position = unit * scale * np.reshape(np.broadcast_to(bumps, len(unit)), (-1, 1)) + np.asarray(centre, np.float64)
    normal = unit / scale
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    uv = np.column_stack((position[:, 0] + position[:, 1] * 0.7, position[:, 2] + position[:, 1] * 0.4))
    return Mesh(make_vertices(position, normal, uv, material), triangles)


def ribbon(line: NDArray[np.float64], width: float, height: float, material: Material, tile: float) -> Mesh:
    """Return a flat band of a width (m) along a polyline (N, 2); v runs across it, u along it every `tile` m."""
    side = polyline_normals(line) * (width / 2.0)
    along = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1)))) / tile
    count = len(line)
    position = np.column_stack((np.concatenate((line - side, line + side)), np.full(2 * count, height)))
    uv = np.column_stack((np.tile(along, 2), np.repeat((0.0, 1.0), count)))
    right = np.arange(count - 1, dtype=np.uint32)
    left = right + np.uint32(count)
    triangles = np.concatenate((np.stack((right, right + 1, left + 1), 1), np.stack((right, left + 1, left), 1)))
    return Mesh(make_vertices(position, np.tile((0.0, 0.0, 1.0), (2 * count, 1)), uv, material), triangles)


def polyline_normals(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (N, 2) unit normals to the left of a polyline (N, 2), averaged at its corners."""
    step = np.diff(line, axis=0)
    step /= np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9)
    tangent = np.concatenate((step[:1], step[:-1] + step[1:], step[-1:]))
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    return np.column_stack((-tangent[:, 1], tangent[:, 0]))


def polygon(outline: NDArray[np.float64], height: float, material: Material, tile: float) -> Mesh:
    """Return the horizontal surface within a simple closed outline (N, 2), m."""
    points = open_ring(outline)
    return flat_triangles(points, triangulate(points), height, material, tile)


def open_ring(outline: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an outline without a repeated last point."""
    points = np.asarray(outline, np.float64)
    return points[:-1] if len(points) > 1 and float(np.abs(points[0] - points[-1]).max()) < 1e-9 else points


def closed_ring(outline: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an outline (N, 2) with its first point repeated at the end."""
    ring = open_ring(outline)
    return np.vstack((ring, ring[:1]))


def counter_clockwise(outline: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an outline (N, 2), open, with its inside to the left."""
    ring = open_ring(outline)
    x, y = ring.T
    area = np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))
    return ring if area > 0 else ring[::-1]


def triangulate(outline: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Cut a simple polygon (N, 2) into (M, 3) triangles of its own corners."""
    cutter = Triangulator()
    for x, y in outline.tolist():
        cutter.add_polygon_vertex(cutter.add_vertex(LPoint2d(x, y)))
    cutter.triangulate()
    count = range(cutter.get_num_triangles())
    corners = [(cutter.get_triangle_v0(i), cutter.get_triangle_v1(i), cutter.get_triangle_v2(i)) for i in count]
    return np.array(corners, np.uint32).reshape(-1, 3)
