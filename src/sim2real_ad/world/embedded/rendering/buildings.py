"""Buildings: town blocks, houses and sheds, a few kinds drawn for a world and put up many times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim2real_ad.world.embedded.appearance import Appearance
from sim2real_ad.world.embedded.rendering.facades import BAY_M, BAYS
from sim2real_ad.world.embedded.rendering.mesh import Colour, Material, Mesh, quads
from sim2real_ad.world.embedded.rendering.shapes import BOX_FACES, box
from sim2real_ad.world.embedded.rendering.textures import LAYER

BLOCK_FACADES = ("facade_plaster", "facade_brick", "facade_glass", "facade_panel")
HOUSE_FACADES = ("facade_plaster", "facade_brick", "facade_boards")
SIDES = (-1.0, 1.0)
FOUNDATION_M = 2.0
"""Walls reach this far into the ground: on a slope none hovers."""


@dataclass(frozen=True)
class Building:
    """One kind of building round the origin, its front towards +y. size: (along the road, depth, height) m."""

    mesh: Mesh
    size: tuple[float, float, float]


def building_kinds(look: Appearance, style: str) -> tuple[Building, ...]:
    """Draw the buildings of a world. style: urban, suburban, rural or industrial."""
    rng = look.rng("buildings")
    blocks = {"urban": 0.85, "suburban": 0.15, "rural": 0.0, "industrial": 0.25}[style]
    sheds = {"urban": 0.0, "suburban": 0.0, "rural": 0.3, "industrial": 0.6}[style]
    kinds = []
    for _ in range(12):
        kind = rng.uniform()
        make = _block if kind < blocks else _shed if kind < blocks + sheds else _house
        kinds.append(make(look, rng))
    return tuple(kinds)


def _panel(x: float, y: float, z: float, size: tuple[float, float], material: Material) -> Mesh:
    """Return an upright panel, (width, height) m, seen from the side of its y; x, z: the middle of its foot."""
    half = size[0] / 2.0 * (-1.0 if y > 0 else 1.0)
    corners = ((x - half, y, z), (x + half, y, z), (x + half, y, z + size[1]), (x - half, y, z + size[1]))
    return quads([corners], material)


def _walls(length: float, depth: float, floors: float, wall: Material, rng: np.random.Generator) -> Mesh:
    """Return four walls with whole bays of windows, the ground floor at z = 0."""
    height = floors * BAY_M
    x, y = np.array([-0.5, 0.5, 0.5, -0.5]) * length, np.array([-0.5, -0.5, 0.5, 0.5]) * depth
    low = np.column_stack((x, y, np.zeros(4)))
    high = low + np.array((0.0, 0.0, height))
    corners = np.concatenate((low, high))[np.array(BOX_FACES[:4])]
    bays = [max(round(side / BAY_M), 1) / BAYS for side in (length, depth, length, depth)]
    start = rng.integers(BAYS, size=(4, 2)) / BAYS
    uv = [
        ((u, v), (u + wide, v), (u + wide, v + floors / BAYS), (u, v + floors / BAYS))
        for (u, v), wide in zip(start, bays, strict=True)
    ]
    base = Material("building", LAYER["concrete"], _darker(wall.colour, 0.6))
    plinth = box((0, 0, -FOUNDATION_M), (length + 0.1, depth + 0.1, FOUNDATION_M + 0.35), base, tile=3.0)
    return Mesh.merged([quads(corners, wall, np.array(uv)), plinth])


def _block(look: Appearance, rng: np.random.Generator) -> Building:
    floors = int(rng.integers(3, 8))
    length, depth, height = float(rng.uniform(10.5, 13.5)), float(rng.uniform(9.0, 14.0)), floors * BAY_M
    facade = str(rng.choice(BLOCK_FACADES))
    wall = Material("building", LAYER[facade], _wall_colour(look, rng), gloss=0.35 if facade == "facade_glass" else 0.0)
    trim = Material("building", LAYER["concrete"], _darker(wall.colour, 0.85))
    parts = [
        _walls(length, depth, floors, wall, rng),
        box((0, 0, height), (length + 0.5, depth + 0.5, 0.6), trim, tile=3.0),
    ]
    if rng.uniform() < 0.6:
        parts.append(_shop_front(look, length, depth, rng))
    if rng.uniform() < 0.5:
        parts.append(box((*rng.uniform(-2.5, 2.5, 2), height + 0.6), (3.0, 3.0, 2.0), trim, tile=3.0))
    if rng.uniform() < 0.35:
        parts.extend(_balconies(floors, length, depth, trim))
    return Building(Mesh.merged(parts), (length, depth, height + 0.6))


def _shop_front(look: Appearance, length: float, depth: float, rng: np.random.Generator) -> Mesh:
    """Wide dark windows and a coloured band over them on both long sides."""
    glass = Material("building", LAYER["plain"], (0.16, 0.18, 0.20), gloss=0.5)
    band = Material("building", LAYER["plain"], _wall_colour(look, rng), glow=0.2)
    parts = []
    for side in SIDES:
        parts.append(_panel(0.0, side * (depth / 2.0 + 0.06), 0.4, (length - 1.2, 2.1), glass))
        parts.append(box((0, side * depth / 2.0, 2.55), (length - 0.6, 0.3, 0.55), band))
    return Mesh.merged(parts)


def _balconies(floors: int, length: float, depth: float, trim: Material) -> list[Mesh]:
    return [
        box((x * length, depth / 2.0, floor * BAY_M - 0.15), (2.6, 2.0, 1.1), trim, tile=3.0)
        for floor in range(1, floors)
        for x in (-0.25, 0.25)
    ]


def _house(look: Appearance, rng: np.random.Generator) -> Building:
    floors = int(rng.integers(1, 3))
    length, depth = float(rng.uniform(8.0, 12.0)), float(rng.uniform(7.0, 9.5))
    height = floors * BAY_M
    wall = Material("building", LAYER[str(rng.choice(HOUSE_FACADES))], _wall_colour(look, rng))
    tiles = Material("building", LAYER["roof"], look.palette.roofs[int(rng.integers(len(look.palette.roofs)))])
    rise = float(rng.uniform(1.4, 3.2))
    hip = float(rng.choice((0.0, 0.0, 0.35)))
    parts = [_walls(length, depth, floors, wall, rng), _pitched_roof(length, depth, height, rise, hip, wall, tiles)]
    door = Material("building", LAYER["wood"], _darker(_wall_colour(look, rng), 0.55))
    at = rng.uniform(-2.0, 2.0, 2)
    parts += [_panel(x, side * (depth / 2.0 + 0.06), 0.1, (1.05, 2.1), door) for x, side in zip(at, SIDES, strict=True)]
    if rng.uniform() < 0.7:
        brick = Material("building", LAYER["facade_brick"], (0.5, 0.34, 0.28))
        parts.append(box((length * 0.22, 0.9, height), (0.7, 0.7, rise + 0.9), brick, tile=9.0))
    if rng.uniform() < 0.4:
        parts.append(box((length / 2.0 - 1.6, depth / 2.0, 0.0), (3.2, 1.8, 2.5), wall.tinted(tiles.colour), tile=40.0))
    return Building(Mesh.merged(parts), (length, depth, height + rise * 0.7))


def _pitched_roof(
    length: float, depth: float, height: float, rise: float, hip: float, wall: Material, tiles: Material
) -> Mesh:
    """Return a gable (hip 0) or hip roof with eaves, its ridge along x."""
    eaves = 0.45
    x, y, ridge = length / 2.0 + eaves, depth / 2.0 + eaves, length / 2.0 + eaves - hip * depth
    low = height - eaves * rise / (depth / 2.0)
    corners = [(-x, -y, low), (x, -y, low), (x, y, low), (-x, y, low)]
    top = [(-ridge, 0.0, height + rise), (ridge, 0.0, height + rise)]
    slopes = [(corners[0], corners[1], top[1], top[0]), (corners[2], corners[3], top[0], top[1])]
    uv = np.array(((0, 0), (length, 0), (length, depth / 2), (0, depth / 2))) / 4.0
    roof = quads(slopes, tiles, uv)
    under = quads([(corners[3], corners[2], corners[1], corners[0])], tiles.tinted((0.35, 0.33, 0.3)))
    ends = [(corners[1], corners[2], top[1], top[1]), (corners[3], corners[0], top[0], top[0])]
    if hip:
        return Mesh.merged([roof, under, quads(ends, tiles, uv)])
    gable = Material("building", LAYER["plain"], wall.colour)
    inner = length / 2.0
    faces = []
    for side in (1.0, -1.0):
        foot = [(side * inner, -side * depth / 2, height), (side * inner, side * depth / 2, height)]
        faces.append((*foot, (side * inner, 0, height + rise), (side * inner, 0, height + rise)))
    return Mesh.merged([roof, under, quads(faces, gable)])


def _shed(look: Appearance, rng: np.random.Generator) -> Building:
    length, depth, height = float(rng.uniform(11.0, 13.5)), float(rng.uniform(10.0, 14.0)), float(rng.uniform(1.5, 2.7))
    wall = Material("building", LAYER["facade_shed"], _wall_colour(look, rng))
    roof = Material("building", LAYER["metal"], (0.62, 0.63, 0.65))
    gate = Material("building", LAYER["metal"], _darker(_wall_colour(look, rng), 0.7))
    parts = [
        _walls(length, depth, height, wall, rng),
        _pitched_roof(length, depth, height * BAY_M, 1.1, 0.0, wall, roof),
        *(_panel(1.5 * side, side * (depth / 2.0 + 0.08), 0.0, (4.2, 3.6), gate) for side in SIDES),
    ]
    return Building(Mesh.merged(parts), (length, depth, height * BAY_M + 1.0))


def _wall_colour(look: Appearance, rng: np.random.Generator) -> Colour:
    return look.palette.walls[int(rng.integers(len(look.palette.walls)))]


def _darker(colour: Colour, factor: float) -> Colour:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor
