"""Triangle meshes as plain arrays: made with numpy, merged by the thousand, handed to the graphics card once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim2real_ad.world.protocol import SEMANTIC_CLASSES

Colour = tuple[float, float, float]
"""RGB, 0..1."""

CLASS_ID = {name: index for index, name in enumerate(SEMANTIC_CLASSES)}

VERTEX = np.dtype(
    [
        ("position", np.float32, 3),
        ("normal", np.float32, 3),
        ("uv", np.float32, 3),
        ("colour", np.uint8, 4),
        ("surface", np.uint8, 4),
    ]
)
"""position in m; uv: texture coordinates and texture layer; colour: RGB and paint (255: takes the actor's colour);
surface: semantic id, gloss, glow (0..255 each) and a spare byte."""


@dataclass(frozen=True)
class Material:
    """What a face is made of. layer: of the texture bank; colour: multiplies the texture; paint: the actor's colour
    takes part; gloss, glow: 0..1, how much of the sky it mirrors and how much light it gives off itself."""

    semantic: str
    layer: int = 0
    colour: Colour = (1.0, 1.0, 1.0)
    paint: bool = False
    gloss: float = 0.0
    glow: float = 0.0

    def tinted(self, colour: Colour) -> Material:
        """Return the same material in another colour."""
        return replace(self, colour=colour)


@dataclass(frozen=True)
class Mesh:
    """vertices: (N,) of VERTEX; triangles: (M, 3) indices, counter-clockwise seen from outside."""

    vertices: NDArray[np.void]
    triangles: NDArray[np.uint32]

    @classmethod
    def empty(cls) -> Mesh:
        """Return a mesh of nothing."""
        return cls(np.zeros(0, VERTEX), np.zeros((0, 3), np.uint32))

    @classmethod
    def merged(cls, meshes: Iterable[Mesh]) -> Mesh:
        """Return one mesh of many."""
        parts = [mesh for mesh in meshes if len(mesh.triangles)]
        if not parts:
            return cls.empty()
        offsets = np.cumsum([0] + [len(part.vertices) for part in parts[:-1]])
        triangles = [part.triangles + np.uint32(offset) for part, offset in zip(parts, offsets, strict=True)]
        return cls(np.concatenate([part.vertices for part in parts]), np.concatenate(triangles))

    def placed(
        self,
        x: ArrayLike,
        y: ArrayLike,
        z: ArrayLike,
        yaw: ArrayLike,
        scale: ArrayLike = 1.0,
        tint: NDArray[np.float64] | None = None,
    ) -> Mesh:
        """Return copies turned by yaw (rad), scaled and moved to K places: every argument broadcasts to (K,).

        tint: (K, 3) multiplies each copy's colours.
        """
        xs, ys, zs, yaws, scales = np.broadcast_arrays(*np.atleast_1d(x, y, z, yaw, scale))
        count, size = len(xs), len(self.vertices)
        vertices = np.tile(self.vertices, (count, 1))
        cos, sin = np.cos(yaws)[:, None], np.sin(yaws)[:, None]
        for name, factor, origin in (("position", scales, (xs, ys, zs)), ("normal", np.ones(count), (0.0, 0.0, 0.0))):
            source = self.vertices[name].astype(np.float64)
            east = (cos * source[:, 0] - sin * source[:, 1]) * factor[:, None]
            north = (sin * source[:, 0] + cos * source[:, 1]) * factor[:, None]
            up = np.broadcast_to(source[:, 2], east.shape) * factor[:, None]
            shifted = [
                axis + np.asarray(shift, np.float64).reshape(-1, 1)
                for axis, shift in zip((east, north, up), origin, strict=True)
            ]
            vertices[name] = np.stack(shifted, axis=-1)
        if tint is not None:
            coloured = vertices["colour"][..., :3] * tint[:, None, :]
            vertices["colour"][..., :3] = np.clip(coloured, 0.0, 255.0)
        offsets = (np.arange(count, dtype=np.uint32) * size)[:, None, None]
        return Mesh(vertices.reshape(-1), (self.triangles[None] + offsets).reshape(-1, 3))

    def centres(self) -> NDArray[np.float64]:
        """Return the triangles' centres in the plane, (M, 2) m."""
        return np.asarray(self.vertices["position"][self.triangles, :2].mean(axis=1), np.float64)

    def finished(self, gloss: float, colour: Colour = (1.0, 1.0, 1.0)) -> Mesh:
        """Return the mesh with this gloss, its colours multiplied by one."""
        vertices = self.vertices.copy()
        vertices["surface"][:, 1] = round(gloss * 255)
        vertices["colour"][:, :3] = np.clip(vertices["colour"][:, :3] * np.array(colour), 0.0, 255.0)
        return Mesh(vertices, self.triangles)


def make_vertices(
    position: NDArray[np.float64], normal: NDArray[np.float64], uv: NDArray[np.float64], material: Material
) -> NDArray[np.void]:
    """Return (N,) vertices of one material from (N, 3) positions, (N, 3) normals and (N, 2) texture coordinates."""
    vertices = np.zeros(len(position), VERTEX)
    vertices["position"] = position
    vertices["normal"] = normal
    vertices["uv"][:, :2] = uv
    vertices["uv"][:, 2] = material.layer
    rgb = np.clip(np.array(material.colour) * 255.0, 0.0, 255.0)
    vertices["colour"] = (*rgb.astype(np.uint8), 255 if material.paint else 0)
    vertices["surface"] = (CLASS_ID[material.semantic], round(material.gloss * 255), round(material.glow * 255), 0)
    return vertices


def quads(corners: ArrayLike, material: Material, uv: ArrayLike | None = None) -> Mesh:
    """Return flat four-cornered faces.

    corners: (F, 4, 3), counter-clockwise seen from outside; uv: (F, 4, 2) or (4, 2), default the unit square.
    """
    points = np.asarray(corners, np.float64).reshape(-1, 4, 3)
    unit = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    texture = np.broadcast_to(np.asarray(unit if uv is None else uv, np.float64), (len(points), 4, 2))
    normal = np.cross(points[:, 2] - points[:, 0], points[:, 3] - points[:, 1])
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    normal = np.where(length > 1e-12, normal / np.maximum(length, 1e-12), (0.0, 0.0, 1.0))
    vertices = make_vertices(points.reshape(-1, 3), np.repeat(normal, 4, axis=0), texture.reshape(-1, 2), material)
    first = (np.arange(len(points), dtype=np.uint32) * 4)[:, None, None]
    pattern = np.array([[0, 1, 2], [0, 2, 3]], np.uint32)
    return Mesh(vertices, (first + pattern).reshape(-1, 3))


def flat_triangles(
    points: NDArray[np.float64], triangles: NDArray[np.uint32], height: float, material: Material, tile: float
) -> Mesh:
    """Return a horizontal surface from (N, 2) points and (M, 3) triangles; its texture repeats every `tile` metres.

    Texture coordinates are the map's, so surfaces that meet match. Triangles are turned to face up.
    """
    position = np.column_stack((points, np.full(len(points), height)))
    a, b, c = (points[triangles[:, i]] for i in range(3))
    upward = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]) > 0
    turned = np.where(upward[:, None], triangles, triangles[:, ::-1]).astype(np.uint32)
    normal = np.tile((0.0, 0.0, 1.0), (len(points), 1))
    return Mesh(make_vertices(position, normal, points / tile, material), turned)


@dataclass(frozen=True)
class Cell:
    """What lies in one square of a grid. centre: (x, y) of the square, m."""

    centre: tuple[float, float]
    mesh: Mesh


def split_by_cell(mesh: Mesh, edge: float, anchors: NDArray[np.float64] | None = None) -> tuple[Cell, ...]:
    """Cut a mesh into the squares of a grid (edge in m), so that what is out of sight is skipped.

    A triangle belongs to the square of its anchor (M, 2), by default its centre. The triangles of a square keep their
    order.
    """
    if not len(mesh.triangles):
        return ()
    at = mesh.centres() if anchors is None else anchors
    index = np.floor(at / edge).astype(np.int64)
    low = index.min(axis=0)
    key = (index[:, 0] - low[0]) * (index[:, 1].max() - low[1] + 1) + index[:, 1] - low[1]
    order = np.argsort(key, kind="stable")
    borders = np.flatnonzero(np.diff(key[order])) + 1
    cells = []
    for chosen in np.split(order, borders):
        x, y = (index[chosen[0]] + 0.5) * edge
        cells.append(Cell((float(x), float(y)), _submesh(mesh, chosen)))
    return tuple(cells)


def _submesh(mesh: Mesh, chosen: NDArray[np.int64]) -> Mesh:
    corners = mesh.triangles[chosen].reshape(-1)
    used = np.zeros(len(mesh.vertices), np.bool_)
    used[corners] = True
    renumbered = np.cumsum(used, dtype=np.uint32) - np.uint32(1)
    return Mesh(mesh.vertices[used], renumbered[corners].reshape(-1, 3))
