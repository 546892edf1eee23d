"""Things on the road: cones, barriers, boxes, containers, barrels. Each has its own proportions and natural colours."""

from __future__ import annotations

import functools

import numpy as np

from sim2real_ad.world.embedded.rendering.mesh import Material, Mesh, quads
from sim2real_ad.world.embedded.rendering.shapes import box, cylinder, frustum
from sim2real_ad.world.embedded.rendering.textures import LAYER

Size = tuple[float, float, float]

ORANGE = Material("obstacle", LAYER["plain"], (0.93, 0.34, 0.08), glow=0.1)
WHITE = Material("obstacle", LAYER["plain"], (0.93, 0.93, 0.92), glow=0.1)
BLACK = Material("obstacle", LAYER["plain"], (0.10, 0.10, 0.10))
STRIPES = Material("obstacle", LAYER["stripes"], glow=0.1)
CARDBOARD = Material("obstacle", LAYER["cardboard"])
WOOD = Material("obstacle", LAYER["wood"])
STEEL = Material("obstacle", LAYER["metal"], paint=True)
PLASTIC = Material("obstacle", LAYER["plain"], paint=True)
CONCRETE = Material("obstacle", LAYER["concrete"], (0.75, 0.74, 0.72))

BY_NAME = (
    ("cone", ("trafficcone", "constructioncone", "cone")),
    ("barrier", ("streetbarrier", "barrier", "trafficwarning", "warning", "fence")),
    ("container", ("container", "clothcontainer", "glasscontainer", "dumpster", "skip")),
    ("barrel", ("barrel", "bin", "trashcan")),
    ("box", ("box", "creasedbox", "briefcase", "luggage", "bag")),
    ("kerb_block", ("chainbarrier", "jersey", "block", "dirtdebris", "brokentile")),
    ("pallet", ("ironplank", "plank", "pallet", "table", "bench")),
)


def prop_style(blueprint: str) -> str:
    """Return which thing a blueprint gets; one that no name tells is a wooden crate."""
    name = blueprint.lower()
    for style, words in BY_NAME:
        if any(word in name for word in words):
            return style
    return "crate"


@functools.lru_cache(maxsize=16)
def prop_mesh(style: str) -> tuple[Mesh, Size]:
    """Return a thing and its own (length, width, height), m, its foot round the origin."""
    mesh = _MAKERS[style]()
    points = mesh.vertices["position"]
    length, width, height = (float(v) for v in np.ptp(points, axis=0))
    return mesh, (length, width, height)


def _cone() -> Mesh:
    base = box((0, 0, 0), (0.4, 0.4, 0.05), BLACK)
    bands = [(0.05, 0.22, 0.15, 0.115, ORANGE), (0.22, 0.36, 0.115, 0.09, WHITE), (0.36, 0.47, 0.09, 0.068, ORANGE)]
    bands += [(0.47, 0.57, 0.068, 0.05, WHITE), (0.57, 0.72, 0.05, 0.025, ORANGE)]
    rings = [cylinder((0, 0, low), (0, 0, high - low), (r0, r1), paint, sides=10) for low, high, r0, r1, paint in bands]
    tip = cylinder((0, 0, 0.715), (0, 0, 0.005), (0.025, 0.02), ORANGE, sides=6, cap=ORANGE)
    return Mesh.merged([base, *rings, tip])


def _barrier() -> Mesh:
    """Two striped boards across the road (they face along x) on feet, with a lamp at each end."""
    boards = [_board(z, high) for z, high in ((0.78, 0.25), (0.35, 0.2))]
    feet = [box((0, y, 0), (0.5, 0.08, 0.08), BLACK) for y in (-0.85, 0.85)]
    posts = [box((0, y, 0), (0.05, 0.05, 1.03), WHITE) for y in (-0.85, 0.85)]
    lamps = [
        box((0, y, 1.03), (0.08, 0.14, 0.16), Material("obstacle", LAYER["plain"], (1.0, 0.7, 0.15), glow=0.7))
        for y in (-0.85, 0.85)
    ]
    return Mesh.merged([*boards, *feet, *posts, *lamps])


def _board(z: float, high: float) -> Mesh:
    y, x = 1.0, 0.03
    uv = np.array(((0, 0), (2.0 / 0.8, 0), (2.0 / 0.8, high / 0.8), (0, high / 0.8)))
    front = ((-x, y, z), (-x, -y, z), (-x, -y, z + high), (-x, y, z + high))
    back = ((x, -y, z), (x, y, z), (x, y, z + high), (x, -y, z + high))
    rim = box((0, 0, z + 0.002), (0.058, 1.998, high - 0.004), WHITE)
    return Mesh.merged([quads([front, back], STRIPES, uv), rim])


def _container() -> Mesh:
    """A skip: steel sides that flare, ribs, and rubble on top."""
    tub = frustum((0, 0, 0.12), (2.6, 1.6, 1.18), (3.6, 1.8), STEEL, tile=1.6)
    ribs = [frustum((x, 0, 0.12), (0.1, 1.66, 1.18), (0.1, 1.88), PLASTIC) for x in (-0.9, 0.0, 0.9)]
    rubble = frustum((0, 0, 1.28), (3.3, 1.6, 0.22), (1.6, 0.5), CONCRETE, tile=1.0)
    runners = [box((0, y, 0), (2.2, 0.15, 0.14), BLACK) for y in (-0.55, 0.55)]
    marks = [_mark(x, y) for x in (-1.0, 1.0) for y in (-1.0, 1.0)]
    return Mesh.merged([tub, *ribs, rubble, *runners, *marks])


def _mark(end: float, side: float) -> Mesh:
    """A striped warning plate at a skip's corner."""
    return box((end * 1.72, side * 0.62, 0.85), (0.16, 0.3, 0.4), STRIPES, tile=0.5)


def _barrel() -> Mesh:
    parts = [
        cylinder((0, 0, z), (0, 0, 0.19), (0.29, 0.29), paint, sides=12)
        for z, paint in ((0.0, ORANGE), (0.19, WHITE), (0.38, ORANGE), (0.57, WHITE))
    ]
    return Mesh.merged([*parts, cylinder((0, 0, 0.76), (0, 0, 0.16), (0.29, 0.26), ORANGE, sides=12, cap=ORANGE)])


def _box() -> Mesh:
    whole = np.array(((0, 0), (1, 0), (1, 1), (0, 1)))
    parcel = box((0, 0, 0), (0.6, 0.5, 0.45), CARDBOARD)
    parcel.vertices["uv"][:, :2] = np.tile(whole, (len(parcel.vertices) // 4, 1))
    return parcel


def _crate() -> Mesh:
    slats = [box((0, 0, z), (0.92, 0.92, 0.16), WOOD, tile=1.0) for z in (0.0, 0.22, 0.44, 0.66)]
    posts = [box((x, y, 0), (0.08, 0.08, 0.86), WOOD, tile=1.0) for x in (-0.44, 0.44) for y in (-0.44, 0.44)]
    return Mesh.merged([*slats, *posts, box((0, 0, 0.02), (0.86, 0.86, 0.78), WOOD.tinted((0.45, 0.4, 0.35)))])


def _kerb_block() -> Mesh:
    lower = frustum((0, 0, 0), (2.0, 0.6, 0.3), (2.0, 0.3), CONCRETE, tile=1.2)
    upper = frustum((0, 0, 0.3), (2.0, 0.3, 0.5), (2.0, 0.18), CONCRETE, tile=1.2)
    return Mesh.merged([lower, upper, box((0, 0, 0.42), (1.2, 0.29, 0.2), STRIPES, tile=0.8)])


def _pallet() -> Mesh:
    blocks = [box((0, y, 0), (1.2, 0.1, 0.1), WOOD) for y in (-0.35, 0.0, 0.35)]
    boards = [box((x, 0, 0.1), (0.14, 0.8, 0.03), WOOD) for x in np.linspace(-0.53, 0.53, 6)]
    return Mesh.merged([*blocks, *boards])


_MAKERS = {
    "cone": _cone,
    "barrier": _barrier,
    "container": _container,
    "barrel": _barrel,
    "box": _box,
    "crate": _crate,
    "kerb_block": _kerb_block,
    "pallet": _pallet,
}
